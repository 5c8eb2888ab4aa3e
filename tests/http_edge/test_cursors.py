"""Where a listing goes on: its own text is taken, and every other is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_edge.api.models import Cursor
from http_edge.api.problems import Problem
from http_edge.handlers.cursors import POSITION_BYTES, cursor_of, position_in


def _described() -> str:
    """What the description of the API says of a cursor."""
    schema = msgspec.json.schema(Cursor)
    pattern: str = schema["pattern"]
    return pattern.removeprefix("^").removesuffix("$")


LAST = 2 ** (8 * POSITION_BYTES) - 1


@given(st.integers(1, LAST))
def test_position_comes_back_from_its_cursor(position: int) -> None:
    text = cursor_of(position)
    assert position_in(text, 1) == position
    assert text.replace("-", "a").replace("_", "a").isalnum()


def test_no_cursor_is_the_first_position() -> None:
    assert [position_in("", first) for first in (0, 1)] == [0, 1]


@pytest.mark.parametrize(
    "text",
    ["1", "a", "abc", "AAAAAAAAAA=", "AAAAAAAAAAA", "AAAAAAAAAB", "AAAAAAAAA", "é" * 10, "A" * 200],
)
def test_text_that_is_no_cursor_of_ours_is_refused(text: str) -> None:
    """The last but two of them say position 0 with bits to spare, or too few."""
    with pytest.raises(Problem) as caught:
        position_in(text, 0)
    assert caught.value.kind.name == "invalid-request"


def test_position_before_the_first_is_the_first() -> None:
    assert position_in(cursor_of(0), 1) == 1


@given(st.from_regex(_described(), fullmatch=True))
def test_text_that_fits_the_description_is_a_cursor(text: str) -> None:
    position_in(text, 0)


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"))
def test_any_text_is_a_position_or_refused(text: str) -> None:
    """A caller's text never becomes a bug of ours, and no two texts are one position."""
    try:
        position = position_in(text, 0)
    except Problem:
        return
    assert text in ("", cursor_of(position))
