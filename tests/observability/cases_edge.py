"""When the alerts of edge.yaml fire, and when they do not."""

from typing import Final

from tests.observability.promtool_cases import Case, fires, quiet

_REQUESTS: Final = "giftcert_http_requests_total"
_LIMITED: Final = "giftcert_http_rate_limited_total"
_LOCKED: Final = 'giftcert_alerts_total{code="CVC_LOCKED"}'
_WRONG: Final = 'giftcert_rejections_total{code="WRONG_CVC"}'


def _called(
    status: str, bad: str, *, good: str = "_x160", operation: str = "authorize"
) -> dict[str, str]:
    return {
        f'{_REQUESTS}{{operation="{operation}",status="{status}"}}': bad,
        f'{_REQUESTS}{{operation="readBalance",status="200"}}': good,
    }


CASES: Final[tuple[Case, ...]] = (
    fires(
        "InternalErrors",
        "one more",
        {f'{_REQUESTS}{{operation="authorize",status="500"}}': "3x55 4x10"},
        labels='operation="authorize"',
    ),
    fires(
        "InternalErrors",
        "the first one ever, which has no earlier figure to grow from",
        {f'{_REQUESTS}{{operation="authorize",status="500"}}': "_x55 1x10"},
        labels='operation="authorize"',
    ),
    quiet(
        "InternalErrors",
        "an old one, and refusals",
        {
            f'{_REQUESTS}{{operation="authorize",status="500"}}': "3x60",
            f'{_REQUESTS}{{operation="authorize",status="402"}}': "0+5x60",
        },
    ),
    fires(
        "NoCallSucceeds", "three at night, the first that ever failed", _called("503", "_x50 3x10")
    ),
    fires(
        "NoCallSucceeds", "three in half an hour, each a 504", _called("504", "0x35 1x8 2x8 3x20")
    ),
    fires("NoCallSucceeds", "Kafka takes nothing", _called("503", "0+1x60", good="9x60")),
    fires(
        "NoCallSucceeds",
        "503 and 504, at two edges",
        {**_called("503", "_x40 1x20"), **_called("504", "_x45 2x15", good="400x60")},
    ),
    fires(
        "NoCallSucceeds",
        "one of twenty gets through",
        _called("503", "0x40 0+1x20", good="7x45 8x15"),
    ),
    quiet("NoCallSucceeds", "two", _called("503", "_x50 2x10")),
    fires(
        "NoCallSucceeds",
        "reads go on, and nothing is authorized",
        _called("504", "0x35 1x8 2x8 3x20", good="0+1x60"),
    ),
    quiet(
        "NoCallSucceeds",
        "a third gets through",
        {
            **_called("503", "0x35 3x25"),
            f'{_REQUESTS}{{operation="authorize",status="201"}}': "0x35 1x25",
        },
    ),
    quiet("NoCallSucceeds", "three that failed hours ago", _called("503", "_x10 3x150"), at="2h"),
    quiet(
        "NoCallSucceeds",
        "refusals, which are answers",
        _called("403", "0+1x60"),
    ),
    quiet(
        "NoCallSucceeds",
        "a readiness probe that says no, and callers who leave",
        {**_called("503", "0+4x60", operation="ready"), **_called("none", "0+1x60")},
    ),
    quiet("NoCallSucceeds", "nobody calls", {}),
    fires(
        "RejectedTokenStorm",
        "five calls a second have no valid token",
        {f'{_REQUESTS}{{operation="none",status="401"}}': "0+300x60"},
    ),
    fires(
        "RejectedTokenStorm",
        "addresses are held back",
        {f'{_LIMITED}{{client="none"}}': "0+120x60"},
    ),
    quiet(
        "RejectedTokenStorm",
        "a token expires now and then, and a known client is over its share",
        {
            f'{_REQUESTS}{{operation="none",status="401"}}': "0+10x60",
            f'{_LIMITED}{{client="till"}}': "0+600x60",
        },
    ),
    fires(
        "ClientOverItsShare",
        "the tills are held back",
        {f'{_LIMITED}{{client="till"}}': "0+60x60"},
        labels='client="till"',
    ),
    quiet(
        "ClientOverItsShare",
        "once, for a moment, and strangers all the time",
        {f'{_LIMITED}{{client="till"}}': "0x50 4x10", f'{_LIMITED}{{client="none"}}': "0+600x60"},
    ),
    fires("CodeGuessing", "certificate after certificate is locked", {_LOCKED: "0+1x60"}),
    fires("CodeGuessing", "a hundred wrong codes in ten minutes", {_WRONG: "0+10x60"}),
    quiet("CodeGuessing", "people who mistype", {_LOCKED: "0x30 2x30", _WRONG: "0+2x60"}),
    fires("CodeGuessing", "its counter appears above 0", {_WRONG: "_x55 60x10"}),
    quiet("CodeGuessing", "one that appeared so two hours ago", {_WRONG: "_x10 60x130"}, at="2h"),
    fires("CertificateLockedByCodes", "its counter appears above 0", {_LOCKED: "_x55 1x10"}),
    quiet(
        "CertificateLockedByCodes",
        "one that appeared so two hours ago",
        {_LOCKED: "_x10 1x130"},
        at="2h",
    ),
    quiet(
        "InternalErrors",
        "one that appeared two hours ago",
        {f'{_REQUESTS}{{operation="authorize",status="500"}}': "_x10 1x130"},
        at="2h",
    ),
    fires("CertificateLockedByCodes", "one was locked", {_LOCKED: "0x50 1x10"}),
    quiet("CertificateLockedByCodes", "none since hours", {_LOCKED: "8x60", _WRONG: "0+2x60"}),
)
