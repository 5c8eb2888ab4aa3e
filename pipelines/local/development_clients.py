"""The clients of a stack on this machine: which there are, and what each may do.

Owns the table. Production has a file of its own and scopes that its issuer grants; a test holds the
words here to those of the edge.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from pipelines.faults import OperatorError


class UnknownClient(OperatorError):
    """There is no such client on this machine."""

    exit_code: ClassVar[int] = 2


class UnknownScope(OperatorError):
    """There is no such scope."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DevelopmentClient:
    """One client: the channel it sells and spends for, if any, and the scopes it usually asks."""

    client_id: str
    channel: str | None
    scopes: tuple[str, ...]


_SELLS_AND_SPENDS: Final = (
    "certificates:reserve",
    "certificates:read",
    "balance:read",
    "certificates:redeem",
)

CLIENTS: Final = (
    DevelopmentClient(client_id="store", channel="ONLINE_STORE", scopes=_SELLS_AND_SPENDS),
    DevelopmentClient(client_id="till", channel="POS", scopes=_SELLS_AND_SPENDS),
    DevelopmentClient(client_id="crm", channel=None, scopes=("cvc:read", "certificates:read")),
    DevelopmentClient(
        client_id="support",
        channel=None,
        scopes=(
            "certificates:support",
            "certificates:read",
            "certificates:search",
            "balance:read",
        ),
    ),
    DevelopmentClient(client_id="auditor", channel=None, scopes=("certificates:audit",)),
)

SCOPES: Final = tuple(sorted({scope for client in CLIENTS for scope in client.scopes}))
"""Every scope that there is."""


def client_of(client_id: str) -> DevelopmentClient:
    """The client of that name. UnknownClient, naming those there are, when there is none."""
    for client in CLIENTS:
        if client.client_id == client_id:
            return client
    known = ", ".join(client.client_id for client in CLIENTS)
    raise UnknownClient(f"there is no client {client_id!r} on this machine: choose one of {known}")


def granted_scopes(client: DevelopmentClient, asked: str | None) -> tuple[str, ...]:
    """The scopes asked for, with spaces between; the client's usual ones when none are.

    Any client is granted any scope: who may have which is for a real issuer to decide. UnknownScope
    for a word that is none.
    """
    words = tuple(dict.fromkeys((asked or "").split()))
    for word in words:
        if word not in SCOPES:
            raise UnknownScope(f"there is no scope {word!r}: choose of {', '.join(SCOPES)}")
    return words or client.scopes


def clients_file() -> dict[str, dict[str, str | None]]:
    """What GIFTCERT_CLIENTS_FILE holds for these clients."""
    return {client.client_id: {"channel": client.channel} for client in CLIENTS}
