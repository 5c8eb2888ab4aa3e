"""All checks of a run, in one call.

Owns their order and nothing else: each law is in a file of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.breaches import Findings, Law
from tests.chaos.evidence import Evidence
from tests.chaos.faults import FaultRecord
from tests.chaos.fleet import WorkerEnd
from tests.chaos.history import History
from tests.chaos.law_calls import judge_calls, judge_once, judge_order
from tests.chaos.law_outputs import Place, folded, judge_outputs, judge_replies, judge_stores
from tests.chaos.law_reads import judge_reads
from tests.chaos.law_refusals import judge_refusals
from tests.chaos.law_service import judge_ends, judge_lives
from tests.chaos.law_sources import judge_sources
from tests.chaos.law_stream import judge_live_reader, judge_numbers, judge_stream
from tests.chaos.live_reader import Seen

LOOKED_AT: Final = (
    "acknowledged changes",
    "certificates audited",
    "certificates compared live",
    "commands performed",
    "customers",
    "deliveries",
    "events",
    "events seen by the live reader",
    "numbers",
    "operations put in order",
    "outputs",
    "purchases",
    "reads",
    "records in stores",
    "redemptions",
    "refunds",
    "refusals",
    "repeated answers",
    "replies",
    "source records",
)
"""What every run has to have had, whatever its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything a run leaves behind to be judged."""

    history: History
    evidence: Evidence
    seen: Sequence[Seen]
    stores: Mapping[Place, Path]
    ends: Sequence[WorkerEnd]
    faults: Sequence[FaultRecord]


def judge(material: Material, findings: Findings, say: Callable[[str], None]) -> None:
    """Hold everything to every law."""
    history, evidence = material.history, material.evidence
    say("judging the calls")
    judge_calls(history, evidence, findings)
    judge_once(evidence, findings)
    judge_order(history, evidence, findings)
    judge_refusals(history, evidence, findings)
    judge_reads(history, evidence, findings)
    say("judging the stream and the source records")
    judge_stream(evidence, findings)
    judge_numbers(evidence, findings)
    judge_live_reader(material.seen, evidence, findings)
    judge_sources(history, evidence, findings)
    say("folding every topic again")
    fold = folded(evidence)
    judge_outputs(evidence, fold, findings)
    judge_replies(evidence, findings)
    judge_stores(material.stores, fold, evidence.settings.partitions, findings)
    judge_ends(material.ends, material.faults, findings)
    judge_lives(history, findings)


def judge_evidence(findings: Findings) -> None:
    """Whether there was something to hold to every law; when all else was judged."""
    for what in LOOKED_AT:
        if not findings.checked[what]:
            findings.breach(Law.EVIDENCE, f"there were no {what}")
