"""What of a replay's findings is put right by appending, and the appending.

Owns the judgement of what is sound to append (docs/decisions/0028 says why) and the one transaction
that does it: all of it or nothing.
"""

from collections.abc import Collection, Mapping, Sequence

from pipelines.rebuild.derived import Written
from pipelines.rebuild.findings import COMMAND, DELIVERY, FACT, Compared, Finding, Verdict
from pipelines.rebuild.log_writer import LogTransaction
from pipelines.settings import Settings
from pipelines.topics import topic_name
from state.certificate.commands import Command
from state.correlation.facts import Fact


def repairs_of(findings: Sequence[Finding]) -> dict[str, tuple[str, ...]]:
    """The ids, by kind, that appending puts right.

    A fact that is missing is a half that arrives late, and is judged as such; but not beside a fact
    of the same correlation that says something else than its source. A command is only sent where
    its correlation knows the same facts as ever, and nothing else was asked in its place. What was
    delivered is about itself alone.
    """
    facts = [each for each in findings if each.kind == FACT]
    wrong = {each.about for each in facts if each.verdict is not Verdict.MISSING}
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
    settings: Settings,
    compared: Mapping[str, Compared[Fact] | Compared[Command]],
    repairs: Mapping[str, Sequence[str]],
) -> None:
    """Append what is missing, all of it or nothing, in the order in which it was derived."""
    if not any(repairs.values()):
        return
    with LogTransaction(settings, f"{settings.correlator_group}-replay") as transaction:
        for kind, record_ids in repairs.items():
            for record_id in record_ids:
                for written in compared[kind].written(record_id):
                    _put(transaction, settings, written)


def _put(transaction: LogTransaction, settings: Settings, written: Written) -> None:
    name = topic_name(written.topic, settings)
    transaction.put(name, written.key, written.value, written.headers)
