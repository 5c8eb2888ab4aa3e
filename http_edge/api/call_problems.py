"""Which problems each call may answer with: its own refusals, and what may befall any call.

Owns that list, for the OpenAPI description and the documentation. What a problem is, and when it is
raised, is told elsewhere.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from http_edge.access.callers import Scope
from http_edge.api import problems
from http_edge.api.calls import Call
from http_edge.api.models import AuthorizeBody, NoParameters
from http_edge.api.problems import ProblemKind

BEFORE_ROUTING: Final = (
    problems.MALFORMED,
    problems.TIMEOUT,
    problems.TOO_LARGE,
    problems.TARGET_LONG,
    problems.HEAD_LARGE,
    problems.INTERNAL,
    problems.NO_ANSWER,
)
"""What may befall any request, whatever it asks for."""

_ANY_CALL: Final = (
    *BEFORE_ROUTING,
    problems.TOKEN_MISSING,
    problems.TOKEN_INVALID,
    problems.CLIENT_UNKNOWN,
    problems.SCOPE_MISSING,
    problems.INVALID,
    problems.TOO_MANY,
    problems.MOVING,
    problems.OVERLOADED,
    problems.STOPPING,
    problems.KEYS_UNAVAILABLE,
)


def problems_of(call: Call) -> tuple[ProblemKind, ...]:
    """Every problem that the call may answer with, by status and name."""
    kinds = [*_ANY_CALL, *(problems.REFUSALS[code] for code in call.refusals)]
    if call.acts:
        kinds.append(problems.KEY_MISSING)
    if call.path_type is not NoParameters:
        kinds += [problems.NO_PATH, problems.NOT_FOUND, problems.NOT_THERE_YET]
    if call.body_type is not None:
        kinds.append(problems.MEDIA_TYPE)
    if call.scope in (Scope.RESERVE, Scope.REDEEM):
        kinds.append(problems.CHANNEL_FORBIDDEN)
    if call.scope is Scope.CVC or call.body_type is AuthorizeBody:
        kinds.append(problems.CODE_KEY_MISSING)
    return by_status(kinds)


def by_status(kinds: Iterable[ProblemKind]) -> tuple[ProblemKind, ...]:
    """Each kind once, by status and name."""
    unique = {kind.name: kind for kind in kinds}
    return tuple(sorted(unique.values(), key=lambda kind: (kind.status, kind.name)))


def statuses(kinds: Sequence[ProblemKind]) -> dict[int, list[ProblemKind]]:
    """The kinds of each status."""
    found: dict[int, list[ProblemKind]] = {}
    for kind in by_status(kinds):
        found.setdefault(kind.status, []).append(kind)
    return found
