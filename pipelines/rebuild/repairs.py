"""What of a replay's findings is put right by appending, and the appending.

Owns the judgement of what is sound to append (docs/decisions/0028 says why), and its being put into
a transaction that somebody else began before anything was read.
"""

from collections.abc import Collection, Mapping, Sequence

from pipelines.rebuild.findings import COMMAND, DELIVERY, FACT, Compared, Finding, Verdict
from pipelines.rebuild.log_writer import LogTransaction
from pipelines.settings import Settings
from pipelines.topics import topic_name
from state.certificate.commands import Command
from state.correlation.facts import Fact

Aged = Collection[str]
"""Ids of facts that were told before the dead letters begin."""


def aged_of(facts: Compared[Fact], findings: Sequence[Finding], since_ms: int) -> frozenset[str]:
    """The ids of the missing facts of which the source is older than any dead letter.

    One is not there, perhaps because it was broken and a person discarded it: nobody knows any
    more.
    """
    return frozenset(
        each.record_id
        for each in findings
        if each.kind == FACT
        and each.verdict is Verdict.MISSING
        and any(
            written.told_ms is not None and written.told_ms < since_ms
            for written in facts.written(each.record_id)
        )
    )


def repairs_of(findings: Sequence[Finding], aged: Aged = ()) -> dict[str, tuple[str, ...]]:
    """The ids, by kind, that appending puts right.

    A fact that is missing is a half that arrives late, and is judged as such; but not beside a fact
    of the same correlation that says something else than its source. A command is only sent where
    its correlation knows the same facts as ever, and nothing else was asked in its place. What was
    delivered is about itself alone. No fact that is `aged` is appended, nor what is beside it.
    """
    facts = [each for each in findings if each.kind == FACT]
    wrong = {
        each.about
        for each in facts
        if each.verdict is not Verdict.MISSING or each.record_id in aged
    }
    commands = [each for each in findings if each.kind == COMMAND]
    moved = {each.about for each in facts}
    moved |= {each.about for each in commands if each.verdict is not Verdict.MISSING}

    def missing(kind: str, without: Collection[str]) -> tuple[str, ...]:
        return tuple(
            each.record_id
            for each in findings
            if each.kind == kind and each.verdict is Verdict.MISSING and each.about not in without
        )

    return {
        FACT: missing(FACT, wrong),
        DELIVERY: missing(DELIVERY, ()),
        COMMAND: missing(COMMAND, moved),
    }


def append(
    transaction: LogTransaction,
    settings: Settings,
    compared: Mapping[str, Compared[Fact] | Compared[Command]],
    repairs: Mapping[str, Sequence[str]],
) -> None:
    """Append what is missing, in the order in which it was derived."""
    for kind, record_ids in repairs.items():
        for record_id in record_ids:
            for written in compared[kind].written(record_id):
                name = topic_name(written.topic, settings)
                transaction.put(name, written.key, written.value, written.headers)
