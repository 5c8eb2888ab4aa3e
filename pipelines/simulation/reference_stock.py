"""The reference model's rules of a number until it is money: its stock, its sale, its messages.

Each rule does what the command says and answers None, or changes nothing and answers why not.
"""

from typing import Final

from pipelines.simulation.reference_account import Account, Booking
from pipelines.simulation.reference_words import Fields, parts

SOLD: Final = frozenset({"ISSUED", "ACTIVE", "PARTIALLY_REDEEMED", "REDEEMED"})
PASSED_ON: Final = "(the pool is asked again)"


def load(account: Account, command: Fields) -> str | None:
    """A number that nobody has seen before."""
    if account.lifecycle is not None:
        return "DUPLICATE_NUMBER"
    account.lifecycle, account.pool, account.word = "AVAILABLE", command["pool"], "ADD"
    account.tell(command, "load")
    return None


def reserve(account: Account, command: Fields) -> str | None:
    """The pool offers the number to a checkout."""
    if account.lifecycle != "AVAILABLE" or account.locked:
        return PASSED_ON
    _book(account, command, command["reservedUntil"])
    return None


def reserve_number(account: Account, command: Fields) -> str | None:
    """A till scanned this very number."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    if account.lifecycle != "AVAILABLE":
        return "NOT_AVAILABLE"
    if account.locked:
        return "LOCKED"
    account.word = "FORGET"
    _book(account, command, command["reservedUntil"])
    return None


def _book(account: Account, command: Fields, until: int) -> None:
    request, channel, order = command["commandId"], command["channel"], command["orderId"]
    account.booking = Booking(request, channel, order, until)
    account.lifecycle, account.channel = "RESERVED", channel
    account.found_under.append(f"request:{request}")
    if order is not None:
        account.found_under.append(f"order:{order}")
    account.tell(command, "reserve")


def expire_reservation(account: Account, command: Fields) -> str | None:
    """The time of a reservation is over."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    if account.booking is None or account.booking.request != command["reservationId"]:
        return "NOT_RESERVED"
    if command["at"] < account.booking.until:
        return "NOT_DUE"
    _set_free(account, command)
    return None


def release(account: Account, command: Fields) -> str | None:
    """The order that had it reserved will not be paid."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    asked, booking = (command["channel"], command["orderId"]), account.booking
    if booking is None or (booking.channel, booking.order) != asked:
        return "NOT_RESERVED"
    _set_free(account, command)
    return None


def _set_free(account: Account, command: Fields) -> None:
    account.booking, account.channel, account.lifecycle = None, None, "AVAILABLE"
    account.word = "ADD"
    account.tell(command, "release")


def issue(account: Account, command: Fields) -> str | None:
    """The number becomes a certificate, and the customer is to be told."""
    code = _why_not_issue(account, command)
    if code is not None:
        if code not in ("ALREADY_ISSUED", "WRONG_CHANNEL"):
            account.tell(command, "alert")
        return code
    if account.booking is None:
        # The reservation lapsed, but nobody else has the number: it is taken now.
        account.word = "FORGET"
        _book(account, command, command["at"])
    order, correlation = command["orderId"], command["correlationId"]
    account.booking, account.lifecycle, account.channel = None, "ISSUED", command["channel"]
    account.owner, account.correlation_id = order, correlation
    account.currency, account.nominal = command["currency"], parts(command["amount"])
    account.remaining = account.nominal
    account.found_under += [f"order:{order}", f"last4:{account.number[-4:]}"]
    account.found_under += [] if correlation is None else [f"correlation:{correlation}"]
    client = command["clientId"]
    account.found_under += [] if client is None else [f"client:{client}"]
    account.tell(command, "issue", account.nominal)
    _ask_for_message(account, command)
    return None


def _why_not_issue(account: Account, command: Fields) -> str | None:
    if account.lifecycle is None:
        return "NOT_FOUND"
    if account.lifecycle == "ANNULLED":
        return "ANNULLED"
    if account.lifecycle in SOLD:
        return "ALREADY_ISSUED" if account.owner == command["orderId"] else "NUMBER_GONE"
    if account.booking is None:
        return None
    if account.booking.channel != command["channel"]:
        return "WRONG_CHANNEL"
    return None if account.booking.order in (None, command["orderId"]) else "ORDER_MISMATCH"


def not_sold(account: Account) -> str | None:
    """Why nothing can be done to the certificate: it is none, or none any more."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    if account.lifecycle == "ANNULLED":
        return "ANNULLED"
    return None if account.lifecycle in SOLD else "NOT_ISSUED"


def activate(account: Account, command: Fields) -> str | None:
    """The order is paid: the certificate can be spent."""
    code = not_sold(account)
    if code is not None:
        return code
    if account.owner != command["orderId"]:
        return "ORDER_MISMATCH"
    if account.lifecycle != "ISSUED":
        return "ALREADY_ACTIVE"
    account.lifecycle = "ACTIVE"
    account.tell(command, "activate")
    return None


def _ask_for_message(account: Account, command: Fields) -> None:
    account.message, account.message_open = command["commandId"], True
    account.message_read = False
    account.tell(command, "notification.requested")


def request_notification(account: Account, command: Fields) -> str | None:
    """Another message to the customer."""
    code = not_sold(account)
    if code is None:
        _ask_for_message(account, command)
    return code


def notification_result(account: Account, command: Fields) -> str | None:
    """The CRM closes the message that is open."""
    if account.lifecycle is None:
        return "NOT_FOUND"
    if not account.message_open or account.message != command["notificationId"]:
        return "NOTIFICATION_NOT_OPEN"
    account.message_open = False
    account.tell(command, "notification.sent" if command["sent"] else "notification.failed")
    return None


def reveal_cvc(account: Account, command: Fields) -> str | None:
    """The code, once for each message; the code before it dies."""
    code = not_sold(account)
    if code is not None:
        return code
    if account.message_read:
        return "CVC_ALREADY_REVEALED"
    if not account.message_open:
        return "NOTIFICATION_NOT_OPEN"
    account.message_read, account.wrong_codes = True, 0
    account.cvc_version += 1
    account.tell(command, "cvc.revealed")
    return None
