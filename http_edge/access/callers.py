"""Who calls: the client that a token was given to, and what it may do.

Owns the words; how a token becomes a caller is in `tokens`.
"""

from dataclasses import dataclass
from enum import StrEnum

from state.certificate.commands import Channel


class Scope(StrEnum):
    """What a token may allow. One call needs one scope."""

    RESERVE = "certificates:reserve"
    READ = "certificates:read"
    SEARCH = "certificates:search"
    BALANCE = "balance:read"
    CVC = "cvc:read"
    SUPPORT = "certificates:support"
    REDEEM = "certificates:redeem"
    AUDIT = "certificates:audit"


SCOPE_MEANINGS: dict[Scope, str] = {
    Scope.RESERVE: "Take numbers for a checkout.",
    Scope.READ: "Read a certificate and its history.",
    Scope.SEARCH: "Find certificates by order, client, correlation, last four or request.",
    Scope.BALANCE: "Read a certificate's balance.",
    Scope.CVC: "Read a one-time code, once for each notification.",
    Scope.SUPPORT: "Lock, unlock, annul, notify again, see pools and correlations.",
    Scope.REDEEM: "Authorize, capture and void.",
    Scope.AUDIT: "Read whole records for an audit.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One client of the service, with what its token allows.

    `channel` is what it sells and spends for; absent for clients that do neither, such as support.
    `subject` is the person or account behind the client, where the token names one.
    """

    client_id: str
    channel: Channel | None
    scopes: frozenset[Scope]
    subject: str | None = None

    @property
    def actor(self) -> str:
        """Who acts, as events and logs tell it."""
        return self.client_id if self.subject is None else f"{self.client_id}/{self.subject}"

    @property
    def is_support(self) -> bool:
        """Whether it may be told what others must not learn from an error."""
        return Scope.SUPPORT in self.scopes
