"""`python -m tests.mutants`: are the checkers any good?

Owns the command line. Exit 0: every mutant that was run is caught; 1: one survived; 2: the tree as
it is does not pass, or the command was used wrongly.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from pipelines.faults import EXIT_INTERRUPTED
from pipelines.interruption import stop_signals_interrupt
from pipelines.progress import progress
from tests.mutants.checkers import SEEDS, ChaosChecker, CheckerFailed, SimulationChecker
from tests.mutants.mutant import Catcher, Mutant
from tests.mutants.page import write
from tests.mutants.run_mutants import Checkers, Result, chosen, control, run_all
from tests.mutants.table import MUTANTS


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for and say what became of it."""
    options = _options(arguments)
    console = Console(soft_wrap=True, highlight=False)
    try:
        catcher = None if options.catcher is None else Catcher(options.catcher)
        mutants = list(chosen(MUTANTS, options.only, catcher))
    except KeyError as error:
        console.print(f"no such mutant: {error.args[0]}")
        return 2
    if options.list:
        for mutant in mutants:
            console.print(_listed(mutant), markup=False)
        return 0
    checkers: Checkers = {
        Catcher.SIMULATION: SimulationChecker(options.seeds),
        Catcher.CHAOS: ChaosChecker(),
    }
    try:
        with stop_signals_interrupt():
            if not options.no_control and not _passes_as_it_is(mutants, checkers, console):
                return 2
            results = _run(mutants, checkers, console)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    console.print(_summary(results))
    write(MUTANTS, results, datetime.now(UTC).date())
    survived = [result.mutant.name for result in results if not result.caught]
    console.print(f"{len(results) - len(survived)} of {len(results)} mutants are caught")
    return 1 if survived else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these mutants")
    parser.add_argument("--list", action="store_true", help="show the mutants and run nothing")
    parser.add_argument("--catcher", choices=list(Catcher), help="those of one checker")
    parser.add_argument(
        "--no-control", action="store_true", help="do not attack the tree as it is first"
    )
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="at most so many runs of the simulation each"
    )
    return parser.parse_args(arguments)


def _passes_as_it_is(mutants: Sequence[Mutant], checkers: Checkers, console: Console) -> bool:
    for catcher in dict.fromkeys(mutant.catcher for mutant in mutants):
        console.print(f"control: the {catcher} on the program as it is")
        try:
            verdict = control(catcher, checkers)
        except CheckerFailed as error:
            console.print(f"the {catcher} {error}")
            return False
        for finding in verdict.findings:
            console.print(f"the program itself breaks law {finding.law}: {finding.text}")
        if verdict.findings:
            return False
        console.print(f"control passed: {verdict.effort}, {verdict.seconds:.0f} s")
    return True


def _run(mutants: Sequence[Mutant], checkers: Checkers, console: Console) -> list[Result]:
    done = 0
    with progress("mutants", console=Console(stderr=True)) as advance:

        def tell(result: Result) -> None:
            nonlocal done
            done += 1
            soon = "" if result.verdict is None else f" ({result.verdict.effort})"
            console.print(f"{result.mutant.name}: {result.told}{soon}", markup=False)
            advance(done, len(mutants))

        advance(0, len(mutants))
        return run_all(mutants, checkers, tell)


def _listed(mutant: Mutant) -> str:
    laws = ", ".join(sorted(mutant.laws))
    return f"{mutant.name} ({mutant.area}; {mutant.catcher}, laws {laws}): {mutant.says}"


def _summary(results: Sequence[Result]) -> Table:
    table = Table("mutant", "result", "how soon")
    for each in results:
        soon = (
            "" if each.verdict is None else f"{each.verdict.effort}, {each.verdict.seconds:.0f} s"
        )
        table.add_row(each.mutant.name, each.told, soon)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
