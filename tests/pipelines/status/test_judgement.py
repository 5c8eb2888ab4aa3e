"""When a person is called, and when not."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from pipelines.status.judgement import findings_of, told_partitions
from pipelines.status.presentation import screen, status_json
from pipelines.status.spans import told_span
from pipelines.status.status import Group, Laws, Pending, Status
from pipelines.topics import Role
from tests.pipelines.status.seen import AT_MS, alerts, lag, letters, pool, seen, worker

CORRELATOR = worker(name="correlator-0", role=Role.CORRELATOR)
CORRELATORS = Group(role=Role.CORRELATOR, name="giftcert-correlator")


def processors(**changes: Any) -> tuple[Group, Group]:
    return CORRELATORS, Group(role=Role.PROCESSOR, name="giftcert-processor", **changes)


def printed(status: Status, *, width: int = 120, trouble: str = "") -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, highlight=False)
    console.print(screen(status, trouble=trouble))
    return out.getvalue()


WELL = [
    ("everything", {}),
    ("a few records behind", {"lags": (lag(behind=10_000),)}),
    ("workers that give out partitions", {"groups": processors(changing=True)}),
    ("a worker that recovers", {"workers": (CORRELATOR, worker(ready=False, records_left=900.0))}),
    ("two versions", {"workers": (CORRELATOR, worker(version="1.1.0", commit="b" * 40))}),
    ("a deadline of this moment", {"pending": (Pending(name="holds", open=1, overdue=1,
                                                       oldest_overdue_s=2.0),)}),
    ("an alert", {"alerts": alerts(by_code={"POOL_LOW": 1})}),
    ("an auditor that nobody named", {"laws": Laws(asked=False)}),
    ("a pool that lasts", {"pools": (pool(free=1_000, empty_in_s=86_400.0),)}),
]  # fmt: skip


@pytest.mark.parametrize("changes", [pytest.param(each, id=name) for name, each in WELL])
def test_status_that_passes_by_itself_calls_nobody(changes: dict[str, Any]) -> None:
    status = seen(**changes)
    assert findings_of(status) == ()
    assert "all is well" in printed(status)
    assert status_json(status)["well"] is True


CALLS = [
    ("a breach", {"laws": Laws(asked=True, breaches=2, in_breach=1)}, "2 breaches on 1 certif"),
    ("a breach on the stream", {"alerts": alerts(by_code={"LAW_BREACH": 1})}, "LAW_BREACH"),
    ("a dead auditor", {"laws": Laws(asked=True, fault="refused")}, "auditor does not answer"),
    ("no processor", {"workers": (CORRELATOR,)}, "No processor is running"),
    ("no correlator", {"workers": (worker(),)}, "orders and payments wait"),
    (
        "a partition that nobody has",
        {"groups": processors(unassigned={"GiftCertificates.Pool": (0, 1, 4)})},
        "No processor has GiftCertificates.Pool 0-1, 4",
    ),
    ("a silent group", {"groups": processors(fault="no answer")}, "who works is not known"),
    ("a silent worker", {"workers": (CORRELATOR, worker(fault="refused"))}, "processor-0 (proc"),
    ("a failed worker", {"workers": (CORRELATOR, worker(alive=False))}, "has failed"),
    ("a hanging worker", {"workers": (CORRELATOR, worker(loop_age_s=95.0))}, "1 min 35 s ago"),
    ("many records behind", {"lags": (lag(behind=10_001),)}, "10,001 records behind on Gift"),
    ("an unknown lag", {"lags": (lag(behind=None),)}, "does not say how far behind"),
    ("a partition without leader", {"lags": (lag(leaderless=True),)}, "without a leader"),
    ("an empty pool", {"pools": (pool(free=0, low_mark=0),)}, "ELECTRONIC is empty"),
    ("a low pool", {"pools": (pool(free=999, empty_in_s=None),)}, "is low (999 free)"),
    ("a pool that ends today", {"pools": (pool(empty_in_s=7_200.0),)}, "will be empty in 2 h"),
    (
        "holds that nothing ends",
        {"pending": (Pending(name="holds", open=3, overdue=2, oldest_overdue_s=61.0),)},
        "2 holds are overdue, by up to 1 min 1 s",
    ),
    ("a dead letter", {"letters": letters(open=1, by_code={"EMPTY": 1})}, "`giftcert dlq list`"),
    ("an unread queue", {"letters": letters(whole=False, fault="refused")}, "could not be read"),
]


@pytest.mark.parametrize(
    ("changes", "said"), [pytest.param(changes, said, id=name) for name, changes, said in CALLS]
)
def test_status_that_needs_a_person_says_for_what(changes: dict[str, Any], said: str) -> None:
    status = seen(**changes)
    [finding] = findings_of(status)
    assert said in finding
    assert "1 thing needs a person" in printed(status)
    assert status_json(status)["findings"] == [finding]


def test_what_needs_a_person_stands_before_everything_else() -> None:
    text = printed(seen(pools=(pool(free=0),)))
    assert text.index("1. The pool ELECTRONIC is empty") < text.index("Workers")


def test_screen_shows_what_an_upgrade_looks_like_halfway() -> None:
    mixed = (CORRELATOR, worker(version="1.1.0", commit="b" * 40))
    assert "run different versions" in printed(seen(workers=mixed))
    newer = (worker(version="1.1.0"), worker(name="c", role=Role.CORRELATOR, version="1.1.0"))
    assert "another version than this command" in printed(seen(workers=newer))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_screen_fits_the_terminal(width: int) -> None:
    assert max(map(len, printed(seen(), width=width).splitlines())) <= width


def test_screen_with_nothing_newer_says_so_above_the_last_picture() -> None:
    text = printed(seen(), trouble="no Kafka at kafka:9092")
    assert text.index("No newer picture: no Kafka") < text.index("processor-0")


def test_json_has_the_names_of_the_api_and_leaves_codes_as_they_are() -> None:
    told = status_json(seen(letters=letters(open=2, by_code={"UNKNOWN_SCHEMA": 2})))
    assert told["letters"]["byCode"] == {"UNKNOWN_SCHEMA": 2}
    assert told["workers"][1]["partitions"]["GiftCertificates.Pool"] == [0, 1, 2]
    assert told["at"] == "2026-03-01T10:30:00Z"
    assert json.loads(json.dumps(told)) == told
    assert told["atMs"] == AT_MS


@pytest.mark.parametrize(
    ("span_s", "said"),
    [
        (None, "-"),
        (0.0, "0 s"),
        (0.4, "less than 1 s"),
        (61.0, "1 min 1 s"),
        (3_600.0, "1 h"),
        (90_061.0, "1 d 1 h"),
        (86_401.0, "1 d"),
        (1e12, "more than a year"),
    ],
)
def test_spans_are_told_by_their_two_largest_units(span_s: float | None, said: str) -> None:
    assert told_span(span_s) == said


def test_partitions_are_told_in_runs() -> None:
    assert told_partitions((4, 0, 1, 2)) == "0-2, 4"
