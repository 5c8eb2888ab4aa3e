"""Facts as records: nothing is lost on the way, and what is not allowed is broken."""

from typing import Any, get_args

import pytest

from pipelines.contracts.fact_record import MAX_ORDER_ROWS, fact_from_record, fact_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from state.correlation.facts import DeadlineReached, Fact, Happening, PaymentSeen
from tests.contracts.actions import HAPPENINGS, ORDER, PAYMENT, fact
from tests.contracts.samples import wire_amount
from tests.contracts.violations import WRONG_IDS, WRONG_INSTANTS, assert_refused

FRAMING = SingleObjectFraming()
ORDINARY = HAPPENINGS[2]


def carried(sent: Fact) -> Fact:
    framed = FRAMING.encode(RecordName.FACT, fact_to_record(sent))
    return fact_from_record(FRAMING.decode(RecordName.FACT, framed))


def within(happening: Happening, part: str, **changes: object) -> dict[str, Any]:
    """The record of a fact, with fields of its order or payment changed."""
    record = fact_to_record(fact(happening))
    return {**record, part: {**record[part], **changes}}


def test_every_kind_of_happening_has_a_specimen() -> None:
    assert {type(happening) for happening in HAPPENINGS} == set(get_args(Happening))


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda seen: type(seen).__name__)
def test_fact_survives_the_round_trip(happening: Happening) -> None:
    assert carried(fact(happening)) == fact(happening)


def test_endless_failure_reason_is_cut() -> None:
    record = within(PAYMENT, "payment", failureReason="x" * 500_000)
    seen = fact_from_record(record).happening
    assert isinstance(seen, PaymentSeen)
    assert seen.failure_reason == "x" * 1_000


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("factId", wrong) for wrong in WRONG_IDS.values()),
        *(("correlationId", wrong) for wrong in WRONG_IDS.values()),
        *(("at", wrong) for wrong in WRONG_INSTANTS.values()),
        ("missingAfterMs", -1),
        ("forgetAfterMs", -1),
        ("type", "UNKNOWN"),
    ],
)
def test_wrong_envelope_is_broken(name: str, wrong: object) -> None:
    record = fact_to_record(fact(DeadlineReached()))
    assert_refused(fact_from_record, {**record, name: wrong}, name)


@pytest.mark.parametrize(
    ("happening", "part"), [(ORDER, "order"), (ORDINARY, "ordinaryOrder"), (PAYMENT, "payment")]
)
def test_fact_without_what_its_type_promises_is_broken(happening: Happening, part: str) -> None:
    assert_refused(fact_from_record, {**fact_to_record(fact(happening)), part: None}, part)


LINE = {"lineId": "1", "amount": wire_amount(10_000), "certificateId": None}
TENDER = {"certificateId": "GC-0000-0007", "amount": wire_amount(10_000)}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        *(({"orderId": wrong}, "orderId") for wrong in WRONG_IDS.values()),
        *(({"clientId": wrong}, "clientId") for wrong in WRONG_IDS.values()),
        ({"version": -1}, "version"),
        ({"channel": "UNKNOWN"}, "channel"),
        ({"status": "UNKNOWN"}, "status"),
        ({"notificationChannel": "UNKNOWN"}, "notificationChannel"),
        ({"currency": "RUR"}, "currency"),
        ({"total": wire_amount(-1)}, "negative"),
        ({"total": wire_amount(1)}, "decimals"),
        ({"lines": [{**LINE, "amount": b"\x00"}]}, "amount"),
        *(({"lines": [{**LINE, "lineId": wrong}]}, "lineId") for wrong in WRONG_IDS.values()),
        *(
            ({"lines": [{**LINE, "certificateId": wrong}]}, "certificateId")
            for wrong in WRONG_IDS.values()
        ),
        ({"lines": [LINE, LINE]}, "lineId"),
        (
            {"lines": [{**LINE, "lineId": line, "certificateId": "GC-0001"} for line in "12"]},
            "certificateId",
        ),
        (
            {"lines": [{**LINE, "lineId": str(row)} for row in range(MAX_ORDER_ROWS + 1)]},
            "certificate lines or tenders",
        ),
        ({"tenders": [TENDER] * (MAX_ORDER_ROWS + 1)}, "certificate lines or tenders"),
        ({"tenders": [{**TENDER, "amount": b"\x00"}]}, "amount"),
        ({"tenders": [{**TENDER, "certificateId": ""}]}, "certificateId"),
    ],
)
def test_wrong_order_is_broken(changes: dict[str, object], says: str) -> None:
    assert_refused(fact_from_record, within(ORDER, "order", **changes), says)


def test_order_with_as_many_rows_as_allowed_is_read() -> None:
    rows = [{**LINE, "lineId": str(row)} for row in range(MAX_ORDER_ROWS)]
    record = within(ORDER, "order", lines=rows, tenders=[TENDER] * MAX_ORDER_ROWS)
    assert fact_from_record(record).fact_id == "event-1"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"orderId": ""}, "orderId"),
        ({"version": -1}, "version"),
        ({"status": "UNKNOWN"}, "status"),
    ],
)
def test_wrong_ordinary_order_is_broken(changes: dict[str, object], says: str) -> None:
    assert_refused(fact_from_record, within(ORDINARY, "ordinaryOrder", **changes), says)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        *(
            ({name: wrong}, name)
            for name in ("paymentId", "orderId", "certificateId", "authorizationId")
            for wrong in WRONG_IDS.values()
        ),
        ({"originalPaymentId": ""}, "originalPaymentId"),
        ({"type": "UNKNOWN"}, "type"),
        ({"status": "UNKNOWN"}, "status"),
        ({"tender": "UNKNOWN"}, "tender"),
        ({"operation": "UNKNOWN"}, "operation"),
        ({"currency": "XXX"}, "currency"),
        ({"amount": wire_amount(-10_000)}, "negative"),
        ({"amount": b""}, "amount"),
    ],
)
def test_wrong_payment_is_broken(changes: dict[str, object], says: str) -> None:
    assert_refused(fact_from_record, within(PAYMENT, "payment", **changes), says)
