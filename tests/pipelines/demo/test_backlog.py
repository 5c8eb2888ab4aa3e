"""When the flow has done with everything: markers of transactions are left, and nothing moves."""

import pytest

from pipelines.demo.backlog import is_done


@pytest.mark.parametrize(
    ("before", "now", "done"),
    [
        ([0, 0], [0, 0], True),
        ([0, 2], [0, 2], True),
        ([1, 0], [0, 0], False),
        ([0, 1], [0, 2], False),
        ([0, 3], [0, 3], False),
        ([], [0, 0], False),
    ],
)
def test_flow_is_done_when_two_looks_find_the_same_few_markers(
    before: list[int], now: list[int], done: bool
) -> None:
    """Whether one or two records that are left are real shows by their going."""
    assert is_done(before, now) == done
