"""Puts the generated tables into their pages: `make docs`, or `python -m tests.write_docs`.

Owns the markers. Touches nothing of a page but what stands between two of them.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_BLOCK: Final = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+); `make docs` rewrites it -->\n)"
    r".*?"
    r"(?P<end><!-- end of [\w-]+ -->\n)",
    re.DOTALL,
)


def pages() -> Iterator[Path]:
    """Every Markdown page of the project."""
    yield from sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    yield from sorted((ROOT / "avro").glob("*.md"))


def table_names(text: str) -> list[str]:
    """The tables that a page asks for."""
    return [found["name"] for found in _BLOCK.finditer(text)]


def with_tables(text: str, tables: Mapping[str, str]) -> str:
    """A page with every table as it must be. KeyError: there is no table of that name."""

    def replaced(found: re.Match[str]) -> str:
        name = found["name"]
        assert found["end"] == f"<!-- end of {name} -->\n", f"{name} ends with another's mark"
        return f"{found['begin']}\n{tables[name]}\n{found['end']}"

    return _BLOCK.sub(replaced, text)


def main() -> None:
    """Rewrite every page that is not as it must be, and say which."""
    from tests.docs_tables import TABLES

    tables = {name: make() for name, make in TABLES.items()}
    for page in pages():
        text = page.read_text(encoding="utf-8")
        wanted = with_tables(text, tables)
        if wanted != text:
            page.write_text(wanted, encoding="utf-8")
            print(f"rewrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
