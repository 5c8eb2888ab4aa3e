"""A second, deliberately simple idea of a certificate, for comparing with the service's own.

A ledger is a list of signed amounts and the balance its sum; there is no lifecycle, no event and no
refusal code, only whether a command is granted. Shares nothing with the rules but the commands.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from state.certificate.commands import (
    Activate,
    Annul,
    Authorize,
    CancelPurchase,
    Capture,
    Command,
    ExpireHold,
    ExpireReservation,
    Issue,
    Load,
    Lock,
    NotificationResult,
    RaiseAlert,
    Redeem,
    RefundPending,
    RefundPendingDetails,
    RefundToCertificate,
    Release,
    RequestNotification,
    Reserve,
    ReserveNumber,
    RevealCvc,
    Unlock,
    Void,
)


@dataclass(slots=True)
class Set:
    """Money set aside for an order, or taken from what was: `told` is how much was reported."""

    order: str
    amount: int
    until: int
    told: int = 0

    @property
    def untold(self) -> int:
        return self.amount - self.told


@dataclass(slots=True)
class Account:
    """One number. `grant` says whether the command is granted and books it."""

    known: bool = False
    ended: bool = False
    active: bool = False
    locked: bool = False
    owner: str | None = None
    currency: str | None = None
    ledger: list[int] = field(default_factory=list)
    booked: Reserve | ReserveNumber | None = None
    booked_by: str = ""
    holds: dict[str, Set] = field(default_factory=dict)
    taken: dict[str, Set] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    message: str | None = None
    message_open: bool = False
    message_read: bool = False
    code: int = 0
    wrong: int = 0

    @property
    def balance(self) -> int:
        return sum(self.ledger)

    @property
    def held(self) -> int:
        return sum(hold.amount for hold in self.holds.values())

    @property
    def sold(self) -> bool:
        return self.owner is not None and not self.ended

    @property
    def free(self) -> bool:
        return self.known and not self.ended and self.owner is None and self.booked is None

    @property
    def spendable(self) -> bool:
        return self.sold and self.active and self.balance > 0

    def grant(self, command: Command) -> bool:
        """Book the command, if it is granted."""
        match command.action:
            case RaiseAlert():
                return True
            case Load():
                granted = not self.known
                self.known = True
                return granted
            case _ if not self.known:
                return False
            case Reserve() | ReserveNumber() | ExpireReservation() | Release() | Issue():
                return self._stock(command)
            case Activate() | NotificationResult() | RequestNotification() | RevealCvc():
                return self._customer(command)
            case Authorize() | Capture() | Void() | ExpireHold():
                return self._hold(command)
            case Redeem() as action:
                return self._redeem(action)
            case _:
                return self._end(command)

    def _stock(self, command: Command) -> bool:
        booked = self.booked
        match command.action:
            case Reserve() | ReserveNumber() as action:
                if not self.free or self.locked:
                    return False
                self.booked, self.booked_by = action, command.command_id
                return True
            case ExpireReservation() as action:
                due = booked is not None and command.at_ms >= booked.until_ms
                granted = due and action.reservation_id == self.booked_by
            case Release() as action:
                granted = booked is not None and self._is_for({action.order_id}, action.channel)
            case Issue() as action:
                granted = self.free or (
                    booked is not None and self._is_for({None, action.order_id}, action.channel)
                )
                if granted:
                    self.owner = action.order_id
                    self.currency = action.nominal.currency
                    self.ledger.append(action.nominal.amount_minor)
                    self._open(command.command_id)
            case _:
                raise AssertionError(command)
        if granted:
            self.booked = None
        return granted

    def _is_for(self, orders: Collection[str | None], channel: object) -> bool:
        assert self.booked is not None
        return self.booked.channel is channel and self.booked.order_id in orders

    def _open(self, message: str) -> None:
        self.message, self.message_open, self.message_read = message, True, False

    def _customer(self, command: Command) -> bool:
        match command.action:
            case Activate(order_id=order_id):
                granted = self.sold and not self.active and self.owner == order_id
                self.active = self.active or granted
            case NotificationResult(notification_id=message):
                granted = self.message_open and self.message == message
                self.message_open = self.message_open and not granted
            case RequestNotification():
                granted = self.sold
                if granted:
                    self._open(command.command_id)
            case RevealCvc():
                granted = self.sold and self.message_open and not self.message_read
                if granted:
                    self.message_read, self.code, self.wrong = True, self.code + 1, 0
            case _:
                raise AssertionError(command)
        return granted

    def _hold(self, command: Command) -> bool:
        match command.action:
            case Authorize() as action:
                return self._authorize(action, command.command_id)
            case Capture(authorization_id=hold_id, amount=amount):
                hold = self.holds.get(hold_id)
                if self.locked or hold is None:
                    return False
                wanted = hold.amount if amount is None else amount.amount_minor
                currency = self.currency if amount is None else amount.currency
                if currency != self.currency or wanted > hold.amount:
                    return False
                self._take(hold_id, wanted)
                return True
            case Void(authorization_id=hold_id):
                return self.holds.pop(hold_id, None) is not None
            case ExpireHold(authorization_id=hold_id):
                hold = self.holds.get(hold_id)
                due = hold is not None and command.at_ms >= hold.until
                if due:
                    del self.holds[hold_id]
                return due
            case _:
                raise AssertionError(command)

    def _authorize(self, action: Authorize, hold_id: str) -> bool:
        if not self.spendable or self.locked:
            return False
        if not (action.cvc_matches and action.cvc_version == self.code > 0):
            self.wrong += 1
            self.locked = self.wrong >= 5
            return False
        left = self.balance - self.held
        wanted = action.amount.amount_minor
        wanted = min(wanted, left) if action.accept_partial else wanted
        if action.amount.currency != self.currency or not 0 < wanted <= left:
            return False
        self.holds[hold_id] = Set(order=action.order_id, amount=wanted, until=action.expires_at_ms)
        self.wrong = 0
        return True

    def _take(self, hold_id: str, amount: int) -> Set:
        hold = self.holds.pop(hold_id)
        self.taken[hold_id] = Set(order=hold.order, amount=amount, until=hold.until)
        self._pay(hold.order, amount)
        return self.taken[hold_id]

    def _pay(self, order: str, amount: int) -> None:
        self.ledger.append(-amount)
        self.spent[order] = self.spent.get(order, 0) + amount

    def _redeem(self, action: Redeem) -> bool:
        amount, name = action.amount.amount_minor, action.authorization_id
        if name is None:
            return self._redeem_unnamed(action)
        same_currency = action.amount.currency == self.currency
        named = self.holds.get(name) or self.taken.get(name)
        if named is not None and named.order != action.order_id:
            return False
        if name in self.taken:
            granted = same_currency and amount <= self.taken[name].untold
            self.taken[name].told += amount if granted else 0
            return granted
        if not self.spendable or self.locked or not same_currency:
            return False
        if name in self.holds:
            granted = amount <= self.holds[name].amount
            if granted:
                self._take(name, amount).told = amount
            return granted
        if amount > self.balance - self.held:
            return False
        self._pay(action.order_id, amount)
        return True

    def _redeem_unnamed(self, action: Redeem) -> bool:
        """Sums first, so that nothing is booked when it is not granted."""
        order, amount = action.order_id, action.amount.amount_minor
        taken = [each for each in self.taken.values() if each.order == order]
        aside = {key: each.amount for key, each in self.holds.items() if each.order == order}
        new = max(0, amount - sum(each.untold for each in taken))
        if action.amount.currency != self.currency:
            return False
        if new and (self.locked or not self.spendable):
            return False
        if new > self.balance - self.held + sum(aside.values()):
            return False
        told = amount - new
        for each in taken:
            part = min(told, each.untold)
            each.told, told = each.told + part, told - part
        for key, part in aside.items():
            if new:
                new -= self._take_told(key, min(new, part))
        if new:
            self._pay(order, new)
        return True

    def _take_told(self, hold_id: str, amount: int) -> int:
        self._take(hold_id, amount).told = amount
        return amount

    def _end(self, command: Command) -> bool:
        match command.action:
            case RefundToCertificate(order_id=order, amount=amount):
                back = amount.amount_minor
                granted = amount.currency == self.currency and back <= self.spent.get(order, 0)
                granted = granted and self.sold
                if granted:
                    self.ledger.append(back)
                    self.spent[order] -= back
            case RefundPending() | RefundPendingDetails():
                granted = self.sold
            case CancelPurchase(order_id=order):
                mine = self.sold and order == self.owner
                granted = mine and not self.holds
                if granted and self.balance == self.ledger[0]:
                    self._close()
                elif mine:
                    self.locked = True
            case Lock():
                granted = self.locked = True
            case Unlock():
                granted, self.locked = self.locked, False
                self.wrong = 0 if granted else self.wrong
            case Annul():
                granted = not self.ended and not self.holds
                if granted:
                    self._close()
            case _:
                raise AssertionError(command)
        return granted

    def _close(self) -> None:
        self.ledger.append(-self.balance)
        self.ended, self.booked = True, None
