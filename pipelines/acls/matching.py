"""Makes Kafka's ACLs what the table of rights says, or says in what they differ.

Owns what counts as a difference and what is done about it. Takes nothing from anybody unasked, and
never from who is not in the table.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from pipelines.acls.rights import (
    EVERYBODY,
    Acl,
    Kind,
    Operation,
    Principal,
    Resource,
    Right,
    Users,
    acls_of,
)
from pipelines.faults import OperatorError

_CHANGES: Final = frozenset(
    {
        Operation.ALL,
        Operation.WRITE,
        Operation.CREATE,
        Operation.DELETE,
        Operation.ALTER,
        Operation.ALTER_CONFIGS,
    }
)


class RightsDiffer(OperatorError):
    """Kafka's ACLs are not what the table of rights says."""

    exit_code = 4


class State(StrEnum):
    """How one ACL stands to the table."""

    MISSING = "missing"  # The table has it, Kafka has not.
    GRANTED = "granted"  # It was missing, and was added.
    TOO_MUCH = "too much"  # One of ours has it on what the table is about, and the table has not.
    TAKEN = "taken away"  # It was too much, and is gone.
    STRANGE = "a stranger's"  # Somebody who is none of ours may change what is ours.


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One ACL that is not as it must be; `principal` None: its user is none of ours."""

    state: State
    principal: Principal | None
    acl: Acl


class AclList(Protocol):
    """Kafka's own list."""

    def found(self) -> frozenset[Acl]: ...

    def add(self, acls: Collection[Acl]) -> None: ...

    def remove(self, acls: Collection[Acl]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What Kafka's list is held against.

    `ours` is what no stranger may change, and `trusted` are users who may, such as the cluster's
    own administrators.
    """

    rights: Sequence[Right]
    users: Users
    ours: Sequence[Resource]
    trusted: Collection[str] = ()


def compare(found: Collection[Acl], must: Wanted) -> list[Difference]:
    """Everything that is missing, too much, or a stranger's on our own resources.

    What a principal may do beside us is not judged: a store has topics of its own, and another
    installation may go by the same users.
    """
    judged = {*must.ours, *(right.resource for right in must.rights)}
    names = {user: principal for principal, given in must.users.items() for user in given}
    wanted = set(acls_of(must.rights, must.users))
    found = set(found)
    differences = [
        Difference(state=State.MISSING, principal=names[acl.user], acl=acl)
        for acl in sorted(wanted - found)
    ]
    for acl in sorted(found - wanted):
        if acl.user in names:
            if _touches(acl.resource, judged):
                name = names[acl.user]
                differences.append(Difference(state=State.TOO_MUCH, principal=name, acl=acl))
        elif acl.allow and acl.user not in must.trusted and _is_strange(acl, must.ours):
            differences.append(Difference(state=State.STRANGE, principal=None, acl=acl))
    return differences


def apply(
    kafka: AclList, must: Wanted, *, prune: bool = False, dry_run: bool = False
) -> list[Difference]:
    """Add what is missing, and take away what is too much if asked to; what was done, and what not.

    First is added and then taken away: nobody who may do something today is without it meanwhile.
    """
    differences = compare(kafka.found(), must)
    if dry_run:
        return differences
    done = {State.MISSING: State.GRANTED} | ({State.TOO_MUCH: State.TAKEN} if prune else {})
    kafka.add([each.acl for each in differences if each.state is State.MISSING])
    if prune:
        kafka.remove([each.acl for each in differences if each.state is State.TOO_MUCH])
    return [
        Difference(state=done.get(each.state, each.state), principal=each.principal, acl=each.acl)
        for each in differences
    ]


def refuse(differences: Sequence[Difference]) -> None:
    """RightsDiffer, in one line, when something is still not as it must be."""
    counts = {
        state: sum(each.state is state for each in differences)
        for state in (State.MISSING, State.TOO_MUCH, State.STRANGE)
    }
    said = []
    if counts[State.MISSING]:
        said.append(f"{counts[State.MISSING]} are missing: `giftcert acls apply` adds them")
    if counts[State.TOO_MUCH]:
        said.append(
            f"{counts[State.TOO_MUCH]} are too much: `giftcert acls apply --prune` takes them away"
        )
    if counts[State.STRANGE]:
        said.append(
            f"{counts[State.STRANGE]} let strangers change what is ours: take them away with "
            "Kafka's kafka-acls, or name who it is with --principal or --trusted"
        )
    if said:
        raise RightsDiffer(f"rights on Kafka differ from the table; {'; '.join(said)}")


def _is_strange(acl: Acl, ours: Sequence[Resource]) -> bool:
    """Whether it lets somebody change what is ours; or everybody do anything there, ours too.

    To read is each reader's own affair, but to read in a group is to move where it goes on.
    """
    changes = acl.operation in _CHANGES or (
        acl.operation is Operation.READ and acl.resource.kind is Kind.GROUP
    )
    return (changes or acl.user == EVERYBODY) and _touches(acl.resource, ours)


def _touches(resource: Resource, others: Iterable[Resource]) -> bool:
    """Whether one of them is among what it names, or the other way round."""
    return any(resource.covers(each) or each.covers(resource) for each in others)
