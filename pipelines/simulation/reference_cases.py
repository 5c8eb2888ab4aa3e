"""The reference's idea of one correlation: sums over what was told so far, and no memory besides.

Owns what may be asked of certificates at any moment, and what must have been asked at the end. It
predicts no command to the letter: it says whose money justifies it. Which payment another one
captures, gives up or returns is taken from the payment system's own books, which know it also where
a record of version 1 cannot say so. Amounts are ten-thousandths of a unit.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipelines.simulation.reference_words import Fields, parts

BINDING: Final = frozenset({"CONFIRMED", "COMPLETED"})
UNDONE: Final = frozenset({"CANCELLED", "RETURNED"})
_RANKS: Final = {"PENDING": 0, "FAILED": 1, "SUCCEEDED": 2}

Operation = tuple[str, str]
"""Type and id of a payment: one operation, however often it is told."""

Books = Mapping[Operation, str | None]
"""Which payment an operation is about, in truth; an operation that is not there is about none."""


@dataclass(slots=True)
class Case:
    """All that was told under one correlation."""

    books: Books
    orders: dict[str, dict[int, Fields]] = field(default_factory=dict)
    payments: dict[Operation, Fields] = field(default_factory=dict)
    ordinary_versions: dict[str, dict[int, str]] = field(default_factory=dict)
    issued: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By line: the certificate and the amount that was asked to be issued."""
    redeemed: Counter[tuple[str, int]] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    """The ids of all commands so far."""
    begun_ms: int | None = None
    """When it was first heard of, or again after it was forgotten."""

    def absorb(self, fact: Fields, heard_ms: int) -> None:
        """One more fact, heard at that time; what was told before, or better, changes nothing."""
        kind = fact["type"]
        if kind == "TIMEOUT":
            self._forget(fact)
            return
        self.begun_ms = heard_ms if self.begun_ms is None else self.begun_ms
        if kind == "ORDER":
            order = fact["order"]
            self.orders.setdefault(order["orderId"], {}).setdefault(order["version"], order)
        elif kind == "ORDINARY_ORDER":
            order = fact["ordinaryOrder"]
            versions = self.ordinary_versions.setdefault(order["orderId"], {})
            versions.setdefault(order["version"], order["status"])
        elif kind == "PAYMENT":
            payment = fact["payment"]
            operation = (payment["type"], payment["paymentId"])
            known = self.payments.get(operation)
            if known is None or _RANKS[payment["status"]] > _RANKS[known["status"]]:
                self.payments[operation] = payment

    def _forget(self, timeout: Fields) -> None:
        """What has nothing to do with certificates is forgotten, once its time is over."""
        begun_ms = timeout["at"] if self.begun_ms is None else self.begun_ms
        if (
            timeout["at"] >= begun_ms + timeout["forgetAfterMs"]
            and not self.concerns_certificates()
        ):
            self.payments.clear()
            self.ordinary_versions.clear()
            self.begun_ms = None

    def latest(self, order_id: str) -> Fields | None:
        """The newest version of an order with certificates; None: none was seen."""
        versions = self.orders.get(order_id)
        return None if versions is None else versions[max(versions)]

    def status(self, order_id: str) -> str | None:
        """How far an order has come, whether it still has to do with certificates or not."""
        told = {version: each["status"] for version, each in self.orders.get(order_id, {}).items()}
        told |= self.ordinary_versions.get(order_id, {})
        return str(told[max(told)]) if told else None

    def only_order(self) -> Fields | None:
        """The one order of the case, where all its versions sell and spend the same."""
        if len(self.orders) != 1 or self.ordinary_versions:
            return None
        (versions,) = self.orders.values()
        same = {str([each[name] for name in _LASTING]) for each in versions.values()}
        return versions[max(versions)] if len(same) == 1 else None

    def concerns_certificates(self) -> bool:
        """Whether anything that was told has to do with one."""
        return bool(self.orders) or any(marked(each) for each in self.payments.values())

    # Money, in truth

    def succeeded(self, type_: str, currency: str, *, certificate: bool) -> list[Fields]:
        """Payments that went through, with certificates or with money."""
        return [
            payment
            for (known_type, _), payment in self.payments.items()
            if known_type == type_
            and payment["status"] == "SUCCEEDED"
            and payment["currency"] == currency
            and (payment["tender"] == "GIFT_CERTIFICATE") == certificate
        ]

    def about(self, payment: Fields) -> str:
        """The payment that this one is about; a first one is about itself."""
        operation = (payment["type"], payment["paymentId"])
        return self.books.get(operation) or str(payment["paymentId"])

    def captured(self, currency: str) -> int:
        """The money that was taken, and not let go again."""
        captures = self.succeeded("CAPTURE", currency, certificate=False)
        let_go = {self.about(each) for each in self.succeeded("VOID", currency, certificate=False)}
        promises = self.succeeded("AUTHORIZATION", currency, certificate=False)
        let_go -= {each["paymentId"] for each in promises}
        return sum(parts(each["amount"]) for each in captures if each["paymentId"] not in let_go)

    def covered(self, currency: str) -> int:
        """The money that was taken, and what is promised of the rest."""
        voided = {self.about(each) for each in self.succeeded("VOID", currency, certificate=False)}
        promised: Counter[str] = Counter()
        for each in self.succeeded("AUTHORIZATION", currency, certificate=False):
            if self.about(each) not in voided:
                promised[self.about(each)] += parts(each["amount"])
        for each in self.succeeded("CAPTURE", currency, certificate=False):
            promised[self.about(each)] -= parts(each["amount"])
        return self.captured(currency) + sum(rest for rest in promised.values() if rest > 0)

    def doubtful(self, currency: str) -> bool:
        """Whether a capture of no promise that was told could be taken for one of another promise.

        The service must then assume that it is: it may ask for less than the truth allows. A
        promise is not told where payments without a mark are not listened to.
        """
        promises = self.succeeded("AUTHORIZATION", currency, certificate=False)
        promised = {each["paymentId"] for each in promises}
        captures = self.succeeded("CAPTURE", currency, certificate=False)
        direct = [each for each in captures if self.about(each) not in promised]
        return bool(promises) and bool(direct)

    def returned(self, currency: str, number: str | None = None) -> int:
        """The money that was given back; with a number, what was given back for it by name."""
        refunds = self.succeeded("REFUND", currency, certificate=False)
        return sum(
            parts(each["amount"])
            for each in refunds
            if number is None or each["certificateId"] == number
        )

    def spent(self, currency: str) -> int:
        """What certificates paid, by the payments alone."""
        captures = self.succeeded("CAPTURE", currency, certificate=True)
        return sum(parts(each["amount"]) for each in captures)

    def tenders_told(self, number: str, amount: int) -> int:
        """How often an order said at most that this certificate pays so much."""
        return max(
            (
                sum(
                    tender["certificateId"] == number and parts(tender["amount"]) == amount
                    for tender in order["tenders"]
                )
                for versions in self.orders.values()
                for order in versions.values()
            ),
            default=0,
        )


_LASTING: Final = ("channel", "currency", "total", "lines", "tenders")
"""What must be the same in all versions of an order that the end is judged by."""


def marked(payment: Fields) -> bool:
    """Whether a payment itself says that it concerns a certificate."""
    return (
        payment["certificateId"] is not None
        or payment["operation"] is not None
        or payment["tender"] == "GIFT_CERTIFICATE"
    )
