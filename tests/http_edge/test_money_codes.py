"""The code that lets money out: compared at the edge, and only whether it matched goes on."""

from typing import Any

import httpx
import pytest

from pipelines.cvc_keys import CvcKeys
from state.certificate.commands import Origin, RequestNotification, RevealCvc
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.conftest import LogLines
from tests.http_edge.edge_under_test import TILL, FakeServices, call, problem_of

pytestmark = pytest.mark.anyio
HOLDS = f"/certificates/{made.NUMBER}/authorizations"
CODE = made.code_of()
AUTHORIZE = {"amount": "60.00", "currency": "RUB", "orderId": "order-9", "cvc": CODE}


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    made.active(services.flow)
    return services


async def authorize(services: FakeServices, key: str = "r-1", **changes: Any) -> httpx.Response:
    return await call(services, "POST", HOLDS, TILL, key=key, body={**AUTHORIZE, **changes})


async def test_wrong_code_is_refused_and_the_fifth_in_a_row_locks(services: FakeServices) -> None:
    wrong = made.wrong_code(CODE)
    for each in range(5):
        answer = await authorize(services, f"r-{each}", cvc=wrong)
        assert problem_of(answer) == (403, "wrong-cvc")
    assert problem_of(await authorize(services, "r-5")) == (423, "locked")


async def test_repeated_request_with_a_wrong_code_is_one_try(services: FakeServices) -> None:
    for _ in range(9):
        answer = await authorize(services, cvc=made.wrong_code(CODE))
        assert problem_of(answer) == (403, "wrong-cvc")
    assert (await authorize(services, "r-2")).status_code == 201


async def test_code_is_no_part_of_what_tells_a_repeat(services: FakeServices) -> None:
    """A digest of six digits would be the six digits."""
    wrong = made.wrong_code(CODE)
    first = await authorize(services)
    again = await authorize(services, cvc=wrong)
    assert (again.status_code, again.content) == (201, first.content)
    right, other = services.flow.asked
    assert right.digest == other.digest


async def test_decided_request_tells_nothing_about_the_code_it_is_repeated_with(
    services: FakeServices,
) -> None:
    """It counts once: told apart, codes could be tried on it without an end."""
    refused = await authorize(services, cvc=made.wrong_code(CODE))
    assert problem_of(refused) == (403, "wrong-cvc")
    for code in (CODE, made.wrong_code(CODE)):
        again = await authorize(services, cvc=code)
        assert (again.status_code, again.content) == (403, refused.content)
    assert [asked.command.action.cvc_matches for asked in services.flow.asked] == [False] * 3


async def test_only_whether_the_code_matched_goes_on(
    services: FakeServices, log_lines: LogLines
) -> None:
    wrong = made.wrong_code(CODE)
    told = [await authorize(services), await authorize(services, "r-2", cvc=wrong)]
    assert [asked.command.action.cvc_matches for asked in services.flow.asked] == [True, False]
    text = log_lines.text
    for code in (CODE.encode(), wrong.encode()):
        for output in services.flow.written:
            assert code not in (output.value or b"")
        for rows in services.flow.certificates.records.values():
            assert all(code not in key + value for key, value in rows.items())
        assert code.decode() not in text
        assert all(code not in answer.content for answer in told)


@pytest.mark.parametrize("cvc", ["12345", "123456789", "12345a", "١٢٣٤٥٦", " 123456", "", 123456])
async def test_what_cannot_be_a_code_is_refused_and_is_no_try(
    services: FakeServices, cvc: Any
) -> None:
    answer = await authorize(services, cvc=cvc)
    assert problem_of(answer) == (422, "invalid-request")
    assert services.flow.asked == []
    assert not cvc or str(cvc) not in answer.text


async def test_code_of_another_length_is_wrong(services: FakeServices) -> None:
    assert problem_of(await authorize(services, cvc=f"00{CODE}")) == (403, "wrong-cvc")


async def test_code_that_was_replaced_is_wrong(services: FakeServices) -> None:
    """The customer was told another one since."""
    again = RequestNotification(notification_channel=None, reason="asked")
    services.flow.command(made.NUMBER, again, "again", origin=Origin.HTTP, actor="support")
    reveal = RevealCvc(key_id=made.KEY)
    services.flow.command(made.NUMBER, reveal, "reveal-1", origin=Origin.HTTP, actor="crm")
    assert problem_of(await authorize(services)) == (403, "wrong-cvc")
    assert (await authorize(services, "r-2", cvc=made.code_of(version=2))).status_code == 201


async def test_certificate_whose_code_was_never_told_cannot_be_spent_with_any() -> None:
    """Its version is 0; the code that version would have is no code."""
    services = FakeServices()
    made.issued(services.flow)
    services.flow.command(made.NUMBER, made.activation(), "order-1/activate")
    for key, version in (("r-1", 0), ("r-2", 1)):
        answer = await authorize(services, key, cvc=made.code_of(version=version))
        assert problem_of(answer) == (403, "wrong-cvc")
    actions = [asked.command.action for asked in services.flow.asked]
    assert [action.cvc_matches for action in actions] == [False, False]


async def test_code_that_was_told_a_moment_ago_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """The customer may be quicker than the store; five such tries would lock the certificate."""
    services = FakeServices()
    made.active(services.flow)
    again = RequestNotification(notification_channel=None, reason="asked")
    services.flow.command(made.NUMBER, again, "again", origin=Origin.HTTP, actor="support")

    async def catches_up(_number: str, _timeout_s: float) -> None:
        reveal = RevealCvc(key_id=made.KEY)
        services.flow.command(made.NUMBER, reveal, "reveal-1", origin=Origin.HTTP, actor="crm")

    monkeypatch.setattr(services, "settled", catches_up)
    answer = await authorize(services, cvc=made.code_of(version=2))
    assert answer.status_code == 201
    (asked,) = services.flow.asked
    assert (asked.command.action.cvc_matches, asked.command.action.cvc_version) == (True, 2)


async def test_code_is_compared_under_the_key_it_was_told_under() -> None:
    """Rotation leaves older certificates as they are."""
    services = FakeServices()
    made.active(services.flow, key_id=made.OLD_KEY)
    assert problem_of(await authorize(services)) == (403, "wrong-cvc")
    old = made.code_of(key_id=made.OLD_KEY)
    assert (await authorize(services, "r-2", cvc=old)).status_code == 201


async def test_code_under_a_key_that_is_gone_is_not_judged(services: FakeServices) -> None:
    """It would be counted as wrong, and five of those lock a customer's certificate."""
    services.cvc_keys = CvcKeys(current_id="2026-01", by_id={"2026-01": b"3" * 32})
    answer = await authorize(services)
    assert problem_of(answer) == (503, "code-key-missing")
    assert made.KEY not in answer.text
    assert services.flow.asked == []
