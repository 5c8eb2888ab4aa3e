"""The CRM and its group: commits that fail, members put out, partitions that come and go."""

import pytest

from pipelines.faults import BrokerRefused
from pipelines.neighbours.crm import intake as intake_module
from pipelines.neighbours.crm.desk import Begins, NotSent
from pipelines.neighbours.crm.group_words import NotCommitted
from pipelines.neighbours.crm.metrics import CrmMetrics
from tests.neighbours.crm.asked_messages import NUMBER
from tests.neighbours.crm.crm_fakes import FakeGateway, courier_with, shown_figures
from tests.neighbours.crm.crm_in_memory import Crm, running
from tests.neighbours.crm.group_in_memory import Kafka
from tests.neighbours.crm.slow_gateways import SENT, HeldGateway, asked_for, numbers, open_notes


def test_commit_that_comes_to_nothing_is_made_again_and_nothing_goes_out_before_it() -> None:
    kafka, gateway, metrics = Kafka(), FakeGateway(), CrmMetrics()
    kafka.write(*asked_for(NUMBER))
    kafka.fails = [NotCommitted("the broker moved")] * 3
    with running(kafka, courier_with(gateway=gateway), metrics) as crm:
        crm.until(lambda: not kafka.fails)
        assert gateway.tries == []
        crm.until(lambda: kafka.outcomes() == [SENT])
    figures = shown_figures(metrics)
    assert figures["commits_total/failed"] == 3
    assert len(gateway.tries) == 1


def test_stream_that_never_rests_is_caught_up_with_all_the_same() -> None:
    kafka, gateway = Kafka(), FakeGateway()
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.member.rests = False
        crm.until(lambda: kafka.outcomes() == [SENT])


def test_commits_that_never_succeed_are_paused_between_and_end_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake_module, "_FAILING_S", 0.3)
    kafka, gateway = Kafka(), FakeGateway()
    kafka.write(*asked_for(NUMBER))
    kafka.fails = [NotCommitted("TOPIC_AUTHORIZATION_FAILED") for _ in range(1_000)]
    with (
        running(kafka, courier_with(gateway=gateway)) as crm,
        pytest.raises(BrokerRefused, match="TOPIC_AUTHORIZATION_FAILED"),
    ):
        crm.until(lambda: False)
    assert len(kafka.fails) > 990
    assert gateway.tries == []


def test_member_that_was_put_out_sends_nothing_and_tells_nothing() -> None:
    """It slept through a rebalance: of two that believe to have the partition one can send."""
    kafka, theirs, ours = Kafka(), FakeGateway(), FakeGateway()
    with running(kafka, courier_with(gateway=ours)) as zombie:
        zombie.turn()
        with running(kafka, courier_with(gateway=theirs)) as crm:
            crm.turn()
            kafka.write(*asked_for(NUMBER))
            for _ in range(5):
                zombie.turn()
            crm.until(lambda: kafka.outcomes() == [SENT])
            for _ in range(5):
                zombie.turn()
    assert (len(ours.tries), len(theirs.tries)) == (0, 1)


def test_member_that_was_put_out_while_it_sent_tells_nothing() -> None:
    kafka, held, theirs = Kafka(), HeldGateway(), FakeGateway()
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=held)) as zombie:
        zombie.until(held.holding.is_set)
        with running(kafka, courier_with(gateway=theirs)) as crm:
            crm.until(lambda: kafka.outcomes() == [SENT])
            held.let_go.set()
            for _ in range(20):
                zombie.turn()
    assert kafka.outcomes() == [SENT]
    # What it had begun may still arrive, under the id that the other one's has.
    assert {message.key for message in held.shown} <= {message.key for message in theirs.shown}


def test_put_out_member_that_gets_its_partitions_back_goes_on() -> None:
    kafka, gateway = Kafka(), FakeGateway()
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.turn()
        kafka.generation += 1
        kafka.write(*asked_for(NUMBER))
        for _ in range(5):
            crm.turn()
        assert gateway.tries == []
        crm.member.join()
        crm.until(lambda: kafka.outcomes() == [SENT])


def test_put_out_member_that_hears_nothing_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "_TOLD_WITHIN_S", 0.0)
    kafka = Kafka()
    with running(kafka, courier_with()) as crm:
        crm.turn()
        kafka.generation += 1
        kafka.write(*asked_for(NUMBER))
        with pytest.raises(BrokerRefused, match="start it again"):
            crm.until(lambda: False)


def test_partitions_that_go_are_given_up_once_their_sends_have_ended() -> None:
    kafka, gateway = Kafka(), HeldGateway()
    kafka.write(*asked_for(*numbers(3)))
    with running(kafka, courier_with(gateway=gateway, parallel=1)) as crm:
        crm.until(gateway.holding.is_set)
        crm.member.leave()
        gateway.let_go.set()
        crm.turn()
        assert len(kafka.told) == 1
        assert len(gateway.tries) == 1, "no send begins any more"
        crm.member.join()
        crm.until(lambda: len(kafka.told) == 3)
    assert len(gateway.shown) == 3


def test_what_was_said_before_the_partitions_went_and_came_back_begins_nothing() -> None:
    kafka, gateway = Kafka(), FakeGateway()
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        said = crm.desk.said
        crm.turn()
        stale = said.get(timeout=10.0)
        assert isinstance(stale, Begins)
        crm.member.lose()
        crm.member.join()
        answers: list[bool] = []
        said.put(Begins(request=stale.request, answer=answers.append))
        said.put(NotSent(request=stale.request))
        crm.until(lambda: kafka.outcomes() == [SENT])
    assert answers == [False]
    assert len(gateway.tries) == 1


def test_spare_crm_without_a_partition_is_ready() -> None:
    kafka = Kafka(partitions=0)
    with running(kafka, courier_with()) as crm:
        seen = [crm.intake.caught_up]
        crm.turn()
        seen.append(crm.intake.caught_up)
        crm.member.leave()
        crm.turn()
        seen.append(crm.intake.caught_up)
    assert seen == [False, True, False]


def test_partitions_that_were_lost_are_forgotten_without_a_word() -> None:
    kafka, gateway = Kafka(), HeldGateway()
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(gateway.holding.is_set)
        commits = kafka.commits
        crm.member.lose()
        crm.turn()
        gateway.let_go.set()
        for _ in range(10):
            crm.turn()
        assert kafka.commits == commits
        assert kafka.told == []


def test_stop_waits_for_a_send_under_way_and_tells_of_it() -> None:
    kafka, gateway = Kafka(), HeldGateway()
    kafka.write(*asked_for(NUMBER))
    crm = Crm(kafka, courier_with(gateway=gateway))
    crm.start()
    crm.until(gateway.holding.is_set)
    gateway.let_go.set()
    crm.stop()
    # The client says once more, as it closes, that the partitions go.
    crm.intake.gone(crm.member, [0])
    assert kafka.outcomes() == [SENT]
    assert not open_notes(kafka)


def test_stop_does_not_wait_for_ever_and_leaves_the_doubt_on_record() -> None:
    kafka, gateway = Kafka(), HeldGateway()
    kafka.write(*asked_for(NUMBER))
    crm = Crm(kafka, courier_with(gateway=gateway), ending_s=0.1)
    crm.start()
    crm.until(gateway.holding.is_set)
    crm.stop()
    assert kafka.told == []
    gateway.let_go.set()
    metrics = CrmMetrics()
    with running(kafka, courier_with(gateway=gateway, metrics=metrics), metrics) as again:
        again.until(lambda: kafka.outcomes() == [SENT])
    assert shown_figures(metrics)["doubtful_sends_total/restart"] == 1
