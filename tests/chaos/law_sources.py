"""Every order, payment and delivery that callers wrote led to what it should, once.

Owns what each kind of order means, told from the records alone: a purchase that was paid is issued
and active with its amount, goods that a certificate paid for are redeemed once, what came back is
refunded once. A refusal is final and right, if the certificate's state explains it.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.breaches import Findings, Law, last4
from tests.chaos.evidence import Event, Evidence, standing
from tests.chaos.history import History, SourceRecord

_SPENDABLE: Final = frozenset({"ACTIVE", "PARTIALLY_REDEEMED"})
_HUNDREDTHS: Final = 100


@dataclass(slots=True, kw_only=True)
class _Order:
    """All that was written about one order."""

    versions: list[Mapping[str, Any]] = field(default_factory=list)
    payments: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def latest(self) -> Mapping[str, Any]:
        return max(self.versions, key=lambda version: version["version"])

    def paid_minor(self, kind: str) -> int:
        amounts: list[int] = [each["amount"] for each in self.payments if each["type"] == kind]
        return sum(amounts) // _HUNDREDTHS

    @property
    def came_back(self) -> bool:
        """Whether both halves of a return are there."""
        gone = self.latest["status"] in ("CANCELLED", "RETURNED")
        return gone and self.paid_minor("REFUND") > 0


def judge_sources(history: History, evidence: Evidence, findings: Findings) -> None:
    """Every source record that Kafka has for certain."""
    orders: dict[str, _Order] = defaultdict(_Order)
    for source in history.sources:
        if source.told_ns is None:
            findings.looked_at("source records nobody knows of")
            continue
        findings.looked_at("source records")
        match source.kind:
            case "Order":
                orders[source.fields["orderId"]].versions.append(source.fields)
            case "Payment":
                orders[source.fields["orderId"]].payments.append(source.fields)
            case "Delivery":
                _judge_delivery(source, evidence, findings)
    by_correlation: dict[str, list[Event]] = defaultdict(list)
    for event in evidence.events:
        if event.correlation is not None:
            by_correlation[event.correlation].append(event)
    for order_id, order in orders.items():
        if not order.versions or not order.payments:
            continue
        events = by_correlation.get(order_id, [])
        if order.latest["certificateTenders"]:
            _judge_spending(order_id, order, events, evidence, findings)
        else:
            _judge_purchase(order_id, order, events, evidence, findings)


def _judge_purchase(
    order_id: str, order: _Order, events: list[Event], evidence: Evidence, findings: Findings
) -> None:
    line = order.latest["lines"][0]
    number, nominal_minor = line["certificateId"], line["amount"] // _HUNDREDTHS
    if order.paid_minor("CAPTURE") < nominal_minor:
        return
    findings.looked_at("purchases")
    issued = [event for event in events if event.type == "issue"]
    active = [event for event in events if event.type == "activate"]
    named = f"purchase {order_id} of {last4(number)}"
    if not issued:
        _judge_lost_number(named, order_id, number, events, evidence, findings)
        return
    if len(issued) != 1 or len(active) != 1 or issued[0].key != number:
        text = f"{named} was issued {len(issued)} times and activated {len(active)} times"
        findings.breach(Law.SOURCES, text)
        return
    if issued[0].spent_minor != nominal_minor:
        findings.breach(
            Law.SOURCES, f"{named} was paid {nominal_minor} and has {issued[0].spent_minor}"
        )
    if order.came_back:
        findings.looked_at("purchases undone")
        undone = [event for event in events if event.reason == "PURCHASE_UNDONE"]
        if len([event for event in undone if event.type == "refund"]) != 1:
            findings.breach(Law.SOURCES, f"{named} was not undone once: {_story(events)}")


def _judge_lost_number(
    named: str,
    order_id: str,
    number: str,
    events: list[Event],
    evidence: Evidence,
    findings: Findings,
) -> None:
    """Nothing was issued: right only where the reservation had lapsed, and then it is told."""
    findings.looked_at("purchases whose number had gone")
    errors = [event for event in events if event.type == "error"]
    story = evidence.by_key.get(number, [])
    mine = [
        event
        for event in story
        if event.type == "reserve" and (event.payload or {}).get("orderId") == order_id
    ]
    lapsed = mine and any(
        event.type == "release" and event.sequence > mine[0].sequence for event in story
    )
    if not lapsed or len(errors) != 1:
        findings.breach(Law.SOURCES, f"{named} was paid and never issued: {_story(events)}")


def _judge_spending(
    order_id: str, order: _Order, events: list[Event], evidence: Evidence, findings: Findings
) -> None:
    tender = order.latest["certificateTenders"][0]
    number, amount_minor = tender["certificateId"], tender["amount"] // _HUNDREDTHS
    named = f"order {order_id} paid with {last4(number)}"
    confirms = any(each["authorizationId"] for each in order.payments if "authorizationId" in each)
    if confirms:
        findings.looked_at("captures confirmed")
        confirmed = [event for event in events if event.reason == "CAPTURE_CONFIRMED"]
        spent = [event for event in events if event.spent_minor]
        if len(confirmed) != 1 or spent:
            findings.breach(Law.SOURCES, f"{named} was not confirmed once: {_story(events)}")
        return
    findings.looked_at("redemptions")
    redeemed = [event for event in events if event.type in ("redeem.partial", "redeem.full")]
    if not redeemed:
        findings.looked_at("redemptions refused")
        _judge_refused(named, amount_minor, events, evidence, findings)
        return
    if [event.spent_minor for event in redeemed] != [-amount_minor]:
        text = f"{named} over {amount_minor} was redeemed {[e.spent_minor for e in redeemed]}"
        findings.breach(Law.SOURCES, text)
    if not order.came_back:
        return
    findings.looked_at("refunds")
    refunds = [event.spent_minor for event in events if event.type == "refund"]
    if not refunds:
        # The announcement of a refund may have been refused as well, and is told by itself.
        own = [event for event in events if "/refund/" in event.cause]
        _judge_refused(named, amount_minor, own, evidence, findings)
    elif refunds != [amount_minor]:
        findings.breach(Law.SOURCES, f"{named} over {amount_minor} was refunded {refunds}")


def _judge_refused(
    named: str,
    amount_minor: int,
    events: list[Event],
    evidence: Evidence,
    findings: Findings,
) -> None:
    """One error, and a state just before it in which nothing else could be done."""
    errors = [event for event in events if event.type == "error"]
    if len(errors) != 1:
        findings.breach(Law.SOURCES, f"{named} led to nothing once: {_story(events)}")
        return
    story = evidence.by_key[errors[0].key]
    before = [
        event
        for event in story
        if event.sequence < errors[0].sequence and event.payload is not None
    ]
    state = standing(before[-1])
    explained = (
        state.locked or state.available_minor < amount_minor or state.lifecycle not in _SPENDABLE
    )
    if not explained:
        text = f"{named} was refused as {errors[0].reason}, which nothing explains"
        findings.breach(Law.SOURCES, text)


def _judge_delivery(source: SourceRecord, evidence: Evidence, findings: Findings) -> None:
    findings.looked_at("deliveries")
    told = source.fields["delivery"]
    number, notification = told["certificateId"], told["notificationId"]
    wanted = "notification.sent" if told["outcome"] == "SENT" else "notification.failed"
    story = evidence.by_key.get(number, [])
    noted = [event for event in story if event.type == wanted and _about(event) == notification]
    asked = [
        event
        for event in story
        if event.type == "notification.requested" and _about(event) == notification
    ]
    later = [
        event
        for event in story
        if asked and event.type == "notification.requested" and event.sequence > asked[0].sequence
    ]
    if len(noted) > 1 or (not noted and not later):
        text = f"a delivery about {last4(number)} was noted {len(noted)} times"
        findings.breach(Law.SOURCES, text)


def _about(event: Event) -> str | None:
    notification = (event.payload or {}).get("notification")
    return None if notification is None else str(notification["id"])


def _story(events: list[Event]) -> str:
    return ", ".join(f"{event.type} {event.reason or ''}".strip() for event in events) or "nothing"
