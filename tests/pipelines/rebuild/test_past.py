"""What was at a time: the money of the folded certificates, each held against the stream."""

from pipelines.audit.figures import MoneyFigures
from pipelines.rebuild.past import PastTask, fold_past, money_figures, money_of
from pipelines.stores import StoreName
from pipelines.topics import COMMANDS, STREAM
from state.certificate.commands import Activate, Load
from state.certificate.record import CertificateState
from tests.pipelines.rebuild.log_in_memory import GAP, LogInMemory
from tests.pipelines.rebuild.told_stream import tell_stream
from tests.pipelines.stages.stage_in_memory import PARTITIONS
from tests.state.certificate.specimens import issue_action, reserve_number

SOLD, FREE = "GC-0001", "GC-0002"


def sell(log: LogInMemory) -> None:
    log.command(FREE, Load(pool="ELECTRONIC"), "load-2")
    log.command(SOLD, Load(pool="ELECTRONIC"), "load-1")
    log.command(SOLD, reserve_number(), "reserve")
    log.command(SOLD, issue_action(), "issue")
    log.command(SOLD, Activate(order_id=issue_action().order_id), "activate")


def past(log: LogInMemory, *, short: int = 0) -> tuple[int, int, list[str], list[MoneyFigures]]:
    """Certificates, those that disagree, how, and the money."""
    ends = {each: max(log.end(COMMANDS, each) - short, 0) for each in range(PARTITIONS)}
    task = PastTask(
        store=StoreName.CERTIFICATES,
        ends=ends,
        stream_ends=log.ends(STREAM),
        marks={},
    )
    results = fold_past(log.shop(), task)
    return (
        sum(each.certificates for each in results),
        sum(each.disagreeing for each in results),
        [line for each in results for line in each.disagreements],
        list(money_figures([each.money for each in results])),
    )


def test_past_that_the_stream_tells_of_agrees_and_has_its_money(log: LogInMemory) -> None:
    sell(log)
    tell_stream(log)
    certificates, disagreeing, _, (money,) = past(log)
    assert (certificates, disagreeing) == (2, 0)
    nominal_minor = issue_action().nominal.amount_minor
    assert (money.currency, money.certificates) == ("RUB", 1)
    assert money.nominal_minor == money.remaining_minor == nominal_minor


def test_past_before_the_sale_has_no_money_and_is_not_disturbed_by_what_came_later(
    log: LogInMemory,
) -> None:
    sell(log)
    tell_stream(log)
    assert past(log, short=2 * GAP)[:2] == (1, 0)
    assert past(log, short=2 * GAP)[3] == []


def test_certificate_of_which_the_stream_tells_less_or_another_thing_is_named(
    log: LogInMemory,
) -> None:
    sell(log)
    tell_stream(log)
    for records in log.records.values():
        if records[0].topic.endswith("Stream") and records[0].key == SOLD.encode():
            records.pop()
    _, disagreeing, (line,), _ = past(log)
    assert disagreeing == 1
    assert line == "…0001: the log gives 5 events, the stream tells 4 of them"


def test_money_counts_what_was_sold_only() -> None:
    assert money_of({"GC-9": CertificateState(sequence=1)}) == {}
