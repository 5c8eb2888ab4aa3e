"""What the reference model remembers of one number, and how it tells of it.

Owns no rule: those of stock and of money do, and `reference` says which is whose.
"""

from dataclasses import dataclass, field

from pipelines.simulation.reference_words import HEADLINES, Answer, Fields, Told


@dataclass(slots=True)
class Aside:
    """Money set aside for an order, or taken from what was; `told` is how much was confirmed."""

    order: str
    amount: int
    until: int
    channel: str | None
    told: int = 0


@dataclass(slots=True)
class Booking:
    """Who has a number reserved, and until when."""

    request: str
    channel: str
    order: str | None
    until: int


@dataclass(slots=True)
class Account:
    """One number; `lifecycle` is None for as long as nobody loaded it."""

    number: str
    sequence: int = 0
    lifecycle: str | None = None
    headline: str | None = None
    pool: str = ""
    channel: str | None = None
    booking: Booking | None = None
    owner: str | None = None
    correlation_id: str | None = None
    currency: str | None = None
    nominal: int = 0
    remaining: int = 0
    locked: bool = False
    holds: dict[str, Aside] = field(default_factory=dict)
    taken: dict[str, Aside] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    message: str | None = None
    message_open: bool = False
    message_read: bool = False
    cvc_version: int = 0
    wrong_codes: int = 0
    answers: dict[tuple[str, str], tuple[str | None, Answer | None]] = field(default_factory=dict)
    """By origin and request: the digest of what was asked, and what it came to."""
    told: list[Told] = field(default_factory=list)
    """Of the command under way: its events, what the pool must hear, what the index must."""
    word: str | None = None
    found_under: list[str] = field(default_factory=list)

    @property
    def held(self) -> int:
        return sum(hold.amount for hold in self.holds.values())

    @property
    def available(self) -> int:
        return self.remaining - self.held

    def begin(self) -> None:
        """Nothing was told of yet."""
        self.told, self.word, self.found_under = [], None, []

    def tell(self, command: Fields, event_type: str, amount: int | None = None) -> None:
        """One more event; with an amount, it is an entry of the ledger."""
        self.sequence += 1
        self.headline = HEADLINES.get(event_type, self.headline)
        shown = event_type.upper() if event_type in ("alert", "error") else self.headline
        held = self.held
        told = Told(
            self.sequence,
            event_type,
            shown or "",
            self.channel,
            command["correlationId"] or self.correlation_id,
            None if amount is None else (amount, self.remaining, held),
        )
        if self.lifecycle is not None:
            told = told._replace(
                lifecycle=self.lifecycle,
                headline=self.headline,
                nominal=self.nominal,
                remaining=self.remaining,
                held=held,
                currency=self.currency,
                reserved_until=None if self.booking is None else self.booking.until,
                locked=self.locked,
            )
        self.told.append(told)

    def answer(self, command: Fields, code: str | None) -> Answer:
        """What the command is answered, after it was done or refused."""
        if code is not None or self.lifecycle is None:
            return Answer(code, self.sequence)
        kind = command["type"]
        hold_id = command["commandId"] if kind == "AUTHORIZE" else command["authorizationId"]
        hold_id = hold_id if kind in ("AUTHORIZE", "CAPTURE") else None
        hold, taken = self.holds.get(hold_id or ""), self.taken.get(hold_id or "")
        moved, booking, money = hold or taken, self.booking, self.currency is not None
        return Answer(
            code=None,
            sequence=self.sequence,
            status=self.headline,
            currency=self.currency,
            remaining=self.remaining if money else None,
            held=self.held if money else None,
            amount=None if moved is None else moved.amount,
            reservation_id=None if booking is None else booking.request,
            reserved_until=None if booking is None else booking.until,
            authorization_id=hold_id,
            hold_expires_at=None if hold is None else hold.until,
            notification_id=self.message,
            cvc_version=self.cvc_version or None,
        )
