"""The issuer's keys over time: new ones come, withdrawn ones go, and without any nobody gets in."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from http_edge.access.issuer_keys import KEPT_S, REFRESH_S, RETRY_S, STALE_S, IssuerKeys
from http_edge.api.problems import Problem
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from tests.http_edge.key_server import DEADLINE_S, KEYS_PATH, KeyServer, serving
from tests.http_edge.signed_tokens import EC, RSA

pytestmark = pytest.mark.anyio

KNOWN, ADDED = RSA.name, EC.name


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with serving() as started:
        yield started.publish(RSA.public)


def keys_of(server: KeyServer, clock: Clock, *, timeout_s: float = DEADLINE_S) -> IssuerKeys:
    settings = {"token_issuer": server.url, "token_jwks_url": server.keys_url}
    return IssuerKeys(Settings.model_validate(settings), clock=clock, fetch_timeout_s=timeout_s)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)


async def answered(keys: IssuerKeys, name: str = KNOWN) -> str:
    """What comes of a token that names this key: `known`, `unknown` or the problem's name."""
    try:
        found = await keys.holding(name)
    except Problem as problem:
        return problem.kind.name
    return "unknown" if found is None else "known"


async def test_key_is_fetched_once_and_then_known(server: KeyServer, clock: Clock) -> None:
    keys = keys_of(server, clock)
    assert [await answered(keys) for _ in range(3)] == ["known"] * 3
    assert server.asked == [KEYS_PATH]


async def test_keys_warmed_at_the_start_cost_the_first_call_no_fetch(
    server: KeyServer, clock: Clock
) -> None:
    keys = keys_of(server, clock)
    await keys.warm()
    server.stop()
    assert await answered(keys) == "known"


async def test_warming_without_an_issuer_is_no_failure(server: KeyServer, clock: Clock) -> None:
    server.stop()
    keys = keys_of(server, clock)
    with capture_logs() as lines:
        await keys.warm()
        await keys.warm()
    assert [line["event"] for line in lines] == ["the token issuer's keys cannot be fetched"]
    assert await answered(keys) == "keys-unavailable"


async def test_many_calls_at_once_share_one_fetch(server: KeyServer, clock: Clock) -> None:
    keys = keys_of(server, clock)
    server.gate.clear()
    calls = [asyncio.ensure_future(answered(keys)) for _ in range(50)]
    await until(lambda: bool(server.asked))
    server.gate.set()
    assert set(await asyncio.gather(*calls)) == {"known"}
    assert server.asked == [KEYS_PATH]


async def test_call_that_is_given_up_leaves_the_fetch_to_the_others(
    server: KeyServer, clock: Clock
) -> None:
    keys = keys_of(server, clock)
    server.gate.clear()
    first, second = (asyncio.ensure_future(answered(keys)) for _ in range(2))
    await until(lambda: bool(server.asked))
    first.cancel()
    await asyncio.wait([first])
    server.gate.set()
    assert await second == "known"
    assert server.asked == [KEYS_PATH]


async def test_key_added_by_the_issuer_is_known_at_its_first_use(
    server: KeyServer, clock: Clock
) -> None:
    keys = keys_of(server, clock)
    await keys.warm()
    server.publish(EC.public, RSA.public)
    clock.pass_by(RETRY_S)
    assert await answered(keys, ADDED) == "known"


async def test_names_made_up_by_the_thousand_ask_the_issuer_once_in_a_while(
    server: KeyServer, clock: Clock
) -> None:
    keys = keys_of(server, clock)
    await keys.warm()
    for second in range(20):
        answers = {await answered(keys, f"made-up-{second}-{one}") for one in range(50)}
        assert answers == {"unknown"}
        clock.pass_by(1)
    assert len(server.asked) <= 1 + 20 / RETRY_S
    assert await answered(keys) == "known"


async def test_key_withdrawn_by_the_issuer_goes_out_behind_the_calls(
    server: KeyServer, clock: Clock
) -> None:
    keys = keys_of(server, clock)
    await keys.warm()
    server.publish(EC.public)
    clock.pass_by(REFRESH_S - 0.1)
    assert await answered(keys) == "known"
    assert server.asked == [KEYS_PATH]
    server.gate.clear()
    clock.pass_by(0.1)
    assert await answered(keys) == "known", "the call that notices does not wait"
    await until(lambda: len(server.asked) == 2)
    server.gate.set()
    await keys.warm()
    assert await answered(keys) == "unknown"
    assert await answered(keys, ADDED) == "known"


async def test_key_withdrawn_while_nobody_called_is_refused_at_the_next_call(
    server: KeyServer, clock: Clock
) -> None:
    keys = keys_of(server, clock)
    await keys.warm()
    server.publish(EC.public)
    clock.pass_by(STALE_S)
    assert await answered(keys) == "unknown"


async def test_key_withdrawn_by_an_empty_set_lets_nobody_in(
    server: KeyServer, clock: Clock
) -> None:
    """An issuer that has no key any more has said so; that is not being away."""
    keys = keys_of(server, clock)
    await keys.warm()
    server.publish()
    clock.pass_by(STALE_S)
    assert await answered(keys) == "keys-unavailable"


async def test_issuer_away_leaves_known_keys_for_an_hour_and_no_longer(
    server: KeyServer, clock: Clock
) -> None:
    keys = keys_of(server, clock)
    await keys.warm()
    server.stop()
    clock.pass_by(KEPT_S - 0.1)
    assert await answered(keys) == "known"
    clock.pass_by(0.1)
    assert await answered(keys) == "keys-unavailable"
    server.start()
    assert await answered(keys) == "keys-unavailable", "the next try is not due yet"
    clock.pass_by(RETRY_S)
    assert await answered(keys) == "known"


async def test_issuer_away_makes_no_call_wait_that_has_a_known_key(
    server: KeyServer, clock: Clock
) -> None:
    """One call finds out that it hangs; the others go on with what is known."""
    keys = keys_of(server, clock, timeout_s=0.2)
    await keys.warm()
    clock.pass_by(STALE_S)
    server.gate.clear()
    assert await answered(keys) == "known"
    clock.pass_by(RETRY_S)
    asked = len(server.asked)
    assert await answered(keys) == "known"
    assert len(server.asked) == asked, "the next try has only begun"
    await keys.close()


async def test_issuer_away_leaves_open_whether_a_new_key_is_its_own(
    server: KeyServer, clock: Clock
) -> None:
    keys = keys_of(server, clock)
    await keys.warm()
    server.stop()
    clock.pass_by(RETRY_S)
    assert await answered(keys, ADDED) == "keys-unavailable"
    assert await answered(keys) == "known"


async def test_issuer_away_from_the_start_is_asked_again_until_it_is_there(
    server: KeyServer, clock: Clock
) -> None:
    server.stop()
    keys = keys_of(server, clock)
    with capture_logs() as lines:
        for _ in range(3):
            assert await answered(keys) == "keys-unavailable"
            clock.pass_by(RETRY_S)
        server.start()
        assert await answered(keys) == "known"
    assert [line["event"] for line in lines] == [
        "the token issuer's keys cannot be fetched",
        "the token issuer's keys are fetched",
    ]


async def test_unavailable_keys_are_a_503_that_says_when_to_come_back(
    server: KeyServer, clock: Clock
) -> None:
    server.stop()
    with pytest.raises(Problem) as caught:
        await keys_of(server, clock).holding(KNOWN)
    assert caught.value.kind.status == 503
    assert caught.value.headers["Retry-After"] == "5"


async def test_fetch_under_way_ends_when_the_edge_does(server: KeyServer, clock: Clock) -> None:
    keys = keys_of(server, clock)
    server.gate.clear()
    warming = asyncio.ensure_future(keys.warm())
    await until(lambda: bool(server.asked))
    await keys.close()
    with pytest.raises(asyncio.CancelledError):
        await warming
    await keys.close()


async def test_keys_never_fetched_are_closed_without_a_word(
    server: KeyServer, clock: Clock
) -> None:
    await keys_of(server, clock).close()
    assert server.asked == []


async def test_keys_without_an_issuer_set_say_what_to_set() -> None:
    with pytest.raises(SettingsError, match=r"^GIFTCERT_TOKEN_ISSUER is not set: give the address"):
        IssuerKeys(Settings())
