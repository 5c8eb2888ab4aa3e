"""Whether the service was there: it came back, nobody met a bug, and every story came to its end.

Owns which ends of a worker a fault explains. An orchestrator starts a worker again whatever its
exit code; only one code says that a bug was met, and only harm to a disk may explain that.
"""

import signal
from collections.abc import Sequence
from typing import Final

from pipelines.faults import EXIT_BUG
from tests.chaos.breaches import Findings, Law
from tests.chaos.faults import FaultRecord
from tests.chaos.fleet import WorkerEnd
from tests.chaos.history import History
from tests.chaos.options import FaultKind

_HARMS_A_DISK: Final = frozenset(
    {FaultKind.TRUNCATE_FILE, FaultKind.FLIP_BYTES, FaultKind.FULL_DISK}
)
_SLEEP_REFUSED: Final = "OSError: [Errno 22] Invalid argument"
"""What libfaketime makes of a sleep while it sets the clock: its own fault, no worker's."""
_SAID_LINES: Final = 3


def judge_ends(
    ends: Sequence[WorkerEnd], faults: Sequence[FaultRecord], findings: Findings
) -> None:
    """No worker met a bug that no fault explains, and whoever was asked to end ended well."""
    for end in ends:
        findings.looked_at("ends of workers that were asked to" if end.asked else "ends by itself")
        bug = end.code == EXIT_BUG or end.code < 0
        if not bug and not (end.asked and end.code != 0):
            continue
        if _had_not_begun(end):
            findings.looked_at("ends of workers before they had begun")
            continue
        if not _explained(end, faults):
            said = " | ".join(end.said.splitlines()[-_SAID_LINES:])
            asked = "was asked to end and " if end.asked else ""
            text = f"{end.worker} {asked}ended with exit code {end.code}: {said}"
            findings.breach(Law.SERVING, text)


def _had_not_begun(end: WorkerEnd) -> bool:
    """Whether it was asked to end while Python still read its modules, before its first word.

    There is nobody yet who could hear a signal, and nothing that could be left undone.
    """
    return end.asked and end.code == -signal.SIGTERM and not end.said.strip()


def _explained(end: WorkerEnd, faults: Sequence[FaultRecord]) -> bool:
    """Whether a fault was at the worker's disk or clock, and it had not been well since."""
    refused = end.said.rstrip().endswith(_SLEEP_REFUSED)
    return any(
        (fault.kind in _HARMS_A_DISK or (fault.kind is FaultKind.JUMP_CLOCK and refused))
        and fault.target == end.worker
        and fault.began_ns <= end.at_ns <= fault.whole_ns
        for fault in faults
    )


def judge_lives(history: History, findings: Findings) -> None:
    """No customer waited in vain, and none was told of a bug."""
    for life, how in history.lives.items():
        findings.looked_at("customers")
        if how.startswith("stuck"):
            findings.breach(Law.SERVING, f"{life} waited in vain: {how}")
    for operation in history.operations.values():
        for attempt in operation.attempts:
            answer = attempt.answer
            if answer is None:
                continue
            if answer.status in (422, 500):
                text = f"{operation.operation} {operation.key} was told {answer.problem}"
                findings.breach(Law.SERVING, text)
            if answer.status == 404:
                text = f"{operation.operation} {operation.key} was told that there is no such"
                findings.breach(Law.READS, text)
