"""What is asked of a replay, and what came of it.

Owns the two shapes and what follows from them: which differences are left, and whether it is clean.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.rebuild.findings import Finding, Verdict
from pipelines.rebuild.unread import NOTHING_UNREAD, Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What to replay. `correlations`: only these, where any is named. `apply`: append it.

    `unreadable`: so many records cannot be read and are older than the dead letters.
    """

    correlations: frozenset[str] = frozenset()
    apply: bool = False
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What was found. `repairable`: by kind the ids that appending puts right, or has put right.

    `equal` are counts by kind; `underivable` is on the topics and can not be made from what is left
    of the sources, the beginning of which is `gone` from these topics. `unreadable` are dead
    letters, and `discarded` those of the sources of which nothing is to come; `unread_fault` is
    what is wrong with other records that could not be read, and empty for nothing. `aged` are the
    ids of missing facts that were told before the dead letters begin.
    """

    findings: tuple[Finding, ...]
    repairable: Mapping[str, tuple[str, ...]]
    equal: Mapping[str, int]
    underivable: int
    unreadable: int
    gone: tuple[str, ...]
    applied: bool
    seconds: float
    records: int
    discarded: int = 0
    unread: Unread = NOTHING_UNREAD
    unread_fault: str = ""
    aged: frozenset[str] = frozenset()

    def repairs(self, finding: Finding) -> bool:
        """Whether appending puts this one right."""
        return finding.verdict is Verdict.MISSING and finding.record_id in self.repairable.get(
            finding.kind, ()
        )

    @property
    def left(self) -> tuple[Finding, ...]:
        """What is not put right, or not yet."""
        return tuple(each for each in self.findings if not (self.applied and self.repairs(each)))

    @property
    def clean(self) -> bool:
        """Whether no difference is left, and none can be hidden in what was not read."""
        return not self.left and not self.unread_fault

    def counts(self) -> Counter[tuple[str, Verdict]]:
        """How many findings of each kind and verdict."""
        return Counter((each.kind, each.verdict) for each in self.findings)
