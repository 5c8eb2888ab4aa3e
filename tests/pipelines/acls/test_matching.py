"""Kafka's list against the table: what is missing, too much, or a stranger's."""

from collections.abc import Collection

import pytest

from pipelines.acls.matching import Difference, RightsDiffer, State, Wanted, apply, compare, refuse
from pipelines.acls.rights import Acl, Kind, Operation, Principal, Resource, Right

COMMANDS = Resource(kind=Kind.TOPIC, name="Commands")
EVERYTHING = Resource(kind=Kind.TOPIC, name="*")
GROUP = Resource(kind=Kind.GROUP, name="tills")
ELSEWHERE = Resource(kind=Kind.TOPIC, name="Elsewhere")
READS = Acl(user="User:bi", resource=COMMANDS, operation=Operation.READ)
MUST = Wanted(
    rights=[
        Right(principal=Principal.BI, resource=COMMANDS, operations=frozenset({Operation.READ}))
    ],
    users={**dict.fromkeys(Principal, ()), Principal.BI: ("User:bi",)},
    ours=[COMMANDS, GROUP],
    trusted=["User:admin"],
)


class FakeList:
    """Kafka's list in memory, and what was done with it in order."""

    def __init__(self, *acls: Acl) -> None:
        self.acls = set(acls)
        self.done: list[str] = []

    def found(self) -> frozenset[Acl]:
        return frozenset(self.acls)

    def add(self, acls: Collection[Acl]) -> None:
        self.acls |= set(acls)
        self.done.append("add")

    def remove(self, acls: Collection[Acl]) -> None:
        self.acls -= set(acls)
        self.done.append("remove")


def acl(user: str, operation: Operation, resource: Resource = COMMANDS, **more: object) -> Acl:
    return Acl(user=user, operation=operation, resource=resource, **more)  # type: ignore[arg-type]  # a test's own shortcut


def states(found: Collection[Acl]) -> list[tuple[State, str]]:
    return [(each.state, each.acl.user) for each in compare(found, MUST)]


def test_list_that_is_as_the_table_says_differs_in_nothing() -> None:
    assert compare([READS], MUST) == []
    refuse([])


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (acl("User:bi", Operation.WRITE), State.TOO_MUCH),
        (acl("User:bi", Operation.READ, GROUP), State.TOO_MUCH),
        (acl("User:bi", Operation.WRITE, ELSEWHERE), None),
        (acl("User:bi", Operation.READ, ELSEWHERE, allow=False), None),
        (acl("User:bi", Operation.READ, EVERYTHING), State.TOO_MUCH),
        (acl("User:bi", Operation.READ, allow=False), State.TOO_MUCH),
        (acl("User:bi", Operation.READ, host="10.0.0.1"), State.TOO_MUCH),
        (acl("User:other", Operation.WRITE), State.STRANGE),
        (acl("User:other", Operation.ALL, EVERYTHING), State.STRANGE),
        (acl("User:other", Operation.READ, GROUP), State.STRANGE),
        (acl("User:*", Operation.READ), State.STRANGE),
        (
            acl("User:other", Operation.WRITE, Resource(kind=Kind.TOPIC, name="Co", prefixed=True)),
            State.STRANGE,
        ),
        (acl("User:other", Operation.READ), None),
        (acl("User:other", Operation.WRITE, ELSEWHERE), None),
        (acl("User:other", Operation.WRITE, allow=False), None),
        (acl("User:admin", Operation.ALL, EVERYTHING), None),
    ],
)
def test_acl_beyond_the_table_is_too_much_or_a_strangers_or_nobodys_business(
    found: Acl, state: State | None
) -> None:
    told = states([READS, found])
    assert told == ([] if state is None else [(state, found.user)])


def test_missing_right_is_added_once_and_then_nothing_is_left_to_do() -> None:
    kafka = FakeList()
    (first,) = apply(kafka, MUST)
    assert (first.state, first.acl, first.principal) == (State.GRANTED, READS, Principal.BI)
    assert kafka.acls == {READS}
    assert apply(kafka, MUST) == []


def test_dry_run_says_what_is_missing_and_changes_nothing() -> None:
    kafka = FakeList()
    assert [each.state for each in apply(kafka, MUST, dry_run=True, prune=True)] == [State.MISSING]
    assert kafka.done == []


def test_what_is_too_much_is_taken_away_only_when_asked_to_and_after_what_is_added() -> None:
    extra = acl("User:bi", Operation.WRITE)
    kafka = FakeList(extra)
    assert [each.state for each in apply(kafka, MUST)] == [State.GRANTED, State.TOO_MUCH]
    assert kafka.acls == {READS, extra}
    kafka = FakeList(extra)
    assert [each.state for each in apply(kafka, MUST, prune=True)] == [State.GRANTED, State.TAKEN]
    assert kafka.acls == {READS}
    assert kafka.done == ["add", "remove"]


def test_strangers_right_is_never_taken_away() -> None:
    theirs = acl("User:other", Operation.WRITE)
    kafka = FakeList(READS, theirs)
    assert [each.state for each in apply(kafka, MUST, prune=True)] == [State.STRANGE]
    assert theirs in kafka.acls


def test_refusal_names_for_each_kind_what_helps() -> None:
    differences = [
        Difference(state=State.MISSING, principal=Principal.BI, acl=READS),
        Difference(state=State.TOO_MUCH, principal=Principal.BI, acl=READS),
        Difference(state=State.STRANGE, principal=None, acl=READS),
    ]
    with pytest.raises(RightsDiffer) as caught:
        refuse(differences)
    assert caught.value.exit_code == 4
    assert "1 are missing: `giftcert acls apply` adds them" in str(caught.value)
    assert "`giftcert acls apply --prune` takes them away" in str(caught.value)
    assert "--trusted" in str(caught.value)


def test_what_was_done_is_no_difference_any_more() -> None:
    refuse([Difference(state=State.GRANTED, principal=Principal.BI, acl=READS)])
