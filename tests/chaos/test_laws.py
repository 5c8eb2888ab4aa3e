"""Each check catches what is forged for it, and nothing in a run that is right.

Every forging changes one thing in what a run leaves behind: a line of a journal, or a record of a
topic. The law named beside it must be found broken.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace as with_fields

import msgspec
import pytest

from pipelines.stages.record import Incoming
from pipelines.topics import COMMANDS, DLQ, INDEX, REPLIES, STREAM
from tests.chaos.breaches import Breach, Findings, Law
from tests.chaos.forged import Forged
from tests.chaos.forged_run import a_run
from tests.chaos.history import history_of
from tests.chaos.journal import Answered, Invoked, LifeEnded, Line
from tests.chaos.judgement import LOOKED_AT, Material, judge, judge_evidence


def judged(run: Forged) -> Findings:
    findings = Findings()
    evidence = run.evidence()
    material = Material(
        history=history_of([run.lines]),
        evidence=evidence,
        seen=run.seen(),
        stores={},
        ends=[],
        faults=[],
    )
    judge(material, findings, lambda _line: None)
    # Nobody keeps stores in memory: they have a test of their own.
    findings.breaches = [each for each in findings.breaches if each.law is not Law.STORES]
    return findings


def test_judging_a_run_that_is_right_finds_nothing_and_looks_at_everything() -> None:
    findings = judged(a_run())
    assert findings.breaches == []
    for what in (
        "operations",
        "acknowledged changes",
        "refusals",
        "reads",
        "purchases",
        "redemptions",
        "refunds",
        "deliveries",
        "outputs",
        "replies",
    ):
        assert findings.checked[what] > 0, what


@pytest.mark.parametrize("missing", LOOKED_AT)
def test_a_run_that_had_nothing_of_a_kind_to_look_at_proves_nothing(missing: str) -> None:
    findings = Findings(checked=Counter(dict.fromkeys(LOOKED_AT, 1)))
    judge_evidence(findings)
    assert findings.breaches == []
    del findings.checked[missing]
    judge_evidence(findings)
    assert findings.breaches == [Breach(law=Law.EVIDENCE, text=f"there were no {missing}")]


# What can be forged


def edit(run: Forged, chosen: Callable[[Line], bool], change: Callable[[Line], Line]) -> None:
    """Change the last line of the journal that is meant."""
    place = max(place for place, line in enumerate(run.lines) if chosen(line))
    run.lines[place] = change(run.lines[place])


def answer_to(run: Forged, operation: str) -> Callable[[Line], bool]:
    calls = {
        line.call for line in run.lines if isinstance(line, Invoked) and line.operation == operation
    }
    return lambda line: isinstance(line, Answered) and line.call in calls


def tell_another(run: Forged, operation: str, **content: object) -> None:
    """Let the last answer to an operation say something else."""

    def change(line: Line) -> Line:
        assert isinstance(line, Answered)
        return msgspec.structs.replace(line, content={**line.content, **content})

    edit(run, answer_to(run, operation), change)


def change_answer(run: Forged, operation: str, **fields: object) -> None:
    edit(run, answer_to(run, operation), lambda line: msgspec.structs.replace(line, **fields))


def repeat_with_another_answer(run: Forged) -> None:
    asked = next(
        line for line in run.lines if isinstance(line, Invoked) and line.operation == "capture"
    )
    told = next(
        line for line in run.lines if isinstance(line, Answered) and line.call == asked.call
    )
    run.lines.append(msgspec.structs.replace(asked, call=900, at_ns=asked.at_ns + 1))
    content = {**told.content, "held": "9.00"}
    run.lines.append(msgspec.structs.replace(told, call=900, content=content))


def grant_what_is_not_in_the_log(run: Forged) -> None:
    asked = next(
        line for line in run.lines if isinstance(line, Invoked) and line.operation == "lock"
    )
    told = next(
        line for line in run.lines if isinstance(line, Answered) and line.call == asked.call
    )
    run.lines.append(msgspec.structs.replace(asked, call=901, key="C0-000001/never"))
    run.lines.append(msgspec.structs.replace(told, call=901))


def swap_times(run: Forged) -> None:
    """The lock began after the unlock had ended, and is before it in the log."""
    edit(
        run,
        lambda line: isinstance(line, Invoked) and line.operation == "lock",
        lambda line: msgspec.structs.replace(line, at_ns=10**15),
    )


def say_unavailable(run: Forged) -> None:
    edit(
        run,
        lambda line: (
            isinstance(line, Invoked) and line.operation == "authorize" and not line.wrong_code
        ),
        lambda line: msgspec.structs.replace(line, body={"amount": "1.00"}),
    )


def accept_a_wrong_code(run: Forged) -> None:
    place = min(
        place
        for place, line in enumerate(run.lines)
        if isinstance(line, Invoked) and line.operation == "authorize"
    )
    line = run.lines[place]
    assert isinstance(line, Invoked)
    run.lines[place] = msgspec.structs.replace(line, wrong_code=True)


def refuse_a_right_code(run: Forged) -> None:
    edit(
        run,
        lambda line: isinstance(line, Invoked) and line.wrong_code,
        lambda line: msgspec.structs.replace(line, wrong_code=False),
    )


def read_what_never_was(run: Forged) -> None:
    tell_another(run, "readBalance", remainingBalance="77.00", available="77.00")


def read_an_old_state(run: Forged) -> None:
    """The read after the capture shows the state before it, though it sent its position."""
    answers = [line for line in run.lines if answer_to(run, "readBalance")(line)]
    first, second = answers[0], answers[1]
    assert isinstance(first, Answered)
    place = run.lines.index(second)
    run.lines[place] = msgspec.structs.replace(second, content=first.content)


def read_nothing(run: Forged) -> None:
    change_answer(run, "readBalance", status=404, content={})


def any_record(_record: Incoming) -> bool:
    return True


def unheard_of(run: Forged) -> None:
    """The caller was killed, and what it asked for happened twice."""
    answered = answer_to(run, "lock")
    run.lines = [line for line in run.lines if not answered(line)]
    run.performed_again("lock")


def lose_a_command(run: Forged) -> None:
    run.lose(COMMANDS, lambda record: b"C0-000001-buy" in (record.value or b""))


def write_dead_letter(run: Forged) -> None:
    run.records[DLQ.name].append(with_fields(run.records[STREAM.name][0], topic=DLQ.name))


def move_record(run: Forged) -> None:
    """An entry of the index lies where its key does not belong."""
    last = run.records[INDEX.name][-1]
    run.records[INDEX.name][-1] = with_fields(last, partition=(last.partition + 1) % 6, offset=99)


def wait_in_vain(run: Forged) -> None:
    edit(
        run,
        lambda line: isinstance(line, LifeEnded),
        lambda line: msgspec.structs.replace(line, how="stuck until-active"),
    )


FORGINGS: list[tuple[str, Callable[[Forged], None], Law]] = [
    (
        "an answer tells another balance",
        lambda r: tell_another(r, "capture", remainingBalance="1.00"),
        Law.ACKNOWLEDGED,
    ),
    (
        "an answer tells another version",
        lambda r: tell_another(r, "capture", version=99),
        Law.ACKNOWLEDGED,
    ),
    (
        "an answer tells another number",
        lambda r: tell_another(r, "takeNext", certificateId="GC-00000002"),
        Law.ACKNOWLEDGED,
    ),
    (
        "an answer tells another position",
        lambda r: change_answer(r, "lock", position="0.99999"),
        Law.ACKNOWLEDGED,
    ),
    ("a grant is not in the log", grant_what_is_not_in_the_log, Law.ACKNOWLEDGED),
    (
        "a refusal had its effect",
        lambda r: change_answer(r, "lock", status=409, problem="locked"),
        Law.ACKNOWLEDGED,
    ),
    ("a repeat is told something else", repeat_with_another_answer, Law.SAME_ANSWER),
    ("a command is performed twice", lambda r: r.performed_again("lock"), Law.ONCE),
    ("a request nobody heard of is done twice", unheard_of, Law.ONCE),
    (
        "a sold number is given out again",
        lambda r: r.event_again("reserve", causationId="another"),
        Law.NUMBERS,
    ),
    (
        "a number is issued again",
        lambda r: r.event_again("issue", causationId="another"),
        Law.NUMBERS,
    ),
    ("one call ended before another began, and is later", swap_times, Law.ORDER),
    ("there was money for what was refused", say_unavailable, Law.REFUSALS),
    ("a wrong code opened", accept_a_wrong_code, Law.REFUSALS),
    ("a right code was refused", refuse_a_right_code, Law.REFUSALS),
    ("a read tells what never was", read_what_never_was, Law.READS),
    ("a read is older than its position", read_an_old_state, Law.READS),
    ("a read tells that there is none", read_nothing, Law.READS),
    ("an event is lost", lambda r: r.lose(STREAM, any_record), Law.OUTPUTS),
    ("an event is there twice", lambda r: r.write_again(STREAM, any_record), Law.EVENTS),
    ("a sequence has a gap", lambda r: r.lose_event("capture"), Law.EVENTS),
    ("a reply is lost", lambda r: r.lose(REPLIES, any_record), Law.OUTPUTS),
    ("a reply is there twice", lambda r: r.write_again(REPLIES, any_record), Law.REPLIES),
    ("an entry of the index is in another partition", move_record, Law.OUTPUTS),
    (
        "an entry of the index is there twice",
        lambda r: r.write_again(INDEX, any_record),
        Law.OUTPUTS,
    ),
    ("a command of the correlator is lost", lose_a_command, Law.OUTPUTS),
    ("a purchase that was paid is not active", lambda r: r.lose_event("activate"), Law.SOURCES),
    ("goods were never redeemed", lambda r: r.lose_event("redeem.partial"), Law.SOURCES),
    ("a refund never landed", lambda r: r.lose_event("refund"), Law.SOURCES),
    ("a delivery was never noted", lambda r: r.lose_event("notification.sent"), Law.SOURCES),
    ("something is on the dead letter queue", write_dead_letter, Law.DEAD_LETTERS),
    ("a customer waited in vain", wait_in_vain, Law.SERVING),
    (
        "a caller was told of a bug",
        lambda r: change_answer(r, "unlock", status=500, problem="internal-error"),
        Law.SERVING,
    ),
]


@pytest.mark.parametrize(
    ("forge", "law"), [pytest.param(forge, law, id=name) for name, forge, law in FORGINGS]
)
def test_judging_a_forged_run_finds_the_law_that_is_broken(
    forge: Callable[[Forged], None], law: Law
) -> None:
    run = a_run()
    forge(run)
    assert law in {breach.law for breach in judged(run).breaches}


def test_every_law_is_shown_to_be_found_broken() -> None:
    """The audit's own laws are forged where the audit is tested."""
    elsewhere = {Law.LIVE_READER, Law.STORES, Law.AUDIT, Law.EVIDENCE}
    assert {law for _, _, law in FORGINGS} | elsewhere == set(Law)
