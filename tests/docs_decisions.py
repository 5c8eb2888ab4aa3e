"""The decision records as one table.

Owns the reading of their titles.
"""

from pathlib import Path

from tests.docs_form import table

DECISIONS = Path(__file__).resolve().parents[1] / "docs" / "decisions"


def decisions() -> str:
    """Every decision record by its number and what it is called."""
    rows = []
    for page in sorted(DECISIONS.glob("[0-9]*.md")):
        title = page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        number, _, called = title.partition(" ")
        rows.append([number.rstrip(".").zfill(4), f"[{called}]({page.name})"])
    return table(["", "decision"], rows)
