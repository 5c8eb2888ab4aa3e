"""What an operator reads: the letters, what is about to be deleted, and what became of each."""

import io

import pytest
from rich.console import Console

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.letters import LetterQueue
from pipelines.dlq.opening import opened_letter
from pipelines.dlq.presentation import (
    duration,
    handled_json,
    letter_json,
    row_json,
    show_handled,
    show_letter,
    show_list,
    summary,
)
from pipelines.dlq.resolving import Fate, Handled
from pipelines.topics import ALL_SALES_ORDER
from tests.contracts.samples import SAMPLES
from tests.pipelines.dlq.letters_in_memory import (
    DAY_MS,
    PUT_ASIDE_MS,
    SETTINGS,
    letter,
    lying,
    resolved,
)

FRAMING = SingleObjectFraming()
MARKUP = BrokenRecord(BrokenCode.CONTRACT, "lines[0] [bold]is[/] wrong")


def printed(show: object, *arguments: object) -> str:
    console = Console(file=io.StringIO(), width=200, markup=False, highlight=False)
    assert callable(show)
    show(*arguments, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def listing(queue: LetterQueue, now_ms: int) -> str:
    return printed(show_list, queue, queue.in_order(), SETTINGS, now_ms)


def test_list_has_a_row_a_letter_and_the_sums_below() -> None:
    first = lying(offset=17)
    queue = LetterQueue.of([first, lying(offset=18, error=MARKUP), resolved(first, offset=19)])
    text = listing(queue, PUT_ASIDE_MS + 2 * DAY_MS)
    row = next(line for line in text.splitlines() if "2:18" in line)
    for part in (
        "2 d ago",
        "28 d",
        "All_Payments",
        "3:18",
        "CONTRACT",
        "[bold]is[/] wrong",
        "open",
    ):
        assert part in row, part
    ended = next(line for line in text.splitlines() if "2:17" in line)
    assert "discarded by anna sent again" in ended
    assert text.splitlines()[-1] == "2 shown; 1 open, 1 resolved"


def test_list_warns_of_open_letters_that_are_soon_deleted() -> None:
    first = lying(offset=17)
    queue = LetterQueue.of([first, lying(offset=18), resolved(first, offset=19)])
    text = listing(queue, PUT_ASIDE_MS + 27 * DAY_MS)
    assert "1 open ones may be deleted within 3 d" in text.splitlines()[-1]
    over = listing(queue, PUT_ASIDE_MS + 31 * DAY_MS)
    assert "over" in next(line for line in over.splitlines() if "2:18" in line)


def test_long_list_shows_the_oldest_and_says_so() -> None:
    queue = LetterQueue.of([lying(offset=offset) for offset in range(300)])
    text = listing(queue, PUT_ASIDE_MS)
    assert text.count("no framing") == 200
    assert text.splitlines()[-1].startswith(
        "200 shown of 300, the oldest: --json has all; 300 open"
    )


def test_list_of_nothing_is_one_line() -> None:
    assert listing(LetterQueue(), PUT_ASIDE_MS) == "0 shown; 0 open, 0 resolved\n"


def test_list_says_what_is_neither_letter_nor_resolution() -> None:
    assert "2 records that are neither" in listing(LetterQueue(strange=2), PUT_ASIDE_MS)


def test_shown_letter_tells_everything_and_what_a_retry_would_do() -> None:
    value = FRAMING.encode(RecordName.SALES_ORDER, SAMPLES[RecordName.SALES_ORDER])[:-1]
    queue = LetterQueue.of([lying(value, topic=ALL_SALES_ORDER)])
    [found] = queue.in_order()
    opened = opened_letter(found, SETTINGS, FRAMING)
    text = printed(show_letter, queue, found, opened, "still broken: EMPTY", SETTINGS)
    for part in ("2:17", "still broken: EMPTY", "SalesOrder, version 1", "notification", "…0042"):
        assert part in text, part
    as_json = letter_json(queue, found, opened, "nothing", SETTINGS)
    assert (as_json["stoppedAt"], as_json["state"]) == ("notification", "open")
    assert as_json["recordTime"] == "2025-01-01T00:00:00Z"
    assert as_json["keptUntil"] == "2025-01-31T02:53:20Z"


def test_row_of_a_resolved_letter_says_how_by_whom_and_why() -> None:
    record = lying()
    queue = LetterQueue.of([record, resolved(record, offset=18)])
    row = row_json(queue, queue.in_order()[0], SETTINGS)
    assert (row["state"], row["resolvedBy"], row["reason"]) == ("discarded", "anna", "sent again")
    assert row["topic"] == "All_Payments"


def test_what_became_of_letters_is_told_one_by_one_and_in_sum() -> None:
    handled = [
        Handled(letter=letter(), fate=Fate.DONE, says="1 to GiftCertificates.Facts"),
        Handled(letter=letter(), fate=Fate.STAYS, says="still broken: lines[0]"),
        Handled(letter=letter(), fate=Fate.STAYS, says="still broken"),
    ]
    text = printed(show_handled, handled, SETTINGS)
    assert "still broken: lines[0]" in text
    assert text.splitlines()[-1] == "1 done, 2 stays open"
    assert handled_json(handled)[0] == {
        "letter": "2:17",
        "fate": "DONE",
        "says": "1 to GiftCertificates.Facts",
    }
    assert summary([]) == "no letter is meant"


@pytest.mark.parametrize(
    ("span_ms", "text"),
    [(0, "0 s"), (999, "0 s"), (59_999, "59 s"), (3_599_999, "59 min"), (DAY_MS, "1 d")],
)
def test_span_of_time_is_told_in_its_largest_unit(span_ms: int, text: str) -> None:
    assert duration(span_ms) == text
