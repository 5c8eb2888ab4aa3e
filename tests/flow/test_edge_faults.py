"""Processors that sleep, come back, move and start without keys: no answer is ever wrong or old.

Three processors, so that most calls are about what another one keeps. That there is no answer for a
moment is allowed; what an answer says must be so.
"""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
import pytest

from pipelines.local.running_broker import Broker
from pipelines.partitioning import partition_of
from tests.flow.channel_calls import ChannelCalls
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Service, running_service
from tests.flow.sold_certificates import sold_in_each_partition
from tests.flow.spender import Spender
from tests.flow.whole_life import WholeLife, overheard, secrets_of
from tests.flow.worker_processes import end_politely, issuer_process, paused, processor_process
from tests.flow.written_down import disclosed, found_in, in_logs

PROCESSORS: Final = 3
SLEEPER: Final = 1
AT_THE_DOOR: Final = 40
"""Reads that wait in the socket of a processor that sleeps."""
READERS: Final = 4
RIGHT_ANSWERS: Final = 20
"""How often each reader must be answered before it believes that all is well again."""
HOP: Final = {"X-Giftcert-Hop": "1"}


@pytest.fixture(scope="module")
def service(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if broker.kind == "embedded":
        pytest.skip("the embedded broker never takes a silent worker's partitions from it")
    prefix = f"faults-{secrets.token_hex(3)}-"
    with running_service(
        broker.bootstrap,
        tmp_path_factory.mktemp("faults"),
        prefix,
        processors=PROCESSORS,
        environment={"GIFTCERT_PARTITIONS": "6", "GIFTCERT_LOG_LEVEL": "DEBUG"},
    ) as running:
        yield running


@pytest.fixture(scope="module")
def sold(service: Service) -> list[str]:
    """A certificate in each partition; every test leaves them unlocked and without holds."""
    return sold_in_each_partition(Scenario(service))


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("type", "")).rpartition("/")[2]


def kept_by(service: Service, index: int, numbers: Sequence[str]) -> list[str]:
    """Those of the certificates that a processor keeps."""
    assigned = service.edges[index].get("/internal/assignment").json()["partitions"]
    partitions = service.settings.partitions
    return [each for each in numbers if partition_of(each.encode(), partitions) in assigned]


# A processor that sleeps longer than its session, and wakes


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A connection to the sleeper that it knows already, so that it can answer at once."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: bytes

    @classmethod
    async def of(cls, service: Service, number: str) -> Self:
        """A connection over which this certificate was read once."""
        place = urlsplit(service.stack.http_urls[SLEEPER])
        request = (
            f"GET /certificates/{number} HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"Authorization: Bearer {service.token('support')}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        line = cls(reader=reader, writer=writer, request=request.encode())
        await line.ask()
        assert await line.told() == (200, False)
        return line

    async def ask(self) -> None:
        """Put the question into the sleeper's socket, where it lies until it wakes."""
        self.writer.write(self.request)
        await self.writer.drain()

    async def told(self) -> tuple[int, bool]:
        """Status of the answer, and whether it tells of the lock."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        _, _, length = head.partition(b"content-length: ")
        body = await self.reader.readexactly(int(length.split(b"\r\n", 1)[0]))
        return int(head.split(b" ", 2)[1]), bool(json.loads(body).get("lock"))


async def read_on(support: ChannelCalls, number: str) -> list[tuple[int, bool]]:
    """The answers of the sleeper until so many of them were right."""
    answers: list[tuple[int, bool]] = []
    async with asyncio.timeout(60):
        while answers.count((200, True)) < RIGHT_ANSWERS:
            answer = await support.once("GET", f"/certificates/{number}", edge=SLEEPER)
            answers.append((answer.status_code, bool(answer.json().get("lock"))))
    return answers


async def act(support: ChannelCalls, number: str, action: str) -> None:
    answer = await support.until_answered(
        "POST",
        f"/certificates/{number}/actions/{action}",
        key=f"{number}-{action}",
        body={"reason": "its keeper sleeps"},
    )
    assert answer.status_code == 200, answer.text


def test_processor_that_slept_through_its_session_never_tells_what_was_before(
    service: Service, sold: list[str]
) -> None:
    """Another has the certificate and changed it: it says so, or 503, from the first instant."""
    number = kept_by(service, SLEEPER, sold)[0]

    async def run() -> Counter[tuple[int, bool]]:
        async with (
            ChannelCalls(service, "support") as support,
            ChannelCalls(service, "support", edges=(0, 2)) as awake,
        ):
            lines = [await Line.of(service, number) for _ in range(AT_THE_DOOR)]
            with paused(processor_process(service.stack, SLEEPER)) as wake:
                await act(awake, number, "lock")
                for line in lines:
                    await line.ask()
                wake()
                first = await asyncio.gather(*(line.told() for line in lines))
                later = await asyncio.gather(*(read_on(support, number) for _ in range(READERS)))
            for line in lines:
                line.writer.close()
            await act(support, number, "unlock")
            return Counter([*first, *(answer for answers in later for answer in answers)])

    seen = asyncio.run(run())
    assert seen.keys() <= {(200, True), (503, False)}, seen


# Processors that are replaced one after another, while certificates are read and spent


def replace_all(service: Service) -> None:
    """Each processor in turn ends and is there again; the one that is killed lost its disk too."""
    for index in range(PROCESSORS):
        if index == SLEEPER:
            service.stack.kill_processor(index)
        else:
            end_politely(service.stack, index)
        service.stack.restart_processor(index, forget_state=index == SLEEPER)


def test_rolling_restart_loses_no_change_doubles_none_and_shows_each_to_its_reader(
    service: Service, sold: list[str]
) -> None:
    scenario = Scenario(service)
    codes = {number: scenario.ask_cvc(number, f"{number}-code").json()["cvc"] for number in sold}

    async def run() -> list[Spender]:
        async with ChannelCalls(service, "till") as till:
            spenders = [Spender(till, number, code) for number, code in codes.items()]
            done = asyncio.Event()
            with ThreadPoolExecutor(1) as threads:
                loop = asyncio.get_running_loop()
                replaced = loop.run_in_executor(threads, replace_all, service)
                replaced.add_done_callback(lambda _: done.set())
                await asyncio.gather(replaced, *(spender.run(done) for spender in spenders))
            return spenders

    spenders = asyncio.run(run())
    scenario.settle()
    for spender in spenders:
        assert spender.spent >= 5, "too little happened to mean anything"
        told_of = Counter(event.type for event in service.events(spender.number))
        made = (told_of["authorize"], told_of["capture"], told_of["redeem.partial"])
        assert made == (spender.spent,) * 3, spender.number


# A caller, and a processor, without the issuer's keys


def test_processor_without_keys_of_the_issuer_lets_nobody_in_until_it_has_them(
    service: Service, sold: list[str]
) -> None:
    """Those that have the keys go on meanwhile, with what is theirs."""
    fresh = PROCESSORS - 1
    number = kept_by(service, 0, sold)[0]
    theirs = kept_by(service, fresh, sold)[0]

    def ask(edge: int, path: str, client: str) -> tuple[int, str]:
        return kind(service.edges[edge].get(path, auth=service.acting_as(client)))

    with paused(issuer_process(service.data_dir)):
        service.stack.kill_processor(fresh)
        service.stack.restart_processor(fresh)
        nobody = (503, "keys-unavailable")
        for client in ("store", "till", "crm", "support", "auditor"):
            for path in (f"/certificates/{theirs}", f"/certificates/{theirs}/balance", "/pools"):
                assert ask(fresh, path, client) == nobody
        assert ask(fresh, "/internal/assignment", "auditor") == nobody
        assert kind(service.edges[fresh].post("/certificates/next", json={})) == nobody
        assert ask(0, f"/certificates/{number}", "till") == (200, "")
        assert ask(0, f"/certificates/{theirs}", "till") == nobody
        assert service.edges[fresh].get("/healthz", auth=None).status_code == 200

    async def run() -> httpx.Response:
        async with ChannelCalls(service, "till", edges=(fresh,)) as till:
            return await till.until_answered("GET", f"/certificates/{theirs}")

    assert asyncio.run(run()).status_code == 200


# A caller who says that he is one of us


def test_mark_of_a_hop_gains_an_outsider_nothing(service: Service, sold: list[str]) -> None:
    scenario = Scenario(service)
    (free,) = scenario.load()
    own, other = kept_by(service, 0, sold)[0], kept_by(service, 1, sold)[0]
    edge = service.edges[0]
    till = service.acting_as("till")

    def ask(path: str, **options: Any) -> tuple[int, str]:
        return kind(edge.get(path, headers=HOP, **options))

    assert edge.get(f"/certificates/{own}", headers=HOP, auth=till).content == (
        edge.get(f"/certificates/{own}", auth=till).content
    )
    # Only what is here: a call that was handed on already is not handed on again.
    assert ask(f"/certificates/{other}", auth=till) == (503, "moving")
    for index, each in enumerate(service.edges):
        unknown = each.get(f"/certificates/{free}", headers=HOP, auth=till)
        assert kind(unknown) in {(404, "not-found"), (503, "moving")}, index
    assert ask("/pools", auth=till) == (403, "scope-missing")
    assert ask("/internal/assignment", auth=till) == (403, "scope-missing")
    assert kind(
        edge.post(
            f"/certificates/{own}/actions/lock", json={"reason": "mine"}, headers=HOP, auth=till
        )
    ) == (403, "scope-missing")
    nobody = httpx.get(f"{edge.base_url}/certificates/{own}", headers=HOP, trust_env=False)
    assert kind(nobody) == (401, "token-missing")


# All that was said meanwhile, at the level of detail that says most


def test_secrets_are_nowhere_after_hops_faults_and_a_whole_life_at_debug_level(
    service: Service,
) -> None:
    """Calls handed on, processors that ended, commits that were dropped: logs tell of them all."""
    life = WholeLife(Scenario(service))
    with overheard(service) as heard:
        life.run()
    assert disclosed(service, secrets_of(life), [life.address.encode()]) == []
    assert found_in(heard.told(), [*secrets_of(life), life.address.encode()]) == []
    assert found_in(in_logs(service), [b"forwarded_to="])
