"""Races of callers through three processors: nothing is given out twice, whoever is killed."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pipelines.local.running_broker import Broker
from pipelines.partitioning import partition_of
from state.certificate.commands import ExpireHold, Origin
from tests.flow.channel_calls import ChannelCalls
from tests.flow.scenario import NOMINAL_MINOR, Scenario
from tests.flow.service_under_test import Service, running_service

CALLERS = 200
NUMBERS = 100
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def service(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Three processors, so that most calls come to one that does not keep what they are about."""
    if broker.kind == "embedded":
        pytest.skip("on the embedded broker, three workers that join at once may never agree")
    prefix = f"races-{secrets.token_hex(3)}-"
    with running_service(
        broker.bootstrap,
        tmp_path_factory.mktemp("races"),
        prefix,
        processors=3,
        environment={"GIFTCERT_RATE_LIMIT": "1000000/minute", "GIFTCERT_PARTITIONS": "6"},
    ) as running:
        yield running


def kinds(answers: list[httpx.Response]) -> Counter[tuple[int, str]]:
    """How often each status came, with the kind of problem."""
    return Counter(
        (answer.status_code, str(answer.json().get("type", "")).rpartition("/")[2])
        for answer in answers
    )


async def take_all(
    scenario: Scenario, *, patient: bool, disturbed: "asyncio.Future[None] | None" = None
) -> list[httpx.Response]:
    """So many callers at once, each with a key of its own, spread over the edges."""
    async with ChannelCalls(scenario.service, "store") as store:
        ask = store.until_answered if patient else store.once

        async def caller(index: int) -> httpx.Response:
            if disturbed is not None:
                # Before, while and after a processor is gone.
                await asyncio.sleep(index * 0.03)
            return await ask(
                "POST",
                "/certificates/next",
                key=f"{scenario.tag}-{index}",
                body={"pool": scenario.pool, "orderId": f"{scenario.tag}-{index}"},
                edge=index,
            )

        asked = [caller(index) for index in range(CALLERS)]
        answers = await asyncio.gather(*asked, *([] if disturbed is None else [disturbed]))
        return [answer for answer in answers if answer is not None]


def keeper_of(service: Service, key: str) -> int:
    """Which of the processors keeps what is under a key: they have the same partitions of all."""
    partition = partition_of(key.encode(), service.settings.partitions)
    (keeper,) = [
        index
        for index, edge in enumerate(service.edges)
        if partition in edge.get("/internal/assignment").json()["partitions"]
    ]
    return keeper


def assert_each_number_once(scenario: Scenario, answers: list[httpx.Response]) -> None:
    assert kinds(answers) == {(201, ""): NUMBERS, (409, "pool-empty"): CALLERS - NUMBERS}
    taken = [answer.json()["certificateId"] for answer in answers if answer.status_code == 201]
    assert len(set(taken)) == NUMBERS
    scenario.settle()
    for number in taken:
        assert scenario.story(number) == ["load", "reserve"]


def test_next_by_two_hundred_callers_gives_each_of_a_hundred_numbers_once(
    service: Service,
) -> None:
    scenario = Scenario(service)
    scenario.load_many(NUMBERS)
    answers = asyncio.run(take_all(scenario, patient=False))
    assert_each_number_once(scenario, answers)


def test_next_gives_each_number_once_while_a_processor_is_killed_and_restarted(
    service: Service,
) -> None:
    """It keeps the pool itself. Clients repeat by key, through other processors: no number is lost,
    none given twice.
    """
    scenario = Scenario(service)
    scenario.load_many(NUMBERS)
    victim = keeper_of(service, scenario.pool)

    def disturb() -> None:
        service.stack.kill_processor(victim)
        service.stack.restart_processor(victim, forget_state=True)

    async def run() -> list[httpx.Response]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as threads:
            await asyncio.sleep(0)
            disturbed = loop.run_in_executor(threads, disturb)
            return await take_all(scenario, patient=True, disturbed=disturbed)

    assert_each_number_once(scenario, asyncio.run(run()))


def test_a_key_repeated_through_every_processor_gets_the_same_answer(service: Service) -> None:
    scenario = Scenario(service)
    scenario.load_many(2)

    async def run() -> list[httpx.Response]:
        async with ChannelCalls(service, "store") as store:
            return await asyncio.gather(
                *(
                    store.until_answered(
                        "POST",
                        "/certificates/next",
                        key=scenario.tag,
                        body={"pool": scenario.pool},
                        edge=edge,
                    )
                    for edge in (0, 1, 2, 0, 1, 2)
                )
            )

    answers = asyncio.run(run())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1


def spendable(scenario: Scenario) -> tuple[str, str]:
    """A sold certificate and its code."""
    number = scenario.sell()
    code = scenario.ask_cvc(number, f"{scenario.tag}-code").json()["cvc"]
    return number, str(code)


def authorization(scenario: Scenario, code: str, amount: str, order: str) -> dict[str, Any]:
    order_id = f"{scenario.tag}-{order}"
    return {"amount": amount, "currency": "RUB", "orderId": order_id, "cvc": code}


def test_fifty_authorizations_of_a_tenth_each_succeed_ten_times(service: Service) -> None:
    scenario = Scenario(service)
    number, code = spendable(scenario)
    tenth = f"{NOMINAL_MINOR // 1000}.00"

    async def run() -> list[httpx.Response]:
        async with ChannelCalls(service, "till") as till:
            return await asyncio.gather(
                *(
                    till.until_answered(
                        "POST",
                        f"/certificates/{number}/authorizations",
                        key=f"{scenario.tag}-{index}",
                        body=authorization(scenario, code, tenth, str(index)),
                        edge=index,
                    )
                    for index in range(50)
                )
            )

    answers = asyncio.run(run())
    assert kinds(answers) == {(201, ""): 10, (402, "insufficient-balance"): 40}
    assert (
        len({each.json()["authorizationId"] for each in answers if each.status_code == 201}) == 10
    )
    balance = scenario.balance(number)
    assert (balance["available"], balance["held"]) == ("0.00", balance["remainingBalance"])


@pytest.mark.parametrize("attempt", range(5))
def test_capture_void_and_expiry_raced_have_one_winner(service: Service, attempt: int) -> None:
    scenario = Scenario(service)
    number, code = spendable(scenario)

    async def run() -> tuple[str, list[httpx.Response]]:
        async with ChannelCalls(service, "till") as till:
            held = await till.until_answered(
                "POST",
                f"/certificates/{number}/authorizations",
                key=f"{scenario.tag}-hold",
                body=authorization(scenario, code, "10.00", "hold"),
            )
            assert held.status_code == 201, held.text
            hold = str(held.json()["authorizationId"])
            path = f"/certificates/{number}/authorizations/{hold}"
            expiry = asyncio.to_thread(
                scenario.command,
                number,
                ExpireHold(authorization_id=hold),
                origin=Origin.TIMER,
                later_ms=HOUR_MS,
            )
            calls = [
                till.until_answered("POST", f"{path}/capture", key=f"{scenario.tag}-c", edge=0),
                till.until_answered("POST", f"{path}/void", key=f"{scenario.tag}-v", edge=1),
                till.until_answered("POST", f"{path}/capture", key=f"{scenario.tag}-d", edge=2),
            ]
            both = [expiry, *calls] if attempt % 2 else [*calls, expiry]
            answers = await asyncio.gather(*both)
            return hold, [answer for answer in answers if isinstance(answer, httpx.Response)]

    _, answers = asyncio.run(run())
    scenario.settle()
    ends = [each for each in scenario.story(number) if each in ("capture", "void", "hold.expired")]
    assert len(ends) == 1, ends
    won = 0 if ends == ["hold.expired"] else 1
    assert (
        kinds(answers)
        == Counter({(200, ""): won, (409, "authorization-not-open"): 3 - won}) - Counter()
    )
    balance = scenario.balance(number)
    spent = Decimal("10.00") if ends == ["capture"] else Decimal(0)
    assert balance["held"] == "0.00"
    assert Decimal(balance["remainingBalance"]) == Decimal(NOMINAL_MINOR) / 100 - spent
