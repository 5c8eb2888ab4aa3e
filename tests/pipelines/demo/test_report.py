"""What the demo says while it runs and at its end."""

import io
import json
from dataclasses import replace

from rich.console import Console

from pipelines.audit.breaches import BreachKind
from pipelines.audit.report import AuditReport
from pipelines.demo.latency import Latency
from pipelines.demo.progress import Meter
from pipelines.demo.proving import Proving
from pipelines.demo.report import Result, show
from pipelines.demo.witness import Seen
from pipelines.rebuild.differences import Compared
from pipelines.rebuild.rebuild import RebuildReport
from pipelines.rebuild.verify import VerifyReport
from tests.pipelines.rebuild.test_proof import result as result_of_a_fold

HOLDS = AuditReport(
    events=9,
    certificates=2,
    money=(),
    stock=(),
    breaches=(),
    breach_counts={},
    live=None,
    seconds=0.1,
)
RESULT = Result(
    broker="apache",
    baskets=3,
    orders=4,
    payments=5,
    events={
        "issue": 2,
        "redeem.partial": 3,
        "redeem.full": 1,
        "refund": 1,
        "refund.pending": 2,
        "alert": 1,
    },
    dead_letters=0,
    certificates={
        "GC-1": Seen(
            sequence=9,
            pool="ELECTRONIC",
            channel="POS",
            status="REDEEMED",
            lifecycle="REDEEMED",
            nominal_minor=2_500,
            remaining_minor=0,
        ),
        "GC-2": Seen(
            sequence=1,
            pool="ELECTRONIC",
            channel=None,
            status="AVAILABLE",
            lifecycle="AVAILABLE",
            nominal_minor=0,
            remaining_minor=0,
        ),
    },
    e2e=Latency(count=600, p50_ms=51, p99_ms=183, max_ms=190),
    next_paced=Latency(count=600, p50_ms=42.5, p99_ms=157.1, max_ms=160),
    next_story=Latency(count=0, p50_ms=None, p99_ms=None, max_ms=None),
    delivered=Latency(count=2, p50_ms=130, p99_ms=1_912.5, max_ms=2_200),
    seconds=146.62,
    audit=HOLDS,
    disagreements=(),
)


def shown(result: Result) -> tuple[str, dict[str, object]]:
    """What is shown, and its last line as JSON."""
    out = io.StringIO()
    show(result, out)
    return out.getvalue(), json.loads(out.getvalue().splitlines()[-1])


def test_the_last_line_is_one_json_object_of_the_figures() -> None:
    """Under the names that programs read."""
    _, figures = shown(RESULT)

    assert figures == {
        "broker": "apache",
        "baskets": 3,
        "orders": 4,
        "payments": 5,
        "certificates_sold": 2,
        "redemptions": 4,
        "refunds": 1,
        "alerts": 1,
        "dlq": 0,
        "laws": "hold",
        "seconds": 146.6,
        "e2e_ms": {"p50": 51, "p99": 183},
        "http_next_ms": {"p50": 42.5, "p99": 157.1},
        "code_delivered_ms": {"p50": 130, "p99": 1_912.5, "max": 2_200},
    }


def test_the_tables_show_status_channel_and_money() -> None:
    """Every certificate is in one row, also those nobody has sold."""
    text, _ = shown(RESULT)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]

    assert ["AVAILABLE", "-", "1", "0.00", "0.00"] in rows
    assert ["REDEEMED", "POS", "1", "25.00", "0.00"] in rows
    assert ["HTTP next; beside the year's backlog", "0", "-", "-", "-"] in rows
    assert ["code asked for, delivered and told of", "2", "130.0", "1,912.5", "2,200.0"] in rows


def test_a_disagreement_breaks_the_laws_and_is_shown() -> None:
    """The audit alone would not know what had to come."""
    text, figures = shown(replace(RESULT, disagreements=("refund: 1 events came, 2 had to",)))

    assert figures["laws"] == "broken"
    assert "not as it must be: refund: 1 events came, 2 had to" in text


def test_a_breach_of_the_audit_breaks_the_laws() -> None:
    """Also where the demo's own book has nothing to say."""
    broken = replace(HOLDS, breach_counts={BreachKind.ISSUED_TWICE: 1})
    text, figures = shown(replace(RESULT, audit=broken))

    assert figures["laws"] == "broken"
    assert "BROKEN" in text


def test_progress_off_a_terminal_is_a_line_now_and_then_with_rate_and_time_left() -> None:
    """The rate counts from the first item: what came before it is no work."""
    out = io.StringIO()
    ticks = iter([100.0, 102.0, 104.0, 106.0, 108.0, 110.0])
    meter = Meter(Console(file=out, width=100), clock=lambda: next(ticks))

    taken = list(meter.track(range(4), total=4, what="Baskets"))

    assert taken == [0, 1, 2, 3]
    assert out.getvalue().splitlines() == [
        "Baskets: 3 of 4, 0 a second, 2 s left",
        "Baskets: 4 of 4, 0 a second",
    ]


def test_progress_of_nothing_says_so() -> None:
    """No rate can be told of it."""
    out = io.StringIO()
    list(Meter(Console(file=out, width=100)).track([], total=0, what="Baskets"))

    assert out.getvalue() == "Baskets: 0 of 0\n"


def test_progress_on_a_terminal_is_a_bar() -> None:
    """It ends full."""
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True)
    taken = list(Meter(console).track(range(3), total=3, what="Baskets"))

    assert taken == [0, 1, 2]
    assert "3/3" in out.getvalue()


def proving(*, equal: bool) -> Proving:
    fold = result_of_a_fold(0, live_hash="hash-0" if equal else "x")
    if not equal:
        fold = replace(fold, compared=Compared(count=1))
    verified = VerifyReport(results=(fold,), earlier=(), workers=2, seconds=2.0)
    rebuilt = RebuildReport(results=(fold,), written=True, fold_s=1.0, write_s=0.5)
    return Proving(before=verified, rebuilt=rebuilt, after=verified)


def test_demo_that_proves_says_how_fast_and_whether_equal() -> None:
    shown = io.StringIO()
    proven = replace(RESULT, proving=proving(equal=True))
    show(proven, shown)
    assert "the changelogs are whole: 2 records written" in shown.getvalue()
    assert proven.holds
    body = json.loads(shown.getvalue().splitlines()[-1])
    assert body["rebuild"]["equal"] is True
    assert body["rebuild"]["folded"] == 3
    assert not replace(RESULT, proving=proving(equal=False)).holds
    assert "rebuild" not in RESULT.as_json()
