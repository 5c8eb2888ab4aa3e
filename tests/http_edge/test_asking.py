"""Identity and knowledge: which request it is, what tells a repeat, who may know of what."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from http_edge.access.callers import Caller, Scope
from http_edge.api.calls import BY_OPERATION
from http_edge.api.models import NoParameters
from http_edge.asking.asking import Ask, digest_of, may_know, request_id_of
from state.certificate.commands import Channel
from state.certificate.record import Certificate
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import (
    CRM,
    STORE,
    SUPPORT,
    TILL,
    FakeServices,
    call,
    problem_of,
    token,
)
from tests.http_edge.flow_in_memory import FlowInMemory
from tests.state.certificate import specimens

pytestmark = pytest.mark.anyio
ONE = f"/certificates/{made.NUMBER}"


def caller(channel: Channel | None, *scopes: Scope) -> Caller:
    return Caller(client_id="client", channel=channel, scopes=frozenset(scopes))


def asked(operation: str) -> Ask:
    return Ask(
        call=BY_OPERATION[operation],
        caller=caller(None),
        path=NoParameters(),
        query=NoParameters(),
        body=None,
        request_id="r",
        until_s=time.monotonic() + 1.0,
        authorization="",
    )


def test_request_ids_meet_only_for_the_same_client_and_key() -> None:
    pairs = [("till", "1"), ("till", "11"), ("till1", "1"), ("store", "1"), ("till", "")]
    ids = {request_id_of(client, key) for client, key in pairs}
    assert len(ids) == len(pairs)
    assert request_id_of("till", "1") in ids


def test_digest_keeps_calls_and_parts_apart() -> None:
    """Concatenation would let two different bodies look the same."""
    digests = {
        digest_of(asked("lock"), "ab", "c"),
        digest_of(asked("lock"), "a", "bc"),
        digest_of(asked("lock"), "abc", None),
        digest_of(asked("lock"), "abc", ""),
        digest_of(asked("lock"), "abc"),
        digest_of(asked("annul"), "ab", "c"),
    }
    assert len(digests) == 6
    assert {len(digest) for digest in digests} == {32}


def test_digest_does_not_tell_post_from_get() -> None:
    """A channel may repeat by GET what it began by POST."""
    assert digest_of(asked("takeNext"), "a") == digest_of(asked("takeNextByGet"), "a")


STRANGERS = (specimens.AVAILABLE, specimens.ANNULLED_UNSOLD, specimens.locked(specimens.AVAILABLE))
SOLD = (
    specimens.ISSUED,
    specimens.ACTIVE,
    specimens.HELD,
    specimens.PARTIALLY_REDEEMED,
    specimens.REDEEMED,
    specimens.ANNULLED,
    specimens.locked(specimens.ACTIVE),
)
KNOWN: list[tuple[Certificate, Channel | None, bool]] = [
    *((certificate, channel, False) for certificate in STRANGERS for channel in (*Channel, None)),
    *((certificate, channel, True) for certificate in SOLD for channel in (*Channel, None)),
    (specimens.RESERVED, Channel.ONLINE_STORE, True),
    (specimens.RESERVED, Channel.POS, False),
    (specimens.RESERVED, None, False),
    (specimens.locked(specimens.RESERVED), Channel.ONLINE_STORE, True),
    (specimens.locked(specimens.RESERVED), Channel.POS, False),
]


@pytest.mark.parametrize(("certificate", "channel", "known"), KNOWN)
def test_what_is_not_sold_is_known_to_who_reserved_it_and_to_support_alone(
    certificate: Certificate, channel: Channel | None, known: bool
) -> None:
    others = [scope for scope in Scope if scope is not Scope.SUPPORT]
    assert may_know(caller(channel, *others), certificate) is known
    assert may_know(caller(channel, Scope.SUPPORT), certificate)


Making = Callable[[FlowInMemory], None]


def nothing(_flow: FlowInMemory) -> None:
    """Nobody has ever loaded the number."""


def reserved_by_a_till(flow: FlowInMemory) -> None:
    made.reserved(flow, channel=Channel.POS)


def refused_issue(flow: FlowInMemory) -> None:
    """Not loaded, and yet something was published about it."""
    flow.command(made.NUMBER, specimens.issue_action(), "order-1/issue/1")


UNKNOWN: list[Making] = [
    nothing,
    refused_issue,
    made.available,
    made.annulled_unsold,
    reserved_by_a_till,
]
CALLS: list[tuple[str, str, Scope, Any]] = [
    ("GET", "", Scope.READ, None),
    ("GET", "/history", Scope.READ, None),
    ("GET", "/history?asOf=2026-01-01T00:00:00Z", Scope.READ, None),
    ("GET", "/balance", Scope.BALANCE, None),
    ("GET", "/cvc?requestId=r", Scope.CVC, None),
    (
        "POST",
        "/authorizations",
        Scope.REDEEM,
        {"amount": "1.00", "currency": "RUB", "orderId": "o", "cvc": "000000"},
    ),
    ("POST", "/authorizations/hold-1/capture", Scope.REDEEM, {"amount": "1.00"}),
    ("POST", "/authorizations/hold-1/void", Scope.REDEEM, {}),
]


@pytest.mark.parametrize("make", UNKNOWN, ids=lambda make: make.__name__)
@pytest.mark.parametrize(("method", "rest", "scope", "body"), CALLS)
async def test_number_that_is_not_sold_is_answered_like_one_that_is_none(
    make: Making, method: str, rest: str, scope: Scope, body: Any
) -> None:
    """Byte for byte: an error must not tell which numbers there are. Nothing reaches the log."""
    services, empty = FakeServices(), FakeServices()
    make(services.flow)
    told = []
    for each in (services, empty):
        answer = await call(each, method, ONE + rest, token("store", scope), key="r", body=body)
        assert problem_of(answer) == (404, "not-found")
        assert each.flow.asked == []
        headers = {k: v for k, v in answer.headers.items() if not k.startswith("ratelimit")}
        told.append((answer.content, headers))
    assert told[0] == told[1]


@pytest.mark.parametrize("caller", [STORE, SUPPORT, TILL])
async def test_certificate_that_the_stream_told_of_a_moment_ago_is_found(
    monkeypatch: pytest.MonkeyPatch, caller: dict[str, str]
) -> None:
    """The store shows it a moment after the stream does; that moment is waited for."""
    services = FakeServices()

    async def catches_up(number: str, timeout_s: float) -> None:
        assert number == made.NUMBER
        assert 0 < timeout_s <= 5.0
        made.active(services.flow)

    monkeypatch.setattr(services, "settled", catches_up)
    assert (await call(services, "GET", ONE, caller)).status_code == 200


async def test_certificate_that_is_there_is_not_waited_for() -> None:
    services = FakeServices()
    made.active(services.flow)
    services.worker.behind = 0
    assert (await call(services, "GET", ONE, STORE)).status_code == 200


async def test_own_reservation_is_known_to_its_channel() -> None:
    services = FakeServices()
    made.reserved(services.flow)
    for path, status in (("", 200), ("/balance", 200), ("/history", 200)):
        assert (await call(services, "GET", ONE + path, STORE)).status_code == status
        assert problem_of(await call(services, "GET", ONE + path, TILL))[0] == 404


async def test_code_of_an_own_reservation_is_not_there_yet() -> None:
    services = FakeServices()
    made.reserved(services.flow)
    mixed = token("store", Scope.CVC)
    assert problem_of(await call(services, "GET", f"{ONE}/cvc?requestId=r", mixed)) == (
        409,
        "not-issued",
    )
    assert problem_of(await call(services, "GET", f"{ONE}/cvc?requestId=r", CRM))[0] == 404


@pytest.mark.parametrize("make", UNKNOWN[2:], ids=lambda make: make.__name__)
async def test_support_sees_what_is_not_sold(make: Making) -> None:
    services = FakeServices()
    make(services.flow)
    assert (await call(services, "GET", ONE, SUPPORT)).status_code == 200


@pytest.mark.parametrize("make", UNKNOWN[:2], ids=lambda make: make.__name__)
@pytest.mark.parametrize("path", ["", "/balance", "/history"])
async def test_number_that_nobody_loaded_is_none_to_support_either(make: Making, path: str) -> None:
    services = FakeServices()
    make(services.flow)
    assert problem_of(await call(services, "GET", ONE + path, SUPPORT)) == (404, "not-found")
