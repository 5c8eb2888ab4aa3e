"""The story of one certificate: its money, its holds, its gaps, and what is never in it."""

import io
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from pipelines.contracts.amounts import minor_to_amount
from pipelines.timeline.presentation import show_timeline, timeline_json, told_amount, told_when
from pipelines.timeline.timeline import Place, Read, Timeline, timeline_of
from pipelines.timeline.words import EVENTS, LIFECYCLES
from state.certificate.events import EventType
from state.certificate.record import Lifecycle

NUMBER = "GC-2026-00000042"
AT_MS = 1_772_361_000_000
MOSCOW = ZoneInfo("Europe/Moscow")


def event(
    sequence: int,
    kind: str,
    *,
    entry: tuple[str, int] | None = None,
    balance: int = 5_000_00,
    held: int = 0,
    reason: tuple[str, str] | None = None,
    cause: str = "command",
    loaded: bool = True,
    lock: dict[str, Any] | None = None,
) -> Read:
    """A record of the stream, decoded: amounts in kopecks."""

    def amount(minor: int) -> bytes:
        return minor_to_amount(minor, "RUB", negative=True)

    money = {"remainingBalance": amount(balance), "held": amount(held)}
    fields = {
        "sequence": sequence,
        "occurredAt": AT_MS + sequence * 1_000,
        "eventType": kind,
        "status": "ACTIVE",
        "causationId": cause,
        "correlationId": "order-7",
        "actor": "till",
        "reason": None if reason is None else {"code": reason[0], "text": reason[1]},
        "entry": None if entry is None else {"kind": entry[0], "amount": amount(entry[1]), **money},
        "payload": None
        if not loaded
        else {
            "certificateId": NUMBER,
            "pool": "ELECTRONIC",
            "status": "ACTIVE",
            "lifecycle": "ACTIVE",
            "channel": "ONLINE_STORE",
            "orderId": f"order-of-{NUMBER}",
            "clientId": None,
            "nominal": amount(5_000_00),
            **money,
            "currency": "RUB",
            "reservedUntil": None,
            "issuedAt": AT_MS,
            "activatedAt": AT_MS,
            "expiresAt": None,
            "notification": {"status": "SENT"},
            "lock": lock,
            "version": sequence,
        },
    }
    return Read(place=Place(partition=2, offset=100 + sequence), fields=fields)


def printed(timeline: Timeline, width: int = 140) -> str:
    out = io.StringIO()
    show_timeline(timeline, MOSCOW, Console(file=out, width=width, markup=False, highlight=False))
    return out.getvalue()


HELD = [
    event(1, "issue", entry=("ISSUE", 5_000_00)),
    event(2, "authorize", entry=("AUTHORIZE", 0), held=1_000_00, cause="authorization-a"),
    event(3, "authorize", entry=("AUTHORIZE", 0), held=1_500_00, cause="authorization-b"),
    event(4, "void", entry=("VOID", 0), held=500_00),
]


def test_timeline_of_money_set_aside_and_freed_names_the_hold_that_is_open() -> None:
    [hold] = timeline_of(NUMBER, HELD).holds
    assert (hold.cause, hold.amount_minor, hold.certain) == ("authorization-b", 500_00, True)


def test_timeline_of_two_holds_of_one_amount_says_that_it_cannot_tell_them_apart() -> None:
    alike = [
        event(1, "authorize", entry=("AUTHORIZE", 0), held=500_00, cause="a"),
        event(2, "authorize", entry=("AUTHORIZE", 0), held=1_000_00, cause="b"),
        event(3, "hold.expired", entry=("HOLD_EXPIRED", 0), held=500_00),
    ]
    timeline = timeline_of(NUMBER, alike)
    assert [hold.certain for hold in timeline.holds] == [False]
    assert "or another of the same amount" in printed(timeline)


def test_timeline_with_everything_redeemed_has_no_open_hold_left() -> None:
    spent = [
        *HELD,
        event(5, "capture", entry=("CAPTURE", 0)),
        event(6, "redeem.partial", entry=("REDEEM", -500_00), balance=4_500_00),
    ]
    timeline = timeline_of(NUMBER, spent)
    assert timeline.holds == ()
    assert [line.balance_minor for line in timeline.lines][-2:] == [5_000_00, 4_500_00]


def test_timeline_without_its_beginning_knows_that_money_was_set_aside_earlier() -> None:
    timeline = timeline_of(NUMBER, HELD[2:3], from_start=False)
    assert timeline.gaps == ()
    assert "1,500.00 RUB, set aside earlier than what was read" in printed(timeline)


def test_timeline_with_an_event_missing_names_the_place() -> None:
    timeline = timeline_of(NUMBER, [HELD[0], HELD[2]])
    assert timeline.gaps == (3,)
    assert "Before event 3 something is missing" in printed(timeline)


SECRETS = [
    ("the number in an id", event(1, "load", cause=f"load/{NUMBER}")),
    ("the number in a text", event(1, "alert", reason=("NUMBER_GONE", f"{NUMBER} is gone"))),
    ("the number at a cut", event(1, "alert", reason=("X", "x" * 292 + NUMBER))),
    ("an address", event(1, "lock", reason=("FRAUD", "write to anna@example.org"))),
    ("a telephone", event(1, "notification.failed", reason=("SMS", "to +7 903 123-45-67 failed"))),
    ("a code", event(1, "lock", reason=("FRAUD", "she says the code is 482913"))),
    (
        "a code in the lock",
        event(1, "lock", lock={"reason": "code 482913", "by": "anna", "at": AT_MS}),
    ),
    ("a terminal's own language", event(1, "annul", reason=("X", "\x1b[2Jgone"))),
]
HIDDEN = (NUMBER, NUMBER[:8], "anna@example.org", "903", "482913", "\x1b")


@pytest.mark.parametrize("record", [pytest.param(each, id=name) for name, each in SECRETS])
def test_timeline_with_a_secret_in_a_text_shows_none_of_it(record: Read) -> None:
    timeline = timeline_of(NUMBER, [record])
    told = printed(timeline) + json.dumps(timeline_json(timeline), ensure_ascii=False)
    assert [secret for secret in HIDDEN if secret in told] == []
    assert "…0042" in told


def test_timeline_of_our_own_words_keeps_orders_and_amounts() -> None:
    text = "orders 100212 and 100213 ask for 1500.00, …0042 has it"
    timeline = timeline_of(NUMBER, [event(1, "alert", reason=("TWO_ORDERS", text))])
    assert timeline.lines[0].text == text


def test_timeline_of_a_number_that_somebody_only_asked_for_is_not_loaded() -> None:
    asked = [event(1, "error", reason=("NOT_FOUND", "no such number"), loaded=False)]
    timeline = timeline_of(NUMBER, asked)
    assert not timeline.loaded
    assert "nobody ever loaded this number" in printed(timeline)
    assert timeline_json(timeline)["exists"] is False


def test_timeline_with_a_record_that_cannot_be_read_goes_on_and_says_where_it_is() -> None:
    broken = Read(place=Place(partition=2, offset=7), fields=None, fault="no Avro")
    timeline = timeline_of(NUMBER, [HELD[0], broken])
    assert len(timeline.lines) == 1
    assert "partition 2 offset 7 cannot be read: no Avro" in printed(timeline)


def test_locked_certificate_is_shown_with_who_and_why_and_since_when() -> None:
    lock = {"reason": "reported lost", "by": "anna", "at": AT_MS}
    told = printed(timeline_of(NUMBER, [event(1, "lock", lock=lock)]))
    assert "since 2026-03-01 13:30:00 by anna: reported lost" in told


@pytest.mark.parametrize("kind", [each.value for each in EventType])
def test_table_on_a_narrow_screen_breaks_no_type_no_time_and_no_amount(kind: str) -> None:
    """80 columns is what a pipe and a telephone on call have."""
    money = event(7, kind, entry=("REDEEM", -100_000_00), balance=250_000_00, held=125_000_00)
    told = printed(timeline_of(NUMBER, [money], from_start=False), width=80)
    lines = told[told.index("What happened") :].splitlines()
    assert max(map(len, lines)) <= 80
    when = next(line for line in lines if "2026-03-01 13:30:07" in line)
    assert when.split()[-3:] == ["-100,000.00", "250,000.00", "125,000.00"]
    below = lines[lines.index(when) + 1]
    assert below.split()[0] == kind


def test_amounts_and_times_are_written_as_people_read_them() -> None:
    assert told_amount(1_234_567_89, "RUB") == "1,234,567.89 RUB"
    assert told_amount(1_500, "JPY") == "1,500 JPY"
    assert told_when(AT_MS, MOSCOW) == "2026-03-01 13:30:00"
    assert told_when(2**62, MOSCOW) == f"{2**62} ms"


def test_every_event_and_lifecycle_has_its_words() -> None:
    assert set(EVENTS) == set(EventType)
    assert set(LIFECYCLES) == set(Lifecycle)
