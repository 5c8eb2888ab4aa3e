"""`python -m tests.rehearsal`: upgrades, rollbacks and drains on real Kafka, and what callers felt.

Owns the command line and the exit code: 0 no law was broken and no partition was without an answer
for too long, 1 otherwise (each is printed), 2 wrong usage, 3 it could not be begun.
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
from tests.flow.source_trees import previous_version, unpack
from tests.rehearsal.options import MEANINGS, SCENARIOS, Options, Step
from tests.rehearsal.rehearse import rehearse
from tests.rehearsal.report import summary, write_report
from tests.repository_history import ROOT, NoHistory


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; the exit code."""
    given = _parser().parse_args(arguments)
    for name in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        # The rehearsal decides every setting itself, in its own process too.
        del os.environ[name]
    began_s = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began_s:7.1f} s  {line}", flush=True)

    folder = Path(tempfile.mkdtemp(prefix="giftcert-rehearsal-"))
    try:
        options = _options(given, folder)
        say(f"{options.name}: {options.scenario.meaning}; seed {options.seed}")
        rehearsal = rehearse(options, say=say)
    except (OperatorError, NoHistory) as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        if given.keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(summary(rehearsal))
    for path in given.report:
        write_report(path, rehearsal)
    return 1 if rehearsal.verdict.findings.breaches else 0


def _options(given: argparse.Namespace, folder: Path) -> Options:
    scenario = SCENARIOS[given.scenario]
    if given.steps:
        scenario = dataclasses.replace(scenario, steps=tuple(given.steps))
    if given.brokers is not None:
        scenario = dataclasses.replace(scenario, brokers=given.brokers)
    if given.away is not None:
        scenario = dataclasses.replace(scenario, away_s=tuple(given.away))
    version = given.version or previous_version()
    return Options(
        scenario=scenario,
        name=given.scenario,
        seed=secrets.randbelow(1_000_000) if given.seed is None else given.seed,
        version=version,
        earlier=unpack(version, folder / "earlier"),
        today=given.source.resolve(),
        data_dir=folder / "run",
        settings=dict(given.set),
        kept=given.keep,
    )


def _parser() -> argparse.ArgumentParser:
    steps = "\n".join(f"  {step.value:18} {MEANINGS[step]}" for step in Step)
    scenarios = "\n".join(f"  {name:18} {each.meaning}" for name, each in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.rehearsal",
        description=__doc__,
        epilog=f"scenarios:\n{scenarios}\n\nsteps:\n{steps}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="full")
    parser.add_argument("--steps", type=_steps, metavar="STEP,STEP", help="only these steps")
    parser.add_argument("--seed", type=int, help="what callers do is drawn from (default: any)")
    parser.add_argument("--brokers", type=int, choices=(1, 3), help="another number of brokers")
    parser.add_argument(
        "--away", type=_seconds, metavar="S,S", help="how long drained pods are away, in seconds"
    )
    parser.add_argument(
        "--from",
        dest="version",
        metavar="COMMIT",
        help="the earlier version (default: the last commit with another program)",
    )
    parser.add_argument(
        "--source",
        type=Path,
        default=ROOT,
        metavar="DIR",
        help="the tree of the new version (default: this one)",
    )
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a GIFTCERT_ variable for workers of the new version (may be given again)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="write the figures between the marks of a page, or JSON where PATH ends in .json",
    )
    parser.add_argument("--keep", action="store_true", help="keep topics, stores and logs")
    return parser


def _steps(text: str) -> list[Step]:
    try:
        return [Step(word) for word in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _setting(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name.startswith(ENV_PREFIX):
        raise argparse.ArgumentTypeError(f"{text!r} is not {ENV_PREFIX}NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
