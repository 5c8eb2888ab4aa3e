"""The one-time code: told once for each notification, to the same request again, and nowhere."""

from typing import Any

import pytest

from http_edge.access.callers import Scope
from http_edge.asking.asking import request_id_of
from pipelines.cvc_keys import CvcKeys
from pipelines.stages.record import Outgoing
from state.certificate.commands import Origin, RequestNotification, RevealCvc
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.conftest import LogLines
from tests.http_edge.edge_under_test import CRM, NOW_MS, FakeServices, call, problem_of, token
from tests.http_edge.flow_in_memory import REPLY_TO

pytestmark = pytest.mark.anyio
CVC = f"/certificates/{made.NUMBER}/cvc"


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    made.issued(services.flow)
    return services


def again(services: FakeServices, notification: str) -> None:
    """Support has the customer told once more."""
    action = RequestNotification(notification_channel=None, reason="asked")
    services.flow.command(made.NUMBER, action, notification, origin=Origin.HTTP, actor="support")


async def test_code_is_told_and_nobody_keeps_it(services: FakeServices) -> None:
    answer = await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
    code = made.code_of(version=1)
    assert (answer.status_code, answer.json()) == (200, {"cvc": code})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["idempotency-key"] == "r-1"


async def test_reveal_is_asked_of_the_log_in_the_callers_name(services: FakeServices) -> None:
    await call(services, "GET", f"{CVC}?requestId=r-1", token("crm/robot-7", Scope.CVC))
    command = services.flow.asked[0].command
    assert command.action == RevealCvc(key_id=made.KEY)
    assert (command.command_id, command.actor) == (request_id_of("crm", "r-1"), "crm/robot-7")
    assert (command.origin, command.at_ms, command.reply_to) == (Origin.HTTP, NOW_MS, REPLY_TO)
    revealed = list(services.flow.events(made.NUMBER))[-1]
    assert (revealed["eventType"], revealed["actor"]) == ("cvc.revealed", "crm/robot-7")


async def test_same_request_gets_the_code_again_and_another_does_not(
    services: FakeServices,
) -> None:
    told = [
        await call(services, "GET", f"{CVC}?requestId={key}", caller)
        for key, caller in (("r-1", CRM), ("r-1", CRM), ("r-2", CRM))
    ]
    assert [each.status_code for each in told] == [200, 200, 409]
    assert told[0].json() == told[1].json()
    assert problem_of(told[2]) == (409, "cvc-already-revealed")
    other = await call(services, "GET", f"{CVC}?requestId=r-1", token("support", Scope.CVC))
    assert problem_of(other) == (409, "cvc-already-revealed"), "another client's r-1"


async def test_next_notification_has_the_next_code(services: FakeServices) -> None:
    """And the first request still gets the first one: it is told what was decided for it."""
    codes = []
    for key in ("r-1", "r-2"):
        codes.append((await call(services, "GET", f"{CVC}?requestId={key}", CRM)).json()["cvc"])
        again(services, f"notification-{key}")
    assert codes == [made.code_of(version=1), made.code_of(version=2)]
    first = await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
    assert first.json()["cvc"] == codes[0]


async def test_code_is_of_the_key_it_was_revealed_under(services: FakeServices) -> None:
    """Keys rotate; what a customer was sent does not."""
    services.cvc_keys = CvcKeys(current_id=made.OLD_KEY, by_id=made.KEYS.by_id)
    first = await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
    services.cvc_keys = made.KEYS
    repeated = await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
    assert first.json() == repeated.json() == {"cvc": made.code_of(key_id=made.OLD_KEY)}


async def test_code_under_a_key_that_is_gone_is_to_be_asked_for_later(
    services: FakeServices, log_lines: LogLines
) -> None:
    """The reveal is not lost: the same request gets the code once the key is back."""
    await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
    services.cvc_keys = CvcKeys(current_id="2026-01", by_id={"2026-01": b"3" * 32})
    answer = await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
    assert problem_of(answer) == (503, "code-key-missing")
    assert answer.headers["idempotency-key"] == "r-1"
    assert made.KEY not in answer.text
    assert [line["key_id"] for line in log_lines.all() if line["level"] == "error"] == [made.KEY]
    services.cvc_keys = made.KEYS
    assert (await call(services, "GET", f"{CVC}?requestId=r-1", CRM)).status_code == 200


async def test_code_has_the_digits_of_the_settings() -> None:
    services = FakeServices()
    made.issued(services.flow)
    services.settings = services.settings.model_copy(update={"cvc_digits": 8})
    told = (await call(services, "GET", f"{CVC}?requestId=r-1", CRM)).json()["cvc"]
    assert (len(told), told.isdigit()) == (8, True)


async def test_code_never_reaches_what_is_written(
    services: FakeServices, log_lines: LogLines
) -> None:
    """No topic, no store, no log, no figure: it is in the one answer and nowhere else."""
    answer = await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
    code = answer.json()["cvc"].encode()
    assert all(code not in bytes_of(output) for output in services.flow.written)
    for store in (services.flow.certificates, services.flow.index, services.flow.pools):
        rows = [row for rows in store.records.values() for row in rows.items()]
        assert all(code not in key + value for key, value in rows)
    assert code.decode() not in log_lines.text
    assert code not in services.gate.metrics.exposition()


def bytes_of(output: Outgoing) -> bytes:
    headers: list[Any] = [value for _, value in output.headers]
    return b"".join([output.key or b"", output.value or b"", *headers])


async def test_reveals_are_counted(services: FakeServices) -> None:
    """Each time a code was told, repeats too; not what was refused."""
    for key in ("r-1", "r-1", "r-2"):
        await call(services, "GET", f"{CVC}?requestId={key}", CRM)
    assert b"giftcert_cvc_reveals_total 2.0" in services.gate.metrics.exposition()


async def test_code_of_an_ended_certificate_is_not_told() -> None:
    services = FakeServices()
    made.annulled(services.flow)
    answer = await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
    assert problem_of(answer) == (409, "annulled")
    assert "cvc" not in answer.json()


async def test_code_of_another_certificate_is_never_shown(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions count for each certificate: such a code would be a future one of this number."""
    made.issued(services.flow, "GC-0002")
    genuine = services.flow.ask

    async def of_another(
        request_id: str, digest: str, output: Outgoing, timeout_s: float
    ) -> object:
        services.flow.command("GC-0002", RevealCvc(key_id=made.KEY), "r", origin=Origin.HTTP)
        reply = await genuine(request_id, digest, output, timeout_s)
        outcome = type(reply.outcome)(
            command_id=request_id,
            certificate_id="GC-0002",
            body_digest=digest,
            decided_at_ms=NOW_MS,
            cvc_key_id=made.KEY,
            cvc_version=1,
        )
        return type(reply)(reply_to=REPLY_TO, outcome=outcome, position=reply.position)

    monkeypatch.setattr(services.flow, "ask", of_another)
    with pytest.raises(AssertionError, match="another certificate"):
        await call(services, "GET", f"{CVC}?requestId=r-1", CRM)
