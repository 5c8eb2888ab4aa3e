"""The route of a call that changes something: it answers the methods it names, and no other.

Owns only that. What the call does is its endpoint's.
"""

from collections.abc import Awaitable, Callable, Collection

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope


class ActingRoute(Route):
    """A route whose GET acts.

    The framework answers HEAD by performing GET: here that would take a number, or use up the one
    reveal of a code, for a caller who never sees it.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        *,
        methods: Collection[str],
    ) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.methods = set(methods)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The whole path is this route's: a method refused here is not offered to later routes."""
        match, child_scope = super().matches(scope)
        return (Match.FULL if match is Match.PARTIAL else match), child_scope
