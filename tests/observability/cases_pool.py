"""When the alerts of pool.yaml fire, and when they do not."""

from typing import Final

from tests.observability.promtool_cases import Case, fires, quiet

_FREE: Final = 'giftcert_pool_free_numbers{pool="ELECTRONIC"}'
_MARK: Final = 'giftcert_pool_low_mark{pool="ELECTRONIC"}'
_LEFT: Final = 'giftcert_pool_empty_in_seconds{pool="ELECTRONIC"}'
_BLOCKED: Final = 'giftcert_events_total{type="issue.blocked"}'
_POOL: Final = 'pool="ELECTRONIC"'

CASES: Final[tuple[Case, ...]] = (
    fires("IssueBlocked", "a checkout found the pool empty", {_BLOCKED: "0x55 1x10"}),
    quiet(
        "IssueBlocked",
        "one an hour ago, and sales since",
        {_BLOCKED: "0 1x70", 'giftcert_events_total{type="issue"}': "0+5x70"},
    ),
    fires("IssueBlocked", "its counter appears above 0", {_BLOCKED: "_x55 1x10"}),
    quiet("IssueBlocked", "one that appeared so two hours ago", {_BLOCKED: "_x10 1x130"}, at="2h"),
    fires("PoolEmpty", "nothing is left", {_FREE: "5x30 0x30"}, labels=_POOL),
    quiet("PoolEmpty", "one is left", {_FREE: "1x60"}),
    fires("PoolEmptySoon", "two hours' worth is left", {_LEFT: "7200x60"}, labels=_POOL),
    quiet("PoolEmptySoon", "two days' worth is left", {_LEFT: "172800x60"}),
    quiet(
        "PoolEmptySoon",
        "a few at once, at the beginning of a day's count",
        {_LEFT: "172800x35 7200x25"},
    ),
    quiet(
        "PoolLow",
        "the same, and there are enough",
        {_FREE: "5000x60", _MARK: "100x60", _LEFT: "2592000x20 7200x40"},
    ),
    fires("PoolLow", "fewer than the mark", {_FREE: "99x60", _MARK: "100x60"}, labels=_POOL),
    fires(
        "PoolLow",
        "many, and they go fast",
        {_FREE: "5000x60", _MARK: "100x60", _LEFT: "172800x60"},
        labels=_POOL,
    ),
    quiet(
        "PoolLow",
        "enough for a month",
        {_FREE: "5000x60", _MARK: "100x60", _LEFT: "2592000x60"},
    ),
    quiet("PoolLow", "enough, and nobody takes any", {_FREE: "100x60", _MARK: "100x60"}),
)
