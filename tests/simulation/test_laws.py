"""Every law can fail: a run that is whole breaks none, and each forgery of it breaks its law."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipelines.contracts.schemas import RecordName
from pipelines.simulation.laws_log import ReadLog
from pipelines.simulation.orders import ADDRESS
from pipelines.simulation.told_amounts import amount_bytes
from pipelines.topics import (
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    DLQ,
    FACTS,
    INDEX,
    POOL,
    REPLIES,
    STREAM,
)
from state.stores.layout import DEADLINES, MAIN, SEPARATOR, history_key
from tests.simulation.forged import ForgedUniverse, Records, Stored, whole_run

Forgery = Callable[[ForgedUniverse], None]


def test_a_whole_run_breaks_no_law() -> None:
    assert ForgedUniverse().breaches() == []


def test_the_whole_run_has_every_kind_of_event() -> None:
    """What never happens is never judged."""
    universe, neighbours = whole_run()
    events = Counter(
        line.fields["eventType"]
        for line in ReadLog(universe, neighbours.sources.poison).lines(STREAM)
    )
    wanted = {
        "load", "reserve", "release", "issue", "activate", "notification.requested",
        "notification.sent", "cvc.revealed", "authorize", "capture", "hold.expired",
        "redeem.partial", "refund", "refund.pending", "lock", "unlock", "alert", "error",
    }  # fmt: skip
    assert wanted <= events.keys()


def _no_gap(forged: ForgedUniverse) -> None:
    forged.drop(STREAM, eventType="authorize")


def _edit_entry(name: str) -> Forgery:
    def forge(forged: ForgedUniverse) -> None:
        def change(fields: dict[str, Any]) -> None:
            fields["entry"] = {**fields["entry"], name: amount_bytes(-1, "RUB")}

        forged.edit(STREAM, change, eventType="redeem.partial")

    return forge


def _edit_payload(name: str, value: object, **wanted: Any) -> Forgery:
    def forge(forged: ForgedUniverse) -> None:
        def change(fields: dict[str, Any]) -> None:
            fields["payload"] = {**fields["payload"], name: value}

        forged.edit(STREAM, change, **wanted)

    return forge


def _says(topic: Any, name: str, value: object, **wanted: Any) -> Forgery:
    return lambda forged: forged.edit(topic, lambda fields: fields.update({name: value}), **wanted)


def _drops(topic: Any, **wanted: Any) -> Forgery:
    return lambda forged: forged.drop(topic, **wanted)


def _doubles(topic: Any, **wanted: Any) -> Forgery:
    return lambda forged: forged.double(topic, **wanted)


def _sold_twice(forged: ForgedUniverse) -> None:
    """A second sale of the same number, in an event that is right in itself."""

    def forgery(records: Records) -> None:
        first = records[forged.place_of(STREAM, records, eventType="issue")]
        fields = forged.fields(STREAM, first)
        fields |= {"eventId": "another", "sequence": 10_000}
        value = forged.framing.encode(RecordName.GIFT_CERTIFICATE_EVENT, fields)
        records.append(replace(first, value=value))

    forged.forge(STREAM, forgery)


def _same_event_id(forged: ForgedUniverse) -> None:
    for event_type in ("load", "issue"):
        _says(STREAM, "eventId", "one", eventType=event_type)(forged)


def _swapped_pool(forged: ForgedUniverse) -> None:
    """Who asked first is served last."""

    def forgery(records: Records) -> None:
        offered = {line.fields["commandId"] for line in ReadLog(forged).lines(COMMANDS)}
        takes = [
            place
            for place, record in enumerate(records)
            if (request := forged.fields(POOL, record)["requestId"]) is not None
            and request in offered
        ]
        first, last = takes[0], takes[-1]
        records[first], records[last] = records[last], records[first]

    poison = forged.neighbours.sources.poison
    forged.forge(POOL, lambda records: _without(records, poison))
    forged.forge(POOL, forgery)


def _without(records: Records, poison: set[bytes]) -> None:
    records[:] = [record for record in records if record.value not in poison]


def _store(topic: Any, chosen: Callable[[bytes], bool], value: bytes | None) -> Forgery:
    """One record of a store changed, or lost."""

    def forge(forged: ForgedUniverse) -> None:
        done: list[bytes] = []

        def forgery(stored: Stored) -> None:
            for key in sorted(stored):
                if not done and chosen(key):
                    done.append(key)
                    stored.pop(key)
                    if value is not None:
                        stored[key] = value

        forged.forge_store(topic, forgery)
        assert done, "the run has such a record"

    return forge


def _is_main(key: bytes) -> bool:
    return key.endswith(SEPARATOR + MAIN)


def _is_deadline(key: bytes) -> bool:
    return key.startswith(DEADLINES)


def _new_deadline(forged: ForgedUniverse) -> None:
    def forgery(stored: Stored) -> None:
        key = DEADLINES + SEPARATOR + (1).to_bytes(8, "big") + b"EL-00001\x00HOLD\x00gone"
        stored[key] = b"\x01"

    forged.forge_store(COMMANDS, forgery)


def _secret_code(forged: ForgedUniverse) -> None:
    (code, *_) = sorted(forged.neighbours.wallet.told())

    def change(fields: dict[str, Any]) -> None:
        fields["reason"] = {"code": "SUPPORT", "text": f"the customer said {code}"}

    forged.edit(STREAM, change, eventType="lock")


def _secret_address(forged: ForgedUniverse) -> None:
    name = f"{ADDRESS}7"
    forged.edit(COMMANDS, lambda fields: fields.update(clientId=name), type="ISSUE")


def _ordinary_kept(forged: ForgedUniverse) -> None:
    def forgery(stored: Stored) -> None:
        stored[b"goods-1" + SEPARATOR + MAIN] = b"\x01\x80"

    forged.forge_store(FACTS, forgery)


def _overdue_correlation(forged: ForgedUniverse) -> None:
    def forgery(stored: Stored) -> None:
        key = (1).to_bytes(8, "big") + b"sale-1\x00CORRELATION\x00"
        stored[DEADLINES + SEPARATOR + key] = b"\x01"

    forged.forge_store(FACTS, forgery)


def _certificate_forgotten(forged: ForgedUniverse) -> None:
    universe = whole_run()[0]
    numbers = {key for each in universe.stores(FACTS).values() for key in each if _is_main(key)}
    sale = min(key for key in numbers if key.startswith(b"sale-"))
    _store(FACTS, lambda key: key == sale, None)(forged)


def _dead_letter(*, twice: bool) -> Forgery:
    def forge(forged: ForgedUniverse) -> None:
        def forgery(records: Records) -> None:
            if twice:
                records.append(records[0])
            else:
                records.pop()

        forged.forge(DLQ, forgery)

    return forge


FORGERIES: list[tuple[str, str, Forgery]] = [
    ("1", "a number is sold twice", _sold_twice),
    ("1", "a sold number looks free", _edit_payload("lifecycle", "RESERVED", eventType="activate")),
    ("2", "an entry has another amount", _edit_entry("amount")),
    ("2", "an entry has another balance", _edit_entry("remainingBalance")),
    ("2", "an entry has another held", _edit_entry("held")),
    ("3", "an event is missing", _no_gap),
    ("3", "an event comes twice", _doubles(STREAM, eventType="capture")),
    ("3", "an event id is used again", _same_event_id),
    ("3", "a balance moves without an entry", _edit_payload("held", b"\x01", eventType="lock")),
    ("5", "an event says another status", _says(STREAM, "status", "LOCKED", eventType="load")),
    ("5", "an event has another cause", _says(STREAM, "causationId", "x", eventType="load")),
    ("5", "an event is about another order", _says(STREAM, "correlationId", "x", eventType="load")),
    ("5", "a reply is missing", _drops(REPLIES, rejection=None)),
    ("5", "a reply comes twice", _doubles(REPLIES, rejection=None)),
    ("5", "a reply goes to another", _says(REPLIES, "replyTo", "x", rejection=None)),
    ("5", "a reply tells another sequence", _says(REPLIES, "sequence", 999, rejection=None)),
    ("5", "a command is lost", _drops(COMMANDS, type="ACTIVATE")),
    ("5", "what is bought is asked for twice", _doubles(COMMANDS, type="ACTIVATE")),
    ("5", "the pool does not hear of a number", _drops(POOL, type="ADD")),
    ("5", "the pool hears of a number twice", _doubles(POOL, type="ADD")),
    ("pool", "requests are served in another order", _swapped_pool),
    ("pool", "an offer is lost", _drops(COMMANDS, type="RESERVE")),
    ("index", "an entry is lost", _drops(INDEX)),
    ("index", "an entry comes twice", _doubles(INDEX)),
    ("4", "a certificate is lost", _store(COMMANDS, _is_main, None)),
    ("4", "a certificate is another", _store(COMMANDS, _is_main, b"\x01\x80")),
    ("4", "a pool is another", _store(POOL, _is_main, None)),
    ("4", "a correlation is lost", _store(FACTS, _is_main, None)),
    ("4", "a list is lost", _store(INDEX, _is_main, None)),
    ("history", "an event is not kept", _store(
        COMMANDS, lambda key: key.endswith(history_key(1)), None)),
    ("deadlines", "a deadline stands that is nobody's", _new_deadline),
    ("facts", "a fact is lost", _drops(FACTS, type="PAYMENT")),
    ("facts", "a fact comes twice", _doubles(FACTS, type="ORDER")),
    ("facts", "a payment was heard of that nobody made", _drops(ALL_PAYMENTS)),
    ("facts", "an order is not taken in", _doubles(ALL_SALES_ORDER)),
    ("dead-letters", "what is broken is lost", _dead_letter(twice=False)),
    ("dead-letters", "what is broken comes twice", _dead_letter(twice=True)),
    ("forgotten", "an ordinary order is remembered", _ordinary_kept),
    ("forgotten", "a correlation is overdue", _overdue_correlation),
    ("forgotten", "a sale is forgotten", _certificate_forgotten),
    ("secrets", "a code is in an event", _secret_code),
    ("secrets", "an address is in a command", _secret_address),
]  # fmt: skip


@pytest.mark.parametrize(
    ("law", "forgery"),
    [(law, forgery) for law, _, forgery in FORGERIES],
    ids=[f"{law} {name}" for law, name, _ in FORGERIES],
)
def test_a_forged_run_breaks_its_law(law: str, forgery: Forgery) -> None:
    forged = ForgedUniverse()
    forgery(forged)
    assert law in forged.laws_broken()
