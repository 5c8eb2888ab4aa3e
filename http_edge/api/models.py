"""What callers send and get: the one source of validation, OpenAPI and documentation.

Owns the shapes only. Amounts are decimal strings, times ISO 8601 in UTC; names on the wire are
camelCase.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from state.certificate.commands import Channel, NotificationChannel
from state.certificate.events import EntryKind, EventType
from state.certificate.record import Lifecycle, NotificationStatus, Status

_PRINTABLE: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"

CertificateNumber = Annotated[
    str, Meta(pattern=r"^[A-Z0-9-]{6,32}$", description="The certificate's number.")
]
PoolName = Annotated[
    str, Meta(pattern=r"^[A-Z][A-Z_]{1,31}$", description="A pool, like `ELECTRONIC`.")
]
Id = Annotated[str, Meta(min_length=1, max_length=200, pattern=_PRINTABLE)]
OrderId = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=_PRINTABLE, description="The channel's order."),
]
Reason = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=_PRINTABLE, description="Why; it is published."),
]
RequestKey = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._:/@+=-]{1,128}$",
        description="The request's identity: a new one a request, the same when it is repeated.",
    ),
]
AuthorizationId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,200}$", description="The hold, as authorize told it.")
]
Amount = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,4})?$",
        description="A decimal amount, like `1500.00`; no more digits than its currency has.",
    ),
]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")]
Code = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{6,8}$",
        description="The one-time code the customer was sent. Never kept, never logged.",
    ),
]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$",
        description="A time with its offset, like `2026-03-01T10:30:00Z`.",
    ),
]
Timestamp = Annotated[str, Meta(description="ISO 8601 in UTC with milliseconds.")]
Page = Annotated[int, Meta(ge=1, le=100, description="How many items at most.")]
Cursor = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9_-]{9}[AQgw])?$",
        description="Where to go on: `next` of the page before.",
    ),
]


class Sent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a caller sends; an unknown field is an error."""


class Told(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a caller gets."""


# Paths and queries


class NoParameters(Sent, frozen=True, kw_only=True):
    """Nothing."""


class CertificatePath(Sent, frozen=True, kw_only=True):
    """One certificate."""

    certificate_id: CertificateNumber


class AuthorizationPath(CertificatePath, frozen=True, kw_only=True):
    """One hold on one certificate."""

    authorization_id: AuthorizationId


class NextQuery(Sent, frozen=True, kw_only=True):
    """Ask for the next free number, for channels that cannot POST."""

    request_id: RequestKey
    pool: PoolName
    channel: Channel | None = None
    order_id: OrderId | None = None


class RevealQuery(Sent, frozen=True, kw_only=True):
    """The identity of the request for a code."""

    request_id: RequestKey


class HistoryQuery(Sent, frozen=True, kw_only=True):
    """A page of the history, or the certificate as of a time."""

    as_of: Moment | None = None
    limit: Page = 100
    cursor: Cursor = ""


class SearchQuery(Sent, frozen=True, kw_only=True):
    """Exactly one of the criteria."""

    order_id: OrderId | None = None
    correlation_id: Id | None = None
    client_id: Id | None = None
    last4: Annotated[str, Meta(pattern=r"^[A-Z0-9-]{4}$")] | None = None
    request_id: RequestKey | None = None
    limit: Page = 25
    cursor: Cursor = ""


# Bodies


class NextBody(Sent, frozen=True, kw_only=True):
    """Ask for the next free number of a pool."""

    pool: PoolName
    channel: Channel | None = None
    order_id: OrderId | None = None


class ReserveBody(Sent, frozen=True, kw_only=True):
    """Take this very number: a physical card that was scanned."""

    channel: Channel | None = None
    order_id: OrderId | None = None


class ReasonBody(Sent, frozen=True, kw_only=True):
    """Why support does it."""

    reason: Reason


class NotifyBody(Sent, frozen=True, kw_only=True):
    """Send the customer another message; it grants one more reveal of the code."""

    reason: Reason
    channel: NotificationChannel | None = None


class AuthorizeBody(Sent, frozen=True, kw_only=True):
    """Set money aside for an order."""

    amount: Amount
    currency: Currency
    order_id: OrderId
    cvc: Code
    accept_partial: Annotated[
        bool, Meta(description="Take what there is when it is less than the amount.")
    ] = False


class CaptureBody(Sent, frozen=True, kw_only=True):
    """Spend a hold: the amount, or all of it where none is given; the rest is freed."""

    amount: Amount | None = None
    currency: Currency | None = None


class VoidBody(Sent, frozen=True, kw_only=True):
    """Give a hold up: there is nothing more to say."""


# Answers


class Reservation(Told, frozen=True, kw_only=True):
    """The number a checkout got."""

    certificate_id: str
    reservation_id: str
    reserved_until: Timestamp


class Notification(Told, frozen=True, kw_only=True):
    """The latest message to the customer."""

    id: str
    channel: NotificationChannel | None
    status: NotificationStatus


class LockInfo(Told, frozen=True, kw_only=True):
    """Why, by whom and when the certificate was stopped."""

    reason: str
    by: str
    at: Timestamp


class Snapshot(Told, frozen=True, kw_only=True):
    """One certificate; the same words as on the stream. Amounts are null before issue."""

    certificate_id: str
    pool: str
    status: Status
    lifecycle: Lifecycle
    channel: Channel | None
    order_id: str | None
    client_id: str | None
    nominal: str | None
    remaining_balance: str | None
    held: str | None
    available: str | None
    currency: str | None
    reserved_until: Timestamp | None
    issued_at: Timestamp | None
    activated_at: Timestamp | None
    expires_at: Timestamp | None
    notification: Notification | None
    lock: LockInfo | None
    version: int


class Balance(Told, frozen=True, kw_only=True):
    """What is left, what is set aside, what can be spent."""

    remaining_balance: str | None
    held: str | None
    available: str | None
    currency: str | None
    status: Status
    lifecycle: Lifecycle
    locked: bool


class RevealedCode(Told, frozen=True, kw_only=True):
    """The one-time code."""

    cvc: str


class Standing(Told, frozen=True, kw_only=True):
    """A certificate right after a request."""

    certificate_id: str
    status: Status
    remaining_balance: str | None
    held: str | None
    currency: str | None
    version: int


class Authorization(Told, frozen=True, kw_only=True):
    """A hold right after it was made."""

    authorization_id: str
    certificate_id: str
    amount: Annotated[str, Meta(description="What was set aside, perhaps less than asked for.")]
    currency: str
    expires_at: Timestamp
    remaining_balance: str
    held: str
    available: str
    version: int


class Captured(Told, frozen=True, kw_only=True):
    """A hold right after it was spent."""

    authorization_id: str
    certificate_id: str
    amount: Annotated[str, Meta(description="What was spent.")]
    currency: str
    remaining_balance: str
    held: str
    available: str
    status: Status
    version: int


class EntryLine(Told, frozen=True, kw_only=True):
    """The change of money an event stands for."""

    kind: EntryKind
    amount: str
    remaining_balance: str
    held: str


class ReasonLine(Told, frozen=True, kw_only=True):
    """Why an event happened."""

    code: str
    text: str


class HistoryLine(Told, frozen=True, kw_only=True):
    """One event of a certificate."""

    sequence: int
    event_type: EventType
    status: Status
    occurred_at: Timestamp
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    reason: ReasonLine | None
    entry: EntryLine | None


class History(Told, frozen=True, kw_only=True):
    """A page of the events, oldest first; or, with `asOf`, the certificate as it was then."""

    certificate_id: str
    items: list[HistoryLine]
    next: str | None
    as_of: Timestamp | None = None
    certificate: Snapshot | None = None


class SearchPage(Told, frozen=True, kw_only=True):
    """Certificates found, in the order in which they were first related."""

    items: list[Snapshot]
    next: str | None


class PoolLevel(Told, frozen=True, kw_only=True):
    """How many free numbers a pool holds."""

    pool: str
    level: int
    low_mark: int
    low: bool


class PoolLevels(Told, frozen=True, kw_only=True):
    """Every pool."""

    items: list[PoolLevel]
