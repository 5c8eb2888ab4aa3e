"""`python -m tests.chaos`: the service under faults on real Kafka, and whether its laws held.

Owns the command line and the exit code: 0 no law was broken, 1 some were (each is printed), 2 wrong
usage, 3 the run could not be begun. Ctrl-C ends everything that was started.
"""

import argparse
import dataclasses
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pipelines.faults import EXIT_INTERRUPTED, OperatorError
from pipelines.settings import ENV_PREFIX
from tests.chaos.options import MEANINGS, SCENARIOS, FaultKind, Options
from tests.chaos.report import summary, write_report
from tests.chaos.run import run_chaos

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; the exit code."""
    given = _parser().parse_args(arguments)
    for name in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        # The run decides every setting itself, in its own process too.
        del os.environ[name]
    options = _options(given)
    began_s = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began_s:7.1f} s  {line}", flush=True)

    say(f"scenario {options.name}: {options.scenario.meaning}; seed {options.seed}")
    try:
        verdict = run_chaos(
            options, say=say, advance=lambda done, total: say(f"{done} of {total} faults")
        )
    except OperatorError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        if options.kept:
            say(f"kept: {options.data_dir}")
        else:
            shutil.rmtree(options.data_dir, ignore_errors=True)
    print(summary(verdict))
    for path in options.reports:
        write_report(path, verdict)
    return 1 if verdict.findings.breaches else 0


def _options(given: argparse.Namespace) -> Options:
    name = "short" if given.short else given.scenario
    scenario = SCENARIOS[name]
    if given.only:
        weights = {kind: scenario.weights.get(kind, 1) for kind in given.only}
        scenario = dataclasses.replace(scenario, weights=weights)
    if given.faults is not None:
        scenario = dataclasses.replace(scenario, faults=given.faults)
    if given.brokers is not None:
        scenario = dataclasses.replace(scenario, brokers=given.brokers)
    return Options(
        scenario=scenario,
        name=name,
        seed=secrets.randbelow(1_000_000) if given.seed is None else given.seed,
        source=given.source.resolve(),
        data_dir=Path(tempfile.mkdtemp(prefix="giftcert-chaos-")),
        kept=given.keep,
        reports=tuple(given.report),
    )


def _parser() -> argparse.ArgumentParser:
    kinds = "\n".join(f"  {kind.value:22} {MEANINGS[kind]}" for kind in FaultKind)
    scenarios = "\n".join(f"  {name:22} {each.meaning}" for name, each in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        epilog=f"scenarios:\n{scenarios}\n\nkinds of faults:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--faults", type=int, metavar="N", help="how many faults in all")
    parser.add_argument("--seed", type=int, help="what the plan is drawn from (default: any)")
    parser.add_argument("--short", action="store_true", help="the scenario for CI")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="full")
    parser.add_argument("--only", type=_kinds, metavar="KIND,KIND", help="only these faults")
    parser.add_argument("--brokers", type=int, choices=(1, 3), help="another number of brokers")
    parser.add_argument(
        "--report",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="write a report: Markdown, or JSON where PATH ends in .json (may be given twice)",
    )
    parser.add_argument(
        "--source",
        type=Path,
        default=ROOT,
        metavar="DIR",
        help="the tree whose code the workers run (default: this one)",
    )
    parser.add_argument("--keep", action="store_true", help="keep topics, stores and logs")
    return parser


def _kinds(text: str) -> list[FaultKind]:
    try:
        return [FaultKind(word) for word in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
