"""When the alerts of slo-alerts.yaml fire, and when they do not: by the share of bad cases."""

from typing import Final

from tests.observability.promtool_cases import HOURS, Case, fires, quiet

_PROCESSING: Final = "giftcert_stream_latency_seconds"
_HTTP: Final = "giftcert_http_request_duration_seconds"
_CALLS: Final = "giftcert_http_requests_total"
_REFUND: Final = "giftcert_refund_latency_seconds"
_CVC: Final = "giftcert_crm_delivery_seconds"


def _processed(good: str, every: str, origin: str = "HTTP") -> dict[str, str]:
    labels = f'origin="{origin}",since="receipt"'
    return {
        f'{_PROCESSING}_bucket{{{labels},le="0.2"}}': good,
        f"{_PROCESSING}_count{{{labels}}}": every,
    }


def _timed(good: str, every: str, operation: str = "authorize") -> dict[str, str]:
    return {
        f'{_HTTP}_bucket{{operation="{operation}",le="0.3"}}': good,
        f'{_HTTP}_count{{operation="{operation}"}}': every,
    }


def _called(
    good: str, bad: str, operation: str = "authorize", status: str = "503"
) -> dict[str, str]:
    return {
        f'{_CALLS}{{operation="{operation}",status="200"}}': good,
        f'{_CALLS}{{operation="{operation}",status="{status}"}}': bad,
    }


def _refunded(good: str, every: str) -> dict[str, str]:
    return {
        f'{_REFUND}_bucket{{since="receipt",le="60.0"}}': good,
        f'{_REFUND}_count{{since="receipt"}}': every,
    }


def _delivered(good: str, every: str, failed: str) -> dict[str, str]:
    return {
        f'{_CVC}_bucket{{channel="SMS",le="300.0"}}': good,
        f'{_CVC}_count{{channel="SMS"}}': every,
        'giftcert_crm_failed_total{channel="SMS",reason="OUT_OF_TIME"}': failed,
    }


CASES: Final[tuple[Case, ...]] = (
    fires("ProcessingSlow", "a fifth for an hour", _processed("0+8x80", "0+10x80"), at="80m"),
    quiet("ProcessingSlow", "one in twenty", _processed("0+95x80", "0+100x80"), at="80m"),
    quiet("ProcessingSlow", "all of five at night", _processed("0x80", "0+0.05x80"), at="80m"),
    quiet(
        "ProcessingSlow",
        "a bulk load, which nobody waits for",
        _processed("0x80", "0+100x80", origin="LOADER"),
        at="80m",
    ),
    quiet(
        "ProcessingSlow",
        "a bad hour that is over",
        _processed("0x60 0+10x40", "0+10x100"),
        at="100m",
    ),
    fires("ProcessingBudgetBurning", "2 %", _processed("0+98x420", "0+100x420"), at=HOURS),
    quiet("ProcessingBudgetBurning", "0.5 %", _processed("0+199x420", "0+200x420"), at=HOURS),
    fires("HttpSlow", "a fifth for an hour", _timed("0+8x80", "0+10x80"), at="80m"),
    quiet("HttpSlow", "one in twenty", _timed("0+95x80", "0+100x80"), at="80m"),
    quiet(
        "HttpSlow",
        "scrapes, probes and what is no call",
        {
            **_timed("0x80", "0+100x80", "metrics"),
            **_timed("0x80", "0+100x80", "ready"),
            **_timed("0x80", "0+100x80", "none"),
            **_timed("0x80", "0+100x80", "internal.certificates"),
        },
        at="80m",
    ),
    fires("HttpBudgetBurning", "2 %", _timed("0+98x420", "0+100x420"), at=HOURS),
    quiet("HttpBudgetBurning", "0.5 %", _timed("0+199x420", "0+200x420"), at=HOURS),
    fires("CallsFailing", "a fifth for an hour", _called("0+8x80", "0+2x80"), at="80m"),
    quiet("CallsFailing", "refusals, which are answers", _called("0+8x80", "0+2x80", status="402")),
    quiet("CallsFailing", "a readiness probe that says no", _called("0x80", "0+6x80", "ready")),
    quiet("CallsFailing", "nobody calls", {}),
    fires("AvailabilityBudgetBurning", "2 %", _called("0+98x420", "0+2x420"), at=HOURS),
    quiet("AvailabilityBudgetBurning", "0.5 %", _called("0+199x420", "0+1x420"), at=HOURS),
    fires("RefundsSlow", "one of three", _refunded("0x30 2x330", "0x30 3x330"), at="2h"),
    quiet("RefundsSlow", "none of three", _refunded("0x30 3x330", "0x30 3x330"), at="2h"),
    quiet("RefundsSlow", "there was no refund", _refunded("3x330", "4x330"), at="2h"),
    fires(
        "CodeBudgetBurning",
        "one in ten was given up",
        _delivered("0+9x420", "0+9x420", "0+1x420"),
        at=HOURS,
    ),
    fires(
        "CodeBudgetBurning",
        "one in ten came late",
        _delivered("0+9x420", "0+10x420", "0x420"),
        at=HOURS,
    ),
    quiet(
        "CodeBudgetBurning",
        "one of ten, and no more of them",
        _delivered("0x60 9x360", "0x60 9x360", "0x60 1x360"),
        at=HOURS,
    ),
    quiet(
        "CodeBudgetBurning",
        "one in five hundred",
        _delivered("0+499x420", "0+499x420", "0+1x420"),
        at=HOURS,
    ),
)
