"""What processes say of themselves, whatever they answer, and what it becomes."""

import time

import httpx
import pytest

from pipelines.faults import BrokerRefused
from pipelines.status.beside import beside, in_time
from pipelines.status.figures import Figures, NoFigures
from pipelines.status.kafka_side import Member
from pipelines.status.processes import ANSWER_S, Processes, Said
from pipelines.status.reading_figures import lags_told, laws_in, pending_in, pools_in, worker_of
from pipelines.topics import Role
from tests.pipelines.status.seen import lag

PROCESSOR = """
# TYPE giftcert_build_info gauge
giftcert_build_info{version="1.0.0",commit="abc",schemas="5d62"} 1.0
giftcert_loop_age_seconds 0.25
giftcert_pool_free_numbers{pool="ELECTRONIC"} 900.0
giftcert_pool_low_mark{pool="ELECTRONIC"} 1000.0
giftcert_pool_taken_per_hour{pool="ELECTRONIC"} 30.0
giftcert_pool_empty_in_seconds{pool="ELECTRONIC"} 108000.0
giftcert_pool_free_numbers{pool="PHYSICAL"} NaN
giftcert_holds_open 3.0
giftcert_holds_overdue 1.0
giftcert_overdue_seconds{kind="HOLD"} 75.0
giftcert_lag_records{topic="GiftCertificates.Commands",partition="0"} 0.0
giftcert_lag_records{topic="GiftCertificates.Commands",partition="1"} 4.0
"""
OTHER = """
giftcert_holds_open 2.0
giftcert_holds_overdue 0.0
giftcert_overdue_seconds{kind="HOLD"} 0.0
giftcert_lag_records{topic="GiftCertificates.Commands",partition="2"} 6.0
"""
AUDITOR = """
giftcert_audit_events_total 500.0
giftcert_audit_breaches_total{law="1",kind="SOLD_TWICE"} 2.0
giftcert_audit_breaches_total{law="2",kind="NEGATIVE_BALANCE"} 1.0
giftcert_audit_certificates_in_breach 2.0
giftcert_audit_caught_up 1.0
"""
URL = "http://10.0.0.1:8080"


def answered(metrics: httpx.Response | Exception, *, health: int = 200, ready: int = 200) -> Said:
    """What is heard of a process that answers so."""

    def answer(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/healthz":
                return httpx.Response(health)
            case "/readyz":
                return httpx.Response(ready)
        if isinstance(metrics, Exception):
            raise metrics
        return metrics

    processes = Processes(None, transport=httpx.MockTransport(answer))
    try:
        return processes.ask([URL])[URL]
    finally:
        processes.close()


def test_process_that_answers_is_heard_with_health_and_figures() -> None:
    said = answered(httpx.Response(200, text=PROCESSOR), ready=503)
    assert (said.fault, said.alive, said.ready) == ("", True, False)
    assert said.figures.total("giftcert_holds_open") == 3.0


@pytest.mark.parametrize(
    ("metrics", "fault"),
    [
        pytest.param(httpx.ConnectError("refused"), "refused", id="nobody there"),
        pytest.param(httpx.ReadTimeout(""), "ReadTimeout", id="silent"),
        pytest.param(httpx.Response(404), "its figures: 404", id="somebody else"),
        pytest.param(httpx.Response(200, text="<html>{"), "cannot be read", id="no figures"),
    ],
)
def test_process_that_is_of_no_use_is_heard_as_such(
    metrics: httpx.Response | Exception, fault: str
) -> None:
    assert fault in answered(metrics).fault


def test_process_that_never_answers_holds_nobody_up() -> None:
    def hang(_request: httpx.Request) -> httpx.Response:
        time.sleep(2 * ANSWER_S)
        return httpx.Response(200)

    processes = Processes(None, transport=httpx.MockTransport(hang))
    began_s = time.monotonic()
    said = processes.ask([URL])[URL]
    assert time.monotonic() - began_s < ANSWER_S + 0.5
    assert "no answer within 1 s" in said.fault


def test_work_beside_gives_its_fault_to_who_waits_and_nothing_before_its_time() -> None:
    def refuse() -> str:
        raise BrokerRefused("no")

    with pytest.raises(BrokerRefused):
        in_time(beside(refuse), time.monotonic() + 5)
    assert in_time(beside(lambda: time.sleep(0.3)), time.monotonic()) is None


def test_figures_of_something_else_are_refused() -> None:
    with pytest.raises(NoFigures):
        Figures.of('a{b="c} 1\n')


def test_names_in_figures_cannot_speak_to_a_terminal() -> None:
    figures = Figures.of('giftcert_pool_free_numbers{pool="\x1b[2J"} 1.0\n')
    assert pools_in([figures])[0].name == "\ufffd[2J"


def test_figures_of_two_processors_become_pools_and_what_is_open() -> None:
    figures = [Figures.of(PROCESSOR), Figures.of(OTHER)]
    [pool] = pools_in(figures)
    assert (pool.name, pool.free, pool.low_mark, pool.empty_in_s) == (
        "ELECTRONIC", 900, 1_000, 108_000.0,
    )  # fmt: skip
    reservations, holds = pending_in(figures)
    assert (reservations.open, reservations.overdue) == (None, None)
    assert (holds.open, holds.overdue, holds.oldest_overdue_s) == (5, 1, 75.0)


def test_lag_is_the_workers_own_count_only_where_they_tell_of_every_partition() -> None:
    both = [Figures.of(PROCESSOR), Figures.of(OTHER)]
    assert [each.behind for each in lags_told([lag(behind=13)], both)] == [10]
    assert [each.behind for each in lags_told([lag(behind=13)], both[:1])] == [13]


def test_figures_of_the_auditor_become_laws_and_those_of_another_do_not() -> None:
    laws = laws_in(Said(figures=Figures.of(AUDITOR)))
    assert (laws.breaches, laws.in_breach, laws.caught_up, laws.fault) == (3, 2, True, "")
    assert "no auditor" in laws_in(Said(figures=Figures.of(PROCESSOR))).fault
    assert laws_in(Said(fault="refused")).fault == "refused"
    assert not laws_in(None).asked


def test_member_without_an_address_is_shown_as_one_that_cannot_be_asked() -> None:
    member = Member(name="odd", role=Role.PROCESSOR, url=None, partitions={})
    assert worker_of(member, {}).fault == "it names no address in its group"


def test_worker_tells_its_version_and_how_long_ago_its_loop_turned() -> None:
    member = Member(name="p", role=Role.PROCESSOR, url=URL, partitions={})
    told = worker_of(member, {URL: Said(alive=True, figures=Figures.of(PROCESSOR))})
    assert (told.version, told.commit, told.schemas, told.loop_age_s) == (
        "1.0.0", "abc", "5d62", 0.25,
    )  # fmt: skip
