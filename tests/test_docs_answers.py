"""Whoever looks something up finds it: the pages are compared with every list the program has."""

import pytest

from tests.docs_answers import SOURCES, alerts, answered, runbook_of
from tests.write_docs import ROOT, pages


def answers() -> frozenset[str]:
    return answered(
        (page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")) for page in pages()
    )


@pytest.mark.parametrize("kind", SOURCES)
def test_every_one_of_a_kind_is_answered_by_a_table_of_a_page(kind: str) -> None:
    """A missing one: `make docs`, or a row on the page where people would look."""
    wanted = SOURCES[kind]()
    assert wanted, f"there are no {kind}"
    assert wanted - answers() == set()


def test_every_alert_has_its_runbook() -> None:
    assert [alert for alert in alerts() if not runbook_of(alert).is_file()] == []


@pytest.mark.parametrize(
    ("page", "text", "found"),
    [
        ("docs/a.md", "| `POOL_LOW`, `OTHER` | load numbers |", {"POOL_LOW", "OTHER"}),
        ("docs/a.md", "| [`Reply`](Reply.avsc) | topic |", {"Reply"}),
        ("docs/a.md", "| [Reply](Reply.avsc) | topic |", {"Reply"}),
        ("docs/a.md", "| 70 | a bug |", {"exit code 70"}),
        ("docs/a.md", "| what | `POOL_LOW` |", set()),
        ("docs/a.md", "`POOL_LOW` is told in prose", set()),
        ("docs/decisions/0001.md", "| `POOL_LOW` | was chosen |", set()),
        (
            "docs/a.md",
            "## giftcert up\n\n| `--broker auto\\|HOST` | which |\n",
            {"giftcert up", "giftcert up --broker auto|HOST"},
        ),
    ],
)
def test_only_the_first_cell_of_a_row_answers(page: str, text: str, found: set[str]) -> None:
    assert answered(iter([(page, text)])) == found
