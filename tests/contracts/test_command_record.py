"""Commands as records: nothing is lost on the way, and what is not allowed is broken."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.command_record import command_from_record, command_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from state.certificate.commands import (
    Action,
    Authorize,
    Command,
    Issue,
    Load,
    Lock,
    NotificationResult,
    Origin,
    RaiseAlert,
    Redeem,
    Reserve,
    ReserveNumber,
    RevealCvc,
)
from state.certificate.money import Money
from tests.contracts.actions import ACTIONS, AT_MS, MONEY, NUMBER, STORE, command
from tests.contracts.violations import (
    LAST_INSTANT_MS,
    TOO_LONG,
    WRONG_IDS,
    WRONG_INSTANTS,
    assert_refused,
)

FRAMING = SingleObjectFraming()
AUTHORIZE = next(action for action in ACTIONS if isinstance(action, Authorize))
ISSUE = next(action for action in ACTIONS if isinstance(action, Issue))
REDEEM = next(action for action in ACTIONS if isinstance(action, Redeem))
RESERVE = next(action for action in ACTIONS if isinstance(action, Reserve))


def carried(sent: Command) -> Command:
    """The command after the whole way through Avro's bytes."""
    framed = FRAMING.encode(RecordName.COMMAND, command_to_record(sent))
    return command_from_record(FRAMING.decode(RecordName.COMMAND, framed))


def test_every_kind_of_action_has_a_specimen() -> None:
    assert {type(action) for action in ACTIONS} == set(get_args(Action))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_command_survives_the_round_trip(action: Action) -> None:
    assert carried(command(action)) == command(action)


@pytest.mark.parametrize("origin", Origin)
def test_envelope_with_nothing_optional_survives_the_round_trip(origin: Origin) -> None:
    bare = Command(
        command_id="r",
        at_ms=0,
        certificate_id="GC-001",
        origin=origin,
        action=Load(pool="PHYSICAL"),
    )
    assert carried(bare) == bare


@given(
    amount_minor=st.integers(1, 10**13),
    currency=st.sampled_from(["RUB", "JPY", "KWD", "CLF"]),
    order_id=st.text(min_size=1, max_size=200).filter(str.isprintable),
)
def test_any_amount_and_id_survives_the_round_trip(
    amount_minor: int, currency: str, order_id: str
) -> None:
    money = Money(amount_minor=amount_minor, currency=currency)
    sent = command(replace(REDEEM, amount=money, order_id=order_id))
    assert carried(sent) == sent


def test_id_made_of_two_others_may_be_as_long_as_they_are() -> None:
    """`correlation/redeem/payment`: two ids that ingest let through must not make a broken one."""
    made = f"{'c' * 200}/alert/REDEMPTION_MISMATCH/{'p' * 200}"
    sent = command(Lock(reason="lost"), command_id=made)
    assert carried(sent) == sent


def test_alert_may_be_about_the_longest_correlation() -> None:
    """One that names no certificate is filed under the correlation itself."""
    alert = RaiseAlert(code="ORDER_MISSING", text="no order")
    sent = command(alert, certificate_id=f"correlation:{'c' * 200}")
    assert carried(sent) == sent


def test_notification_id_may_be_as_long_as_the_command_that_made_it() -> None:
    made = f"{'c' * 200}/issue/{'l' * 200}"
    action = NotificationResult(notification_id=made, sent=True, reason="")
    assert carried(command(action)).action == action


@pytest.mark.parametrize("at_ms", [0, LAST_INSTANT_MS])
def test_instant_at_either_end_is_read(at_ms: int) -> None:
    sent = replace(command(replace(RESERVE, until_ms=at_ms)), at_ms=at_ms)
    assert carried(sent) == sent


def test_endless_reason_is_cut() -> None:
    """A reason is for people. A long one must not grow an event beyond what Kafka takes."""
    read = carried(command(Lock(reason="x" * 500_000)))
    assert read.action == Lock(reason="x" * 1_000)
    alert = carried(command(RaiseAlert(code="A" * 500_000, text="y" * 500_000)))
    assert isinstance(alert.action, RaiseAlert)
    assert (len(alert.action.code), len(alert.action.text)) == (1_000, 1_000)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        (name, wrong)
        for name in (
            "commandId",
            "certificateId",
            "correlationId",
            "actor",
            "replyTo",
            "bodyDigest",
        )
        for kind, wrong in WRONG_IDS.items()
        if kind != "too long" or name not in ("commandId", "certificateId")
    ],
)
def test_wrong_id_in_the_envelope_is_broken(name: str, wrong: object) -> None:
    record = command_to_record(command(Lock(reason="lost")))
    assert_refused(command_from_record, {**record, name: wrong}, name)


@pytest.mark.parametrize("name", ["commandId", "certificateId"])
def test_made_id_beyond_a_thousand_characters_is_broken(name: str) -> None:
    record = command_to_record(command(Lock(reason="lost")))
    assert_refused(command_from_record, {**record, name: "x" * 1_001}, name)


OF_ACTIONS: list[tuple[Action, str, object]] = [
    *((ISSUE, "orderId", wrong) for wrong in (None, *WRONG_IDS.values())),
    *((ISSUE, "clientId", wrong) for wrong in WRONG_IDS.values()),
    *((REDEEM, "paymentId", wrong) for wrong in (None, *WRONG_IDS.values())),
    *((REDEEM, "authorizationId", wrong) for wrong in ("", "a\tb")),
    *((RESERVE, "reservedUntil", wrong) for wrong in (None, *WRONG_INSTANTS.values())),
    *((AUTHORIZE, "expiresAt", wrong) for wrong in (None, *WRONG_INSTANTS.values())),
    *((RESERVE, "pool", wrong) for wrong in (None, "", "electronic", "GC-0001", "P|c", "P1", "X")),
    *((Load(pool="PHYSICAL"), "pool", wrong) for wrong in (None, "", "GC-0001", "P" * 33)),
    (RESERVE, "channel", None),
    (RESERVE, "channel", "UNKNOWN"),
    (ISSUE, "notificationChannel", "UNKNOWN"),
    (ISSUE, "amount", None),
    (ISSUE, "amount", b""),
    (ISSUE, "amount", b"\x00"),
    (ISSUE, "amount", b"\xff"),
    (ISSUE, "amount", b"\x01"),  # a ten-thousandth of a rouble
    (ISSUE, "amount", (10**18).to_bytes(8, "big")),
    (ISSUE, "currency", None),
    (ISSUE, "currency", "RUR"),
    (ISSUE, "currency", "XAU"),
    (ISSUE, "currency", "rub"),
    (AUTHORIZE, "cvcMatches", None),
    (AUTHORIZE, "cvcVersion", None),
    (AUTHORIZE, "acceptPartial", None),
    (RevealCvc(key_id="2025-01"), "cvcKeyId", None),
    (Lock(reason="lost"), "reason", None),
    (RaiseAlert(code="OVERPAID", text="too much"), "alertCode", None),
    (RaiseAlert(code="OVERPAID", text="too much"), "reason", None),
    (NotificationResult(notification_id="n", sent=True, reason=""), "sent", None),
    (NotificationResult(notification_id="n", sent=True, reason=""), "notificationId", None),
]


@pytest.mark.parametrize(("action", "name", "wrong"), OF_ACTIONS)
def test_wrong_field_of_an_action_is_broken(action: Action, name: str, wrong: object) -> None:
    record = command_to_record(command(action))
    says = {"amount": "amount", "currency": "currency", "pool": "pool"}.get(name, name)
    assert_refused(command_from_record, {**record, name: wrong}, says)


REQUIRED: dict[type[Action], set[str]] = {
    type(action): {
        name
        for name, value in command_to_record(command(action)).items()
        if value is not None
        and name
        not in {
            "correlationId",
            "actor",
            "replyTo",
            "bodyDigest",
            "clientId",
            "notificationChannel",
        }
    }
    for action in ACTIONS
}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_action_without_a_field_it_needs_is_broken(action: Action) -> None:
    """Each field the schema lets be absent, taken away one by one."""
    optional = {Reserve: {"orderId"}, ReserveNumber: {"orderId"}, Redeem: {"authorizationId"}}
    record = command_to_record(command(action))
    for name in REQUIRED[type(action)] - optional.get(type(action), set()):
        if name in {"type", "at", "origin"} or (name == "amount" and "CAPTURE" in record["type"]):
            continue  # The schema itself demands them; a capture without an amount is the whole.
        if name == "currency" and record["amount"] is None:
            continue
        assert_refused(command_from_record, {**record, name: None}, name)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("type", "UNKNOWN"),
        ("type", "TELEPORT"),
        ("origin", "UNKNOWN"),
        *(("at", wrong) for wrong in WRONG_INSTANTS.values()),
    ],
)
def test_wrong_envelope_is_broken(name: str, wrong: object) -> None:
    record = command_to_record(command(Lock(reason="lost")))
    assert_refused(command_from_record, {**record, name: wrong}, name)


@pytest.mark.parametrize(
    "number",
    ["GC-1", "gc-0001", "GC 0001", "ABCDEF", "G" * 33, TOO_LONG, "GC-0001|c", "correlation:1"],
)
@pytest.mark.parametrize("action", [Load(pool="PHYSICAL"), Lock(reason="lost")])
def test_command_about_what_is_no_number_is_broken(action: Action, number: str) -> None:
    """It could be a pool's name, whose events have the same keys; so not even to say NOT_FOUND."""
    record = {**command_to_record(command(action)), "certificateId": number}
    assert_refused(command_from_record, record, "certificateId")


def test_record_of_a_command_has_no_field_the_schema_lacks() -> None:
    """Encoding is strict, so a forgotten field would stop a worker: try every kind here."""
    for action in ACTIONS:
        record: dict[str, Any] = command_to_record(command(action))
        assert FRAMING.encode(RecordName.COMMAND, record)
    money = command_to_record(
        command(
            Issue(
                order_id="o",
                channel=STORE,
                client_id=None,
                nominal=MONEY,
                notification_channel=None,
            )
        )
    )
    assert (money["currency"], money["at"], money["certificateId"]) == ("RUB", AT_MS, NUMBER)
