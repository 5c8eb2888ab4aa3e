"""The reference model's rules of money: set aside, spent, given back, stopped, ended.

Each rule does what the command says and answers None, or answers why not; a wrong code and a
purchase that cannot be undone leave their mark all the same.
"""

from typing import Final

from pipelines.simulation.reference_account import Account, Aside
from pipelines.simulation.reference_stock import not_sold
from pipelines.simulation.reference_words import Fields, parts

WRONG_CODES_MAX: Final = 5


def _not_spendable(account: Account) -> str | None:
    if account.lifecycle is None:
        return "NOT_FOUND"
    if account.lifecycle not in ("ACTIVE", "PARTIALLY_REDEEMED"):
        return "NOT_ACTIVE"
    return "LOCKED" if account.locked else None


def authorize(account: Account, command: Fields) -> str | None:
    """Set money aside; a wrong code is counted."""
    code = _not_spendable(account)
    if code is not None:
        return code
    right = command["cvcMatches"] and command["cvcVersion"] == account.cvc_version > 0
    if not right:
        return _wrong_code(account, command)
    if command["currency"] != account.currency:
        return "CURRENCY_MISMATCH"
    amount = parts(command["amount"])
    if command["acceptPartial"]:
        amount = min(amount, account.available)
    if not 0 < amount <= account.available:
        return "INSUFFICIENT_BALANCE"
    aside = Aside(command["orderId"], amount, command["expiresAt"], command["channel"])
    account.holds[command["commandId"]] = aside
    account.wrong_codes = 0
    account.tell(command, "authorize", 0)
    return None


def _wrong_code(account: Account, command: Fields) -> str:
    account.wrong_codes += 1
    account.tell(command, "error")
    if account.wrong_codes >= WRONG_CODES_MAX:
        account.locked = True
        account.tell(command, "lock")
        account.tell(command, "alert")
    return "WRONG_CVC"


def _hold_of(account: Account, command: Fields) -> Aside | None:
    """The hold that is named, unless another channel made it."""
    hold, channel = account.holds.get(command["authorizationId"]), command["channel"]
    foreign = hold is not None and None not in (channel, hold.channel) and channel != hold.channel
    return None if foreign else hold


def capture(account: Account, command: Fields) -> str | None:
    """Spend a hold, or a part of it."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    if account.locked:
        return "LOCKED"
    whole = command["amount"] is None
    if not whole and command["currency"] != account.currency:
        return "CURRENCY_MISMATCH"
    hold = _hold_of(account, command)
    if hold is None:
        return "AUTHORIZATION_NOT_OPEN"
    amount = hold.amount if whole else parts(command["amount"])
    if amount > hold.amount:
        return "HOLD_EXCEEDED"
    _take(account, command, command["authorizationId"], amount)
    return None


def _take(account: Account, command: Fields, hold_id: str, amount: int) -> Aside:
    """Close a hold and spend this much of it; the rest is free again."""
    hold = account.holds.pop(hold_id)
    account.tell(command, "capture", 0)
    account.taken[hold_id] = Aside(hold.order, amount, hold.until, hold.channel)
    _spend(account, command, hold.order, amount)
    return account.taken[hold_id]


def _spend(account: Account, command: Fields, order: str, amount: int) -> None:
    account.remaining -= amount
    account.spent[order] = account.spent.get(order, 0) + amount
    account.found_under.append(f"order:{order}")
    account.lifecycle = "PARTIALLY_REDEEMED" if account.remaining else "REDEEMED"
    account.tell(command, "redeem.partial" if account.remaining else "redeem.full", -amount)


def void(account: Account, command: Fields) -> str | None:
    """Give a hold up."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    if _hold_of(account, command) is None:
        return "AUTHORIZATION_NOT_OPEN"
    del account.holds[command["authorizationId"]]
    account.tell(command, "void", 0)
    return None


def expire_hold(account: Account, command: Fields) -> str | None:
    """Free a hold whose time is over."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    hold = account.holds.get(command["authorizationId"])
    if hold is None:
        return "AUTHORIZATION_NOT_OPEN"
    if command["at"] < hold.until:
        return "NOT_DUE"
    del account.holds[command["authorizationId"]]
    account.tell(command, "hold.expired", 0)
    return None


def redeem(account: Account, command: Fields) -> str | None:
    """Order and payment agree: under a name by that name, else by whatever the order has here."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    name, amount = command["authorizationId"], parts(command["amount"])
    if name is None:
        return _redeem_unnamed(account, command, amount)
    named = account.holds.get(name) or account.taken.get(name)
    if named is not None and named.order != command["orderId"]:
        return "ORDER_MISMATCH"
    if name in account.taken:
        return _confirm_named(account, command, account.taken[name], amount)
    code = _not_spendable(account)
    if code is None and command["currency"] != account.currency:
        code = "CURRENCY_MISMATCH"
    if code is None and name in account.holds and amount > account.holds[name].amount:
        code = "HOLD_EXCEEDED"
    if code is None and name not in account.holds and amount > account.available:
        code = "INSUFFICIENT_BALANCE"
    if code is not None:
        return code
    if name in account.holds:
        _confirm(account, command, _take(account, command, name, amount), amount)
    else:
        _spend(account, command, command["orderId"], amount)
    return None


def _confirm_named(account: Account, command: Fields, taken: Aside, amount: int) -> str | None:
    if command["currency"] != account.currency:
        return "CURRENCY_MISMATCH"
    if amount > taken.amount - taken.told:
        return "HOLD_EXCEEDED"
    _confirm(account, command, taken, amount)
    return None


def _confirm(account: Account, command: Fields, taken: Aside, amount: int) -> None:
    taken.told += amount
    account.tell(command, "capture")


def _redeem_unnamed(account: Account, command: Fields, amount: int) -> str | None:
    """What this order captured here is confirmed, then its holds are spent, then the balance."""
    order = command["orderId"]
    captured = [each for each in account.taken.values() if each.order == order]
    aside = [key for key, each in account.holds.items() if each.order == order]
    confirmed = min(amount, sum(each.amount - each.told for each in captured))
    rest = amount - confirmed
    code = _not_spendable(account) if rest else None
    if code is None and command["currency"] != account.currency:
        code = "CURRENCY_MISMATCH"
    if code is None and rest > account.available + sum(account.holds[key].amount for key in aside):
        code = "INSUFFICIENT_BALANCE"
    if code is not None:
        return code
    for each in captured:
        part = min(confirmed, each.amount - each.told)
        if part:
            _confirm(account, command, each, part)
            confirmed -= part
    for key in aside:
        part = min(rest, account.holds[key].amount)
        if part:
            _confirm(account, command, _take(account, command, key, part), part)
            rest -= part
    if rest:
        _spend(account, command, order, rest)
    return None


def refund_to_certificate(account: Account, command: Fields) -> str | None:
    """Money comes back, never more than this order spent here."""
    code = not_sold(account)
    if code is not None:
        return code
    if command["currency"] != account.currency:
        return "CURRENCY_MISMATCH"
    order, amount = command["orderId"], parts(command["amount"])
    if amount > account.spent.get(order, 0):
        return "REFUND_EXCEEDS_REDEMPTION"
    account.spent[order] -= amount
    account.remaining += amount
    whole = account.remaining == account.nominal
    account.lifecycle = "ACTIVE" if whole else "PARTIALLY_REDEEMED"
    account.tell(command, "refund", amount)
    return None


def refund_pending(account: Account, command: Fields) -> str | None:
    """One half of a refund was seen."""
    code = not_sold(account)
    if code is None:
        account.tell(command, "refund.pending")
    return code


def refund_pending_details(account: Account, command: Fields) -> str | None:
    """A refund failed: people have to look."""
    code = not_sold(account)
    if code is None:
        account.tell(command, "refund.pendingDetails")
    return code


def cancel_purchase(account: Account, command: Fields) -> str | None:
    """The buyer has the money back: all of it leaves, or it is stopped and people decide."""
    code = not_sold(account)
    if code is not None:
        return code
    if account.owner != command["orderId"]:
        return "ORDER_MISMATCH"
    if account.holds or account.remaining < account.nominal:
        account.locked = True
        account.tell(command, "lock")
        account.tell(command, "refund.pendingDetails")
        return "OPEN_HOLDS" if account.holds else None
    _end(account, command, "refund")
    return None


def _end(account: Account, command: Fields, event_type: str) -> None:
    gone, account.remaining = account.remaining, 0
    account.lifecycle, account.booking = "ANNULLED", None
    account.tell(command, event_type, -gone)


def lock(account: Account, command: Fields) -> str | None:
    """Stop it; a locked one is stopped for another reason."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    account.locked = True
    account.tell(command, "lock")
    return None


def unlock(account: Account, command: Fields) -> str | None:
    """Let it work again."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    if not account.locked:
        return "NOT_LOCKED"
    account.locked, account.wrong_codes, account.headline = False, 0, account.lifecycle
    account.word = "ADD" if account.lifecycle == "AVAILABLE" else None
    account.tell(command, "unlock")
    return None


def annul(account: Account, command: Fields) -> str | None:
    """End it for good; what is left leaves."""
    if account.lifecycle in (None, "ANNULLED"):
        return "NOT_FOUND" if account.lifecycle is None else "ANNULLED"
    if account.holds:
        return "OPEN_HOLDS"
    account.word = "FORGET" if account.lifecycle == "AVAILABLE" else None
    _end(account, command, "annul")
    return None


def raise_alert(account: Account, command: Fields) -> str | None:
    """Tell people; nothing changes."""
    account.tell(command, "alert")
    return None
