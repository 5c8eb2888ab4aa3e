"""What proofs, rebuilds and replays say to a person and to a program."""

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.rebuild.differences import Compared, Difference
from pipelines.rebuild.findings import COMMAND, DELIVERY, FACT, Finding, Verdict
from pipelines.rebuild.past import PastResult
from pipelines.rebuild.presentation import (
    past_json,
    rebuild_json,
    report_json,
    show,
    show_past,
    show_rebuild,
)
from pipelines.rebuild.rebuild import RebuildReport
from pipelines.rebuild.replay_presentation import replay_json, show_replay
from pipelines.rebuild.replay_report import ReplayReport
from pipelines.rebuild.unread import Unread
from pipelines.rebuild.verify import Earlier, VerifyReport, proof_of
from pipelines.rebuild.verify_past import PastReport
from pipelines.stores import StoreName
from tests.pipelines.rebuild.log_in_memory import SETTINGS
from tests.pipelines.rebuild.test_proof import result

EQUAL = result(0, live_hash="hash-0", live_records=2)
WRONG = result(
    1,
    live_hash="x",
    compared=Compared(
        count=70,
        first=tuple(
            Difference(kind="certificate", subject=f"…{each:04d}", what="missing in the store")
            for each in range(60)
        ),
    ),
)
PROVEN = proof_of([result(0)], SETTINGS).proven[0]


def screen() -> tuple[Console, StringIO]:
    shown = StringIO()
    return Console(file=shown, width=160), shown


def shown_of(report: VerifyReport) -> str:
    console, shown = screen()
    show(report, console)
    return shown.getvalue()


def report(*results: object, **changes: object) -> VerifyReport:
    made = VerifyReport(results=(EQUAL,), earlier=(), workers=2, seconds=2.0)
    return replace(made, results=results or made.results, **changes)  # type: ignore[arg-type]  # a test's table


def test_equal_stores_are_said_to_be_equal_with_rate_and_offsets() -> None:
    text = shown_of(report())
    assert "0..9" in text
    assert "equal: 2 records in 1 partitions of 2 live workers, key by key" in text
    assert "3 records of the topics folded in 2.0 s, 2 a second" in text
    body = report_json(report())
    assert (body["equal"], body["workers"], body["rate"]) == (True, 2, 2)
    assert (body["stores"][0]["from"], body["stores"][0]["to"]) == (0, 9)


def test_differences_are_named_some_and_counted_all() -> None:
    text = shown_of(report(EQUAL, WRONG))
    assert "DIFFERENT in 70 keys" in text
    assert "pools[1] certificate of …0049: missing in the store" in text
    assert "…0050" not in text
    assert "and 20 more" in text
    assert "1 of 2 partitions DIFFER from the log" in text
    body = report_json(report(EQUAL, WRONG))
    assert (body["equal"], body["stores"][1]["differing"]) == (False, 70)
    assert len(body["stores"][1]["differences"]) == 60


def test_stores_that_were_not_asked_are_said_not_to_have_been() -> None:
    text = shown_of(report(result(0), workers=None))
    assert "the live stores were not asked" in text
    assert "equal" not in text


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ("hash-0", "1 of 1 partitions fold into the hash of the earlier proof"),
        ("other", "pools[0] at offset 9: was hash-0, and is other now"),
        (None, "pools[0] at offset 9: the earlier proof was further than this one is"),
    ],
)
def test_earlier_proof_is_said_to_hold_or_where_it_does_not(now: str | None, says: str) -> None:
    text = " ".join(shown_of(report(earlier=(Earlier(proven=PROVEN, now=now),))).split())
    assert says in text


def test_verification_that_could_not_read_everything_says_that_it_proves_nothing() -> None:
    unread = Unread(count=7)
    unsure = report(unread=unread, unread_fault="seven cannot be read")
    assert "NOTHING IS PROVEN: seven cannot be read" in shown_of(unsure)
    body = report_json(unsure)
    assert (body["equal"], body["unread"]) == (False, {"count": 7, "fault": "seven cannot be read"})
    assert report_json(report())["unread"] == {"count": 0, "fault": None}


def test_past_shows_money_and_how_sure_it_is() -> None:
    certificates = PastResult(
        fold=result(0, store=StoreName.CERTIFICATES),
        money={"RUB": (2, 500_00, 10_00, 100_00, 0, 410_00, 0)},
        certificates=7,
    )
    past = PastReport(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        results=(certificates,),
        earlier=(),
        open_ended=1,
        seconds=1.0,
    )
    console, shown = screen()
    show_past(past, console)
    text = shown.getvalue()
    for words in ("500.00", "410.00", "7 certificates agree with the stream", "in 1 partitions"):
        assert words in text
    body = past_json(past)
    assert (body["agrees"], body["money"][0]["remaining"]) == (True, "410.00")
    wrong = replace(certificates, disagreeing=1, disagreements=("…1234: something",))
    console, shown = screen()
    show_past(replace(past, results=(wrong,), open_ended=0), console)
    assert "…1234: something" in shown.getvalue()
    assert "DO NOT AGREE" in shown.getvalue()
    unsure = replace(past, unread_fault="one cannot be read")
    console, shown = screen()
    show_past(unsure, console)
    assert "NOTHING IS PROVEN: one cannot be read" in shown.getvalue()
    assert (unsure.holds, past_json(unsure)["unread"]["fault"]) == (False, "one cannot be read")
    unexplained = replace(certificates, money={"RUB": (2, 500_00, 0, 0, 0, 410_00, 0)})
    assert not replace(past, results=(unexplained,)).holds


@pytest.mark.parametrize(
    ("written", "into", "says"),
    [
        (True, None, "the changelogs are whole: 2 records written in 0.5 s, 4 a second"),
        (False, None, "nothing was written; it would be 2 records"),
        (False, Path("stores"), "2 records in stores under stores"),
    ],
)
def test_rebuild_says_what_it_did_and_what_comes_next(
    written: bool, into: Path | None, says: str
) -> None:
    done = RebuildReport(results=(result(0),), written=written, fold_s=1.0, write_s=0.5)
    console, shown = screen()
    show_rebuild(done, console, into=into)
    assert says in shown.getvalue()
    assert ("then run `giftcert verify`" in shown.getvalue()) is written
    assert rebuild_json(done)["records"] == 2


@pytest.mark.parametrize("store", StoreName)
def test_rebuild_of_correlations_says_that_a_replay_looks_for_commands_never_sent(
    store: StoreName,
) -> None:
    console, shown = screen()
    done = RebuildReport(results=(result(0, store=store),), written=True, fold_s=1.0, write_s=0.5)
    show_rebuild(done, console, into=None)
    warned = "run `giftcert replay --apply` before a correlator is started" in shown.getvalue()
    assert warned is (store is StoreName.CORRELATIONS)


def found(kind: str, verdict: Verdict, record_id: str) -> Finding:
    return Finding(kind=kind, verdict=verdict, record_id=record_id, about="a", text="text")


REPLAY = ReplayReport(
    findings=(
        found(FACT, Verdict.MISSING, "fact-1"),
        found(FACT, Verdict.DIFFERENT, "fact-2"),
        found(COMMAND, Verdict.EXTRA, "command-1"),
        found(COMMAND, Verdict.MISSING, "command-2"),
    ),
    repairable={FACT: ("fact-1",), DELIVERY: (), COMMAND: ()},
    equal={FACT: 5, DELIVERY: 0, COMMAND: 4},
    underivable=3,
    unreadable=1,
    gone=("All_Payments",),
    applied=False,
    seconds=1.0,
    records=20,
)


def replay_text(report: ReplayReport) -> str:
    console, shown = screen()
    show_replay(report, console)
    return shown.getvalue()


def test_replay_says_of_each_difference_what_puts_it_right() -> None:
    text = replay_text(REPLAY)
    for words in (
        "fact fact-1: missing, text (--apply appends it)",
        "fact fact-2: different, text (not by appending: its owner tells it again",
        "command command-1: extra, text (not by appending: what was written stays",
        "command command-2: missing, text (not by appending: its correlation has other",
        "3 records can not be made again",
        "the beginning of All_Payments is gone",
        "1 records can not be read",
        "4 differences, of which --apply repairs 1; 20 records",
    ):
        assert words in text
    body = replay_json(REPLAY)
    assert (body["left"], body["differences"][0]["repairable"]) == (4, True)
    assert body["counts"]["facts"] == {"equal": 5, "missing": 1, "different": 1, "extra": 0}


def test_replay_that_was_applied_says_what_is_left() -> None:
    applied = replace(REPLAY, applied=True)
    assert "fact fact-1: missing, text (appended)" in replay_text(applied)
    assert "1 records appended, 3 of 4 differences left" in replay_text(applied)
    assert replay_json(applied)["left"] == 3


def test_replay_that_could_not_read_everything_is_not_clean_and_says_why() -> None:
    blind = replace(REPLAY, findings=(), unread=Unread(count=2), unread_fault="two are unreadable")
    assert not blind.clean
    text = replay_text(blind)
    assert "NOTHING IS PROVEN: two are unreadable" in text
    assert "today's code makes what is on the topics" not in text
    assert replay_json(blind)["unread"] == {"count": 2, "fault": "two are unreadable"}


def test_replay_says_what_a_person_discarded_and_what_nobody_knows_any_more() -> None:
    aged = replace(REPLAY, discarded=3, aged=frozenset({"fact-1"}), repairable={})
    text = replay_text(aged)
    assert "3 records of the sources were discarded by a person" in text
    assert "fact fact-1: missing, text (not by appending: its source is older" in text
    assert replay_json(aged)["discarded"] == 3


def test_replay_that_finds_nothing_says_so_and_many_are_shortened() -> None:
    nothing = replace(REPLAY, findings=(), underivable=0, unreadable=0)
    assert "today's code makes what is on the topics" in replay_text(nothing)
    many = replace(REPLAY, findings=REPLAY.findings * 50)
    assert "and 100 more; --json has them all" in replay_text(many)
