"""How often a caller may call: exact shares, honest headers, and memory that nobody can fill."""

import asyncio

import pytest

from http_edge.access import limits
from http_edge.access.limits import ADDRESS_GROUPS, RateHeaders, RateLimiter, network_of
from http_edge.api.problems import TOO_MANY, Problem
from pipelines.settings import Settings

pytestmark = pytest.mark.anyio

MINUTE_S = 1_735_689_600.0
"""The beginning of a minute: the library's windows begin there."""
START_S = MINUTE_S + 0.25


class Clock:
    """The time that the library and the headers see."""

    def __init__(self) -> None:
        self.now_s = START_S

    def time(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock.time)
    return clock


def limiter(limit: str = "5/minute", rejected: str = "5/minute") -> RateLimiter:
    return RateLimiter(Settings(rate_limit=limit, rejected_rate_limit=rejected))


async def calls_let_in(limits_: RateLimiter, client_id: str, tries: int) -> int:
    let_in = 0
    for _ in range(tries):
        try:
            await limits_.check_client(client_id)
        except Problem:
            continue
        let_in += 1
    return let_in


async def rejections_let_in(limits_: RateLimiter, addresses: list[str]) -> int:
    let_in = 0
    for address in addresses:
        try:
            await limits_.check_rejected(address)
        except Problem:
            continue
        let_in += 1
    return let_in


async def refusal(limits_: RateLimiter, client_id: str = "till") -> Problem:
    with pytest.raises(Problem) as caught:
        await limits_.check_client(client_id)
    return caught.value


async def test_headers_of_calls_within_the_share_count_down(clock: Clock) -> None:
    """For the whole window from anywhere in it: dividing one by the other gives no higher rate."""
    clock.now_s = START_S + 59
    share = limiter("3/minute")
    told = [await share.check_client("till") for _ in range(3)]
    assert [headers.remaining for headers in told] == [2, 1, 0]
    assert told[0].told() == {
        "RateLimit-Policy": '"default";q=3;w=60',
        "RateLimit": '"default";r=2;t=60',
    }


@pytest.mark.parametrize(
    ("limit", "policy"),
    [
        ("1200/minute", '"default";q=1200;w=60'),
        ("5/second", '"default";q=5;w=1'),
        ("100/hour", '"default";q=100;w=3600'),
        ("9999999/day", '"default";q=9999999;w=86400'),
    ],
)
async def test_policy_of_every_form_of_the_setting_is_told_in_seconds(
    limit: str, policy: str
) -> None:
    assert (await limiter(limit).check_client("till")).told()["RateLimit-Policy"] == policy


async def test_call_beyond_the_share_is_a_problem_that_says_when_to_come_back(clock: Clock) -> None:
    share = limiter("3/minute")
    clock.now_s = START_S + 20
    assert await calls_let_in(share, "till", 3) == 3
    problem = await refusal(share)
    assert problem.kind is TOO_MANY
    assert problem.headers == {
        "Retry-After": "40",
        "RateLimit-Policy": '"default";q=3;w=60',
        "RateLimit": '"default";r=0;t=40',
    }


@pytest.mark.parametrize("second", [0.01, 0.25, 1, 29.5, 59, 59.99])
@pytest.mark.parametrize("limit", [1, 3, 7, 60])
async def test_caller_that_waits_as_told_is_let_in(clock: Clock, limit: int, second: float) -> None:
    """From any second of a window and through several of them."""
    share = limiter(f"{limit}/minute")
    clock.now_s = MINUTE_S + second
    assert await calls_let_in(share, "till", limit + 1) == limit
    for _ in range(2 * limit + 2):
        wait_s = int((await refusal(share)).headers["Retry-After"])
        assert 1 <= wait_s <= 60
        clock.now_s += wait_s
        assert await calls_let_in(share, "till", 1) == 1
        await calls_let_in(share, "till", limit)


async def test_window_slides_so_that_its_edge_does_not_double_the_rate(clock: Clock) -> None:
    share = limiter("60/minute")
    clock.now_s = START_S + 59
    assert await calls_let_in(share, "till", 100) == 60
    clock.now_s = START_S + 61
    assert await calls_let_in(share, "till", 100) == 2
    clock.now_s = START_S + 90
    assert await calls_let_in(share, "till", 100) == 29


async def test_refused_calls_do_not_lengthen_the_wait(clock: Clock) -> None:
    share = limiter("2/minute")
    assert await calls_let_in(share, "till", 1_000) == 2
    clock.now_s = START_S + 120
    assert await calls_let_in(share, "till", 3) == 2


async def test_clients_have_shares_of_their_own(clock: Clock) -> None:
    share = limiter("2/minute")
    assert await calls_let_in(share, "till", 3) == 2
    assert await calls_let_in(share, "store", 3) == 2


async def test_call_that_is_given_back_was_never_counted(clock: Clock) -> None:
    share = limiter("3/minute")
    for _ in range(30):
        await share.check_client("till")
        await share.give_back("till")
    assert await calls_let_in(share, "till", 9) == 3
    await share.give_back("till")
    assert await calls_let_in(share, "till", 9) == 1


async def test_client_that_is_turned_away_without_an_end_is_counted_at_last(clock: Clock) -> None:
    """Anybody may say that a call was passed on."""
    share = limiter("3/minute")
    for _ in range(20 * 3):
        await share.check_client("till")
        await share.give_back("till")
    let_in = 0
    for _ in range(9):
        let_in += await calls_let_in(share, "till", 1)
        await share.give_back("till")
    assert let_in == 3


async def test_call_that_is_given_back_in_the_next_window_leaves_no_counter(clock: Clock) -> None:
    share = limiter("3/minute")
    await share.check_client("till")
    clock.now_s += 60
    await share.give_back("till")
    assert share.counters() == 2, "what was counted, and what was given back"
    assert await calls_let_in(share, "till", 9) == 3


async def test_rejections_take_nothing_from_clients(clock: Clock) -> None:
    share = limiter("2/minute", "2/minute")
    assert await rejections_let_in(share, ["10.0.0.1"] * 5) == 2
    assert await calls_let_in(share, "10.0.0.1", 3) == 2


async def test_calls_at_the_same_time_are_counted_exactly(clock: Clock) -> None:
    share = limiter("50/minute")
    let_in = await asyncio.gather(*(calls_let_in(share, "till", 1) for _ in range(200)))
    assert sum(let_in) == 50


async def test_rejected_call_beyond_the_limit_says_when_and_nothing_else(clock: Clock) -> None:
    """How much an address has left is nothing for whoever guesses tokens from it."""
    share = limiter(rejected="2/minute")
    assert await rejections_let_in(share, ["10.0.0.1"] * 2) == 2
    with pytest.raises(Problem) as caught:
        await share.check_rejected("10.0.0.1")
    assert caught.value.kind is TOO_MANY
    assert caught.value.headers == {"Retry-After": "60"}


NETWORKS: list[tuple[str | None, str]] = [
    ("10.0.0.1", "10.0.0.1"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
    ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("::ffff:10.0.0.1", "10.0.0.1"),
    ("::1", "::/64"),
    ("testclient", "testclient"),
    ("", "unknown"),
    (None, "unknown"),
]


@pytest.mark.parametrize(("address", "network"), NETWORKS)
async def test_address_counts_as_its_network(address: str | None, network: str) -> None:
    assert network_of(address) == network


async def test_host_that_changes_its_address_within_its_network_has_one_share(
    clock: Clock,
) -> None:
    share = limiter(rejected="5/minute")
    addresses = [f"2001:db8::{number:x}" for number in range(1, 100)]
    assert await rejections_let_in(share, addresses) == 5


async def test_other_addresses_are_not_held_for_what_one_did(clock: Clock) -> None:
    """All but those that happen to share its group: one in a few hundred."""
    share = limiter(rejected="5/minute")
    await rejections_let_in(share, ["10.0.0.1"] * 6)
    others = [f"10.1.0.{number}" for number in range(100)]
    assert await rejections_let_in(share, others) > 80


async def test_addresses_fall_into_other_groups_in_every_process() -> None:
    """So that nobody can choose an address that shares a group with another."""
    addresses = [f"10.0.0.{number}" for number in range(20)]
    first, second = limiter(), limiter()
    assert [first._group_of(address) for address in addresses] != [
        second._group_of(address) for address in addresses
    ]


async def test_counters_stay_few_under_calls_from_ever_new_addresses(clock: Clock) -> None:
    """A key is kept for two windows: three windows' counters are the most there can be."""
    share = limiter(rejected="5/minute")
    most = 0
    for number in range(20_000):
        clock.now_s += 0.02
        await rejections_let_in(share, [f"2001:db8:{number:x}::1"])
        await asyncio.sleep(0)  # As between any two requests: the library clears in a task.
        most = max(most, share.counters())
    assert ADDRESS_GROUPS < most <= 3 * ADDRESS_GROUPS


async def test_counters_of_addresses_that_stay_away_are_cleared(clock: Clock) -> None:
    share = limiter(rejected="5/minute")
    await rejections_let_in(share, [f"10.0.{number}.1" for number in range(200)])
    assert share.counters() > 50
    clock.now_s += 3 * 60
    await rejections_let_in(share, ["10.0.0.1"])
    await asyncio.sleep(0)  # The library clears in a task that a call starts.
    assert share.counters() == 1


async def test_counters_of_the_clients_are_two_a_client(clock: Clock) -> None:
    share = limiter("1200/minute")
    for minute in range(10):
        clock.now_s = START_S + 60 * minute
        for client_id in ("till", "store", "support"):
            await calls_let_in(share, client_id, 100)
            await asyncio.sleep(0)
    assert share.counters() <= 3 * 3


async def test_headers_are_structured_fields_of_the_draft() -> None:
    headers = RateHeaders(quota=10, window_s=60, remaining=0, effective_s=7).told()
    assert headers == {
        "RateLimit-Policy": f'"{limits.POLICY}";q=10;w=60',
        "RateLimit": f'"{limits.POLICY}";r=0;t=7',
    }
