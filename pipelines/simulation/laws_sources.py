"""What ingest must make of the sources: each record once, as it was said, and what is broken once.

Owns the comparison of the sources' topics with facts, deliveries and the DLQ, and what must be
forgotten of orders that have nothing to do with certificates.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any, Final

from pipelines.simulation.actors import Breach
from pipelines.simulation.laws_fold import Folded
from pipelines.simulation.laws_log import Fields, Findings, ReadLog
from pipelines.simulation.reference_cases import Case, marked
from pipelines.simulation.reference_words import parts
from pipelines.stages.record import Incoming
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    DLQ,
    FACTS,
    INDEX,
    POOL,
    Topic,
)
from state.stores.layout import DEADLINES, MAIN, SEPARATOR, deadline_entry, stored_key

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

_HOUR_MS: Final = 60 * 60 * 1000
_DEADLINE_PREFIX: Final = DEADLINES + SEPARATOR
_INPUTS: Final = (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS, FACTS, COMMANDS, POOL, INDEX)

Said = tuple[Any, ...]


def judge_sources(universe: "Universe", log: ReadLog) -> list[Breach]:
    """Where facts and deliveries are not what the sources said."""
    law = Findings("facts")
    settings = universe.settings
    policy = (settings.half_missing_hours * _HOUR_MS, settings.forget_ordinary_days * 24 * _HOUR_MS)
    expected: defaultdict[tuple[str, int, str], list[Said]] = defaultdict(list)
    homes: dict[tuple[str, str], int] = {}
    for topic, kind, said in (
        (ALL_SALES_ORDER, "ORDER", _order_said),
        (ALL_PAYMENTS, "PAYMENT", _payment_said),
    ):
        for line in log.lines(topic):
            fields = line.fields
            homes[kind, fields["eventId"]] = line.record.partition
            if settings.accept_unmarked_payments or _concerns_certificates(kind, fields):
                key = fields["correlationId"] or fields["orderId"]
                at = line.record.timestamp_ms
                heard = (fields["eventId"], at, *policy, *said(fields))
                expected[kind, line.record.partition, key].append(heard)
    found: defaultdict[tuple[str, int, str], list[Said]] = defaultdict(list)
    for line in log.lines(FACTS):
        fields = line.fields
        kind = "PAYMENT" if fields["type"] == "PAYMENT" else "ORDER"
        if fields["type"] != "TIMEOUT":
            home = homes.get((kind, fields["factId"]), -1)
            waits = (fields["missingAfterMs"], fields["forgetAfterMs"])
            heard = (fields["factId"], fields["at"], *waits, *_fact_said(fields))
            found[kind, home, line.key].append(heard)
    for place in sorted(expected.keys() | found.keys()):
        law.compare(f"the facts of {place}", found[place], expected[place])
    _judge_deliveries(law, log)
    return law.breaches


def _concerns_certificates(kind: str, fields: Fields) -> bool:
    if kind == "PAYMENT":
        return marked({**fields, "operation": fields["certificateOperation"]})
    sells = any(line["kind"] == "GIFT_CERTIFICATE" for line in fields["lines"])
    return sells or bool(fields["certificateTenders"])


def _order_said(fields: Fields) -> Said:
    told = (fields["orderId"], fields["version"], fields["status"])
    if not _concerns_certificates("ORDER", fields):
        return told
    sold = [line for line in fields["lines"] if line["kind"] == "GIFT_CERTIFICATE"]
    notification = fields["notification"]
    channel = None if notification is None else notification["channel"]
    return (*told, *_order_rest(fields, sold, fields["certificateTenders"], channel))


def _order_rest(fields: Fields, lines: list[Any], tenders: list[Any], channel: str | None) -> Said:
    return (
        fields["channel"],
        fields["clientId"],
        fields["currency"],
        parts(fields["total"]),
        [(each["lineId"], parts(each["amount"]), each["certificateId"]) for each in lines],
        [(each["certificateId"], parts(each["amount"])) for each in tenders],
        channel,
    )


_PAYMENT_FIELDS: Final = (
    "paymentId",
    "orderId",
    "type",
    "status",
    "currency",
    "tender",
    "certificateId",
    "authorizationId",
    "originalPaymentId",
    "failureReason",
)


def _payment_said(fields: Fields, operation: str = "certificateOperation") -> Said:
    plain = tuple(fields[name] for name in _PAYMENT_FIELDS)
    return (*plain, fields[operation], parts(fields["amount"]))


def _fact_said(fields: Fields) -> Said:
    if fields["type"] == "PAYMENT":
        return _payment_said(fields["payment"], "operation")
    ordinary = fields["type"] == "ORDINARY_ORDER"
    order = fields["ordinaryOrder" if ordinary else "order"]
    told = (order["orderId"], order["version"], order["status"])
    if ordinary:
        return told
    rest = _order_rest(order, order["lines"], order["tenders"], order["notificationChannel"])
    return (*told, *rest)


def _judge_deliveries(law: Findings, log: ReadLog) -> None:
    expected: Counter[Said] = Counter()
    for line in log.lines(ALL_CLIENTS):
        delivery = line.fields["delivery"]
        if delivery is not None:
            name = f"delivery/{line.fields['eventId']}"
            sent = delivery["outcome"] == "SENT"
            expected[name, delivery["certificateId"], delivery["notificationId"], sent] += 1
    found: Counter[Said] = Counter()
    for line in log.lines(COMMANDS):
        fields = line.fields
        if fields["type"] == "NOTIFICATION_RESULT":
            message = fields["notificationId"]
            found[fields["commandId"], fields["certificateId"], message, fields["sent"]] += 1
    law.compare("deliveries", found, expected)


def judge_dead_letters(
    log: ReadLog, poison: Set[bytes], folded: Mapping[Topic, Folded]
) -> list[Breach]:
    """What cannot be used is in the DLQ once, untouched, and says where it was; nothing else is."""
    law = Findings("dead-letters")
    expected: Counter[Said] = Counter()
    for topic in _INPUTS:
        for record in log.records(topic):
            if record.value in poison:
                expected[_where(record), record.key, record.value] += 1
    found: Counter[Said] = Counter()
    for record in log.records(DLQ):
        headers = {name: (value or b"").decode() for name, value in record.headers}
        where = (headers["sourceTopic"], headers["sourcePartition"], headers["sourceOffset"])
        found[where, record.key, record.value] += 1
    for key in sorted(expected.keys() | found.keys(), key=str):
        law.compare(f"{key} in the DLQ", found[key], expected[key])
    for topic, each in folded.items():
        for record in each.refused:
            if record.value not in poison:
                law.add(f"{topic.name}: the service cannot use a record of its own at {record}")
    return law.breaches


def _where(record: Incoming) -> Said:
    return record.topic, str(record.partition), str(record.offset)


def judge_forgotten(universe: "Universe", cases: Mapping[str, Case]) -> list[Breach]:
    """No correlation is overdue; of ordinary traffic nothing is left once its time is over."""
    law = Findings("forgotten")
    stored = {key for records in universe.stores(FACTS).values() for key in records}
    for stored_as in stored:
        if stored_as.startswith(_DEADLINE_PREFIX):
            entry = deadline_entry(stored_as[len(_DEADLINE_PREFIX) :])
            if entry.at_ms <= universe.now_ms:
                law.add(f"{entry.message_key}: its deadline is over and still stands")
    for key, case in cases.items():
        kept, concerns = stored_key(key.encode(), MAIN) in stored, case.concerns_certificates()
        if kept and not concerns and universe.climate.ends_late:
            law.add(f"{key}: ordinary, and still remembered")
        # An order that stopped selling certificates may be forgotten, in its time.
        if not kept and concerns and not case.ordinary_versions:
            law.add(f"{key}: concerns a certificate, and was forgotten")
    return law.breaches
