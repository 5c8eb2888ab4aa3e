"""Which letters a command is about."""

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.dlq.letters import LetterQueue, Place
from pipelines.dlq.selection import Selection, moment
from pipelines.topics import ALL_CLIENTS
from tests.pipelines.dlq.letters_in_memory import DAY_MS, PUT_ASIDE_MS, lying, resolved

EMPTY = BrokenRecord(BrokenCode.EMPTY, "no value")
RESOLVED = lying(offset=1)
QUEUE = LetterQueue.of(
    [
        RESOLVED,
        lying(offset=2, at_ms=PUT_ASIDE_MS + DAY_MS),
        lying(offset=3, error=EMPTY, value=None),
        lying(offset=4, topic=ALL_CLIENTS),
        resolved(RESOLVED, offset=5),
    ]
)


@pytest.mark.parametrize(
    ("selection", "resolved_too", "offsets"),
    [
        pytest.param(Selection(), False, [3, 4, 2], id="everything open"),
        pytest.param(Selection(), True, [1, 3, 4, 2], id="everything"),
        pytest.param(Selection(code="EMPTY"), True, [3], id="by code"),
        pytest.param(Selection(topic="here-All_Clients"), True, [4], id="by topic"),
        pytest.param(Selection(topic="All_Clients"), True, [], id="a topic of another prefix"),
        pytest.param(Selection(since_ms=PUT_ASIDE_MS + 1), True, [2], id="by time"),
        pytest.param(Selection(since_ms=PUT_ASIDE_MS), True, [1, 3, 4, 2], id="at that very time"),
        pytest.param(
            Selection(places=[Place(partition=2, offset=1)]),
            False,
            [1],
            id="named",
        ),
        pytest.param(
            Selection(places=[Place(partition=2, offset=2)], code="EMPTY"), False, [], id="both"
        ),
    ],
)
def test_letters_meant_are_those_that_are_named_or_let_through(
    selection: Selection, resolved_too: bool, offsets: list[int]
) -> None:
    found = [letter.place.offset for letter in selection.of(QUEUE, resolved=resolved_too)]
    assert found == offsets


def test_named_place_without_a_letter_is_missing() -> None:
    """A resolution is none."""
    there, gone = Place(partition=2, offset=1), Place(partition=2, offset=5)
    assert Selection(places=[there, gone]).missing(QUEUE) == [gone]


NOW_MS = 1_772_359_209_000


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("30s", NOW_MS - 30_000),
        ("90m", NOW_MS - 90 * 60_000),
        ("12h", NOW_MS - 12 * 3_600_000),
        ("2d", NOW_MS - 2 * DAY_MS),
        ("2026-03-01T10:00:09Z", NOW_MS),
        ("2026-03-01T13:00:09+03:00", NOW_MS),
    ],
)
def test_time_is_so_long_ago_or_a_moment_with_its_zone(text: str, at_ms: int) -> None:
    assert moment(text, NOW_MS) == at_ms


@pytest.mark.parametrize("text", ["", "2", "2w", "-2d", "2026-03-01T10:00:09", "yesterday", "1.5h"])
def test_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        moment(text, NOW_MS)
