"""Putting each mutant in, letting its checker attack it, and judging what was found.

Owns the judgement: a mutant is caught only by a breach of a law that the defect breaks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

from tests.mutants.checkers import Checker, CheckerFailed, Finding, Verdict, stop_running
from tests.mutants.copied_tree import copied_tree
from tests.mutants.mutant import Catcher, Mutant, NotApplied

AT_ONCE: Final[Mapping[Catcher, int]] = {Catcher.SIMULATION: 2, Catcher.CHAOS: 1}
"""A chaos run has three brokers of its own: two of them would measure each other."""

Checkers = Mapping[Catcher, Checker]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one mutant. `trouble` says why there is no verdict."""

    mutant: Mutant
    verdict: Verdict | None = None
    trouble: str | None = None

    @property
    def proof(self) -> Finding | None:
        """The first breach that fits the defect."""
        found = () if self.verdict is None else self.verdict.findings
        return next((each for each in found if each.law in self.mutant.laws), None)

    @property
    def caught(self) -> bool:
        """Whether the checker noticed the defect, and not something else."""
        return self.proof is not None

    @property
    def told(self) -> str:
        """The result in a few words."""
        if self.verdict is None:
            return f"no verdict: {self.trouble}"
        if self.proof is not None:
            return f"caught, law {self.proof.law}"
        if self.verdict.findings:
            other = self.verdict.findings[0]
            laws = ", ".join(dict.fromkeys(each.law for each in self.verdict.findings))
            return f"SURVIVED: breaches of {laws} are not of its laws: {other.text}"
        return "SURVIVED"


def attacked(mutant: Mutant, checkers: Checkers) -> Result:
    """Let the mutant's checker attack it."""
    try:
        with copied_tree(mutant) as tree:
            verdict = checkers[mutant.catcher].attack(tree, mutant.faults)
            return Result(mutant=mutant, verdict=verdict)
    except (NotApplied, CheckerFailed) as error:
        return Result(mutant=mutant, trouble=str(error))


def control(catcher: Catcher, checkers: Checkers) -> Verdict:
    """The same attack on the tree as it is: it must find nothing, or no result means anything."""
    with copied_tree(None) as tree:
        return checkers[catcher].attack(tree)


def run_all(
    mutants: Sequence[Mutant], checkers: Checkers, tell: Callable[[Result], None]
) -> list[Result]:
    """Every mutant's result, in their order; `tell` hears of each as it comes."""
    results: dict[str, Result] = {}
    for catcher, at_once in AT_ONCE.items():
        due = [mutant for mutant in mutants if mutant.catcher is catcher]
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            running = [pool.submit(attacked, mutant, checkers) for mutant in due]
            try:
                for done in as_completed(running):
                    result = done.result()
                    results[result.mutant.name] = result
                    tell(result)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                stop_running()
                raise
    return [results[mutant.name] for mutant in mutants]


def chosen(
    mutants: Sequence[Mutant], names: Sequence[str], catcher: Catcher | None
) -> Iterator[Mutant]:
    """Those of these names, or all; and of that checker. KeyError for a name that none has."""
    unknown = set(names) - {mutant.name for mutant in mutants}
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    for mutant in mutants:
        if (not names or mutant.name in names) and catcher in (None, mutant.catcher):
            yield mutant
