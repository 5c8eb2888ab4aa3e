"""What each command that a person runs has to be let do with topics, and no more.

Owns that table. The operator's rights cover all of it, which a test compares; whoever runs a single
command needs only its own row. What is written into one's own group or transaction is not here:
that Kafka refuses it is said when it does.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, assert_never

from pipelines.acls.rights import Operation
from pipelines.settings import Settings
from pipelines.topics import (
    COMMANDS,
    DLQ,
    OURS,
    SOURCES,
    STATEFUL,
    STREAM,
    Role,
    Topic,
    topic_name,
    wanted_changelogs,
)

Needs = Mapping[str, frozenset[Operation]]
"""Operations by the full name of their topic."""


class Errand(Enum):
    """What a command is about to do."""

    COMPARE_TOPICS = auto()  # `topics check`, and `topics apply` before it changes anything.
    STATUS = auto()
    READ_STREAM = auto()  # `show`, `audit`.
    READ_LETTERS = auto()  # `dlq list`, `dlq show`.
    TRY_RETRY = auto()  # `dlq retry` and `dlq discard` with `--dry-run`.
    DISCARD = auto()
    RETRY = auto()
    FOLD = auto()  # `verify`, and `rebuild` where it writes no topic.
    REBUILD = auto()
    REPLACE = auto()  # `rebuild --replace`.
    REPLAY = auto()
    APPEND = auto()  # `replay --apply`.


_FLOW: Final = tuple(topic for topics in STATEFUL.values() for topic in topics)
_READ: Final = frozenset({Operation.READ})
_WRITE: Final = frozenset({Operation.WRITE})
_SEE: Final = frozenset({Operation.DESCRIBE})
_COMPARE: Final = frozenset({Operation.DESCRIBE_CONFIGS})
_FILL: Final = _READ | _WRITE
_REPLACE: Final = _FILL | {Operation.DELETE}


def needs_of(errand: Errand, settings: Settings) -> Needs:
    """The row of one errand, in this installation's names."""
    needs: dict[str, frozenset[Operation]] = {}
    for name, operations in _rows(errand, settings):
        needs[name] = needs.get(name, frozenset()) | operations
    return MappingProxyType(needs)


def _rows(errand: Errand, settings: Settings) -> Iterator[tuple[str, frozenset[Operation]]]:
    def of(
        topics: Iterable[Topic], operations: frozenset[Operation]
    ) -> Iterator[tuple[str, frozenset[Operation]]]:
        return ((topic_name(topic, settings), operations) for topic in topics)

    changelogs = [each.name for role in Role for each in wanted_changelogs(role, settings)]
    match errand:
        case Errand.COMPARE_TOPICS:
            yield from of(SOURCES, _SEE)
            yield from of(OURS, _COMPARE)
            yield from ((name, _COMPARE) for name in changelogs)
        case Errand.STATUS:
            yield from of((*SOURCES, *OURS), _SEE)
            yield from of((DLQ, STREAM), _READ)
        case Errand.READ_STREAM:
            yield from of((STREAM,), _READ)
        case Errand.READ_LETTERS:
            yield from of((DLQ,), _READ)
        case Errand.TRY_RETRY | Errand.DISCARD | Errand.RETRY:
            yield from of((DLQ,), _READ if errand is Errand.TRY_RETRY else _FILL)
            yield from of(_FLOW, _WRITE if errand is Errand.RETRY else _SEE)
        case Errand.FOLD | Errand.REBUILD | Errand.REPLACE:
            yield from of((*_FLOW, STREAM, DLQ), _READ)
            if errand is not Errand.FOLD:
                filled = _REPLACE if errand is Errand.REPLACE else _FILL
                yield from ((name, filled) for name in changelogs)
        case Errand.REPLAY | Errand.APPEND:
            flow = (*STATEFUL[Role.CORRELATOR], COMMANDS)
            yield from of((*SOURCES, *flow, DLQ), _READ)
            if errand is Errand.APPEND:
                yield from of(flow, _WRITE)
        case _:
            assert_never(errand)
