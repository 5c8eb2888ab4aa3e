"""The page of the batch loader says what the program does."""

import re
from pathlib import Path

from pipelines.loader.check_digits import CheckMethod
from pipelines.loader.load_file import READ_FOR_ONE_ROW
from pipelines.loader.number_draw import GUESSES
from pipelines.loader.outcomes import NO_ANSWER, NOT_SENT, Outcome
from pipelines.loader.report_csv import HEADER
from pipelines.loader.report_page import MOST_ROWS as MOST_ON_A_PAGE
from pipelines.loader.rows import MOST_ROWS, RowCode
from pipelines.loader.window import ROWS_UNDER_WAY
from state.certificate.numbers import LONGEST, SHORTEST
from state.certificate.rejections import RejectionCode

PAGE = Path(__file__).parents[3] / "docs" / "neighbours" / "batch-loader.md"
TEXT = PAGE.read_text(encoding="utf-8")


def first_cells(header: str) -> list[str]:
    """The first cell of each row of the table with that first column."""
    table = TEXT.split(f"| {header} |", maxsplit=1)[1].split("\n\n", maxsplit=1)[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def test_page_lists_the_columns_of_the_report_in_their_order() -> None:
    assert first_cells("column") == list(HEADER)


def test_page_lists_every_code_that_a_row_may_have() -> None:
    by_the_service = [RejectionCode.DUPLICATE_NUMBER, NO_ANSWER.code, NOT_SENT.code]
    assert first_cells("code") == [*RowCode, *by_the_service]


def test_page_names_every_outcome_and_every_check_method() -> None:
    assert all(f"`{outcome.value}`" in TEXT for outcome in Outcome)
    assert first_cells("`--check`") == list(CheckMethod)


def test_numbers_on_the_page_are_those_of_the_source() -> None:
    for phrase in (
        f"{SHORTEST} to {LONGEST} of `A-Z 0-9 -`",
        f"At most {MOST_ROWS:,} rows a file",
        f"the first {MOST_ON_A_PAGE:,} rows that are not in",
        f"more than {READ_FOR_ONE_ROW} times as long as the file",
        f"of {GUESSES:,} guesses",
        f"keeps {ROWS_UNDER_WAY:,} rows under way",
    ):
        assert phrase in TEXT, phrase
