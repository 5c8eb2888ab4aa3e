"""Who leaves the group says so before closing: a client with a fixed name never does by itself."""

import pytest

from pipelines.group_leaving import GOODBYE_S, GroupLeaving


class Member:
    """A group member whose partitions are taken away in the third poll after it unsubscribed."""

    def __init__(self) -> None:
        self.unsubscribed = 0
        self.polls = 0

    def assignment(self) -> list[str]:
        return [] if self.polls >= 3 else ["a", "b"]

    def unsubscribe(self) -> None:
        self.unsubscribed += 1

    def poll(self, timeout: float) -> None:
        assert 0 < timeout < GOODBYE_S
        self.polls += self.unsubscribed


@pytest.mark.parametrize(("at_stop", "failed", "left"), [
    pytest.param(False, False, 0, id="its partitions wait for it"),
    pytest.param(True, False, 1, id="others take them"),
    pytest.param(True, True, 0, id="it failed and will be started again"),
])  # fmt: skip
def test_stopping_leaves_only_where_that_was_set(at_stop: bool, failed: bool, left: int) -> None:
    member = Member()
    GroupLeaving(member, at_stop=at_stop).at_end(failed=failed)
    assert member.unsubscribed == left
    assert member.polls == 3 * left


def test_worker_that_is_asked_hands_over_once_and_goes_on() -> None:
    member = Member()
    leaving = GroupLeaving(member, at_stop=True)
    assert not leaving.begun()
    leaving.ask()
    assert leaving.begun()
    assert member.assignment() == []
    leaving.ask()
    assert not leaving.begun()
    leaving.at_end(failed=False)
    assert member.unsubscribed == 1
