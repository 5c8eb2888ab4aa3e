"""The note beside a committed offset says again what was put into it, and is never too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.neighbours.crm.progress_note import (
    LONGEST_NOTE,
    MOST_OPEN,
    OpenPlace,
    Progress,
    UnknownNote,
    note_of,
    progress_of,
)

LAST = 2**62


@st.composite
def progresses(draw: st.DrawFn) -> Progress:
    offsets = sorted(draw(st.sets(st.integers(0, LAST), max_size=20)))
    places = tuple(OpenPlace(offset=offset, begun=draw(st.booleans())) for offset in offsets)
    after = offsets[-1] + 1 if offsets else 0
    return Progress(read_to=draw(st.integers(after, LAST + 1)), open=places)


@given(progresses())
def test_note_read_again_is_the_progress_that_was_written(progress: Progress) -> None:
    assert progress_of(progress.offset, note_of(progress)) == progress


def test_nothing_open_needs_no_note() -> None:
    assert note_of(Progress(read_to=17)) == ""
    assert progress_of(17, None) == progress_of(17, "") == Progress(read_to=17)


@pytest.mark.parametrize("apart", [1, 200, 100_000, 10_000_000])
def test_note_of_as_many_as_may_be_open_is_what_a_broker_keeps(apart: int) -> None:
    places = tuple(
        OpenPlace(offset=10**12 + position * apart, begun=True) for position in range(MOST_OPEN)
    )
    note = note_of(Progress(read_to=10**12 + MOST_OPEN * apart, open=places))
    assert len(note) <= LONGEST_NOTE


@pytest.mark.parametrize(
    "note",
    [
        "hello",
        "2:AAAA",
        "1:",
        "1:AA",
        "1:!!!!",
        "1:AQ",  # it says how far, and names nothing
        "1:AQCA",  # cut inside a number
        "1:AQAA",  # two at one place
        "1:AAAC",  # open beyond what was read
    ],
)
def test_text_that_is_no_note_is_unknown(note: str) -> None:
    with pytest.raises(UnknownNote):
        progress_of(5, note)


@given(st.text(max_size=40))
def test_any_text_is_a_note_or_unknown(text: str) -> None:
    try:
        found = progress_of(5, text)
    except UnknownNote:
        return
    assert found.read_to >= 5
