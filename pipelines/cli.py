"""The command line `giftcert`: which commands there are, and how a fault ends one.

Owns the table of commands and the exit codes' last step. A command's own work is in
`pipelines/commands/`, imported only when that command is asked for, so that help stays quick.
"""

import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Final

import typer

from pipelines.faults import EXIT_BUG, EXIT_INTERRUPTED, OperatorError

EXIT_TERMINATED: Final = 128 + signal.SIGTERM
"""What a shell says of a process that SIGTERM has ended."""

_ABOUT: Final = """Gift certificates of a retailer, as a stream on Kafka.

Settings come from environment variables GIFTCERT_*; docs/settings.md lists them.

\b
Examples:
  giftcert topics apply --with-sources
  giftcert topics check

\b
Exit codes: 0 done, 1 the command's own no, 2 wrong usage or settings,
3 Kafka not reached or not willing, 4 topics or rights missing or different,
5 the same of schemas and their registry, 6 no processor answers,
7 a worker's own disk, 70 a bug.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One row of the table: `target` is `module:name` of a typer app (a group) or a function."""

    name: str
    target: str
    summary: str


COMMANDS: Final = (
    Command(
        name="correlator",
        target="pipelines.commands.correlator:correlator",
        summary="Run a correlator: orders and payments become commands for certificates.",
    ),
    Command(
        name="processor",
        target="pipelines.commands.processor:processor",
        summary="Run a processor: certificates, pool, index and the HTTP edge.",
    ),
    Command(
        name="schemas",
        target="pipelines.commands.schemas:app",
        summary="Register the contracts, or say what is wrong with what is registered.",
    ),
    Command(
        name="up",
        target="pipelines.commands.up:up",
        summary="Run everything on this machine: broker, issuer, correlator, processors.",
    ),
    Command(
        name="token",
        target="pipelines.commands.token:token",
        summary="Print a token for a client of the stack on this machine.",
    ),
    Command(
        name="issuer",
        target="pipelines.commands.issuer:issuer",
        summary="Run the development issuer of tokens; `up` does so by itself.",
    ),
    Command(
        name="load",
        target="pipelines.commands.load:load",
        summary="Load pre-generated numbers from a CSV or Parquet file into their pools.",
    ),
    Command(
        name="generate",
        target="pipelines.commands.generate:generate",
        summary="Make certificate numbers by a pattern, with check digits, into a file.",
    ),
    Command(
        name="crm",
        target="pipelines.commands.crm:crm",
        summary="Run the reference CRM: one-time codes to customers by SMS or e-mail.",
    ),
    Command(
        name="bi",
        target="pipelines.commands.bi:app",
        summary="Keep a mart of the topics; print, show and export its figures.",
    ),
    Command(
        name="enrich",
        target="pipelines.commands.enrich:enrich",
        summary="Make version 2 payments of version 1 payments and their orders.",
    ),
    Command(
        name="shop",
        target="pipelines.commands.shop:shop",
        summary="Run the reference store and till, and the pages around them.",
    ),
    Command(
        name="audit",
        target="pipelines.commands.audit:audit",
        summary="Check the laws on the stream and the live stores; print the money.",
    ),
    Command(
        name="auditor",
        target="pipelines.commands.auditor:auditor",
        summary="Run an auditor: the laws on every event as it comes, figures, alerts.",
    ),
    Command(
        name="verify",
        target="pipelines.commands.verify:verify",
        summary="Prove that the live stores, or a past state, are what the log folds into.",
    ),
    Command(
        name="rebuild",
        target="pipelines.commands.rebuild:rebuild",
        summary="Make lost changelogs anew from the retained topics; the workers are stopped.",
    ),
    Command(
        name="replay",
        target="pipelines.commands.replay:replay",
        summary="Derive facts and commands again with today's code; show what differs.",
    ),
    Command(
        name="simulate",
        target="pipelines.commands.simulate:simulate_command",
        summary="Attack the whole flow in memory with seeded histories; check all the laws.",
    ),
    Command(
        name="status",
        target="pipelines.commands.status:status",
        summary="One screen for who is on call: workers, lag, pools, holds, letters, laws.",
    ),
    Command(
        name="show",
        target="pipelines.commands.show:show",
        summary="The story of one certificate, from the stream.",
    ),
    Command(
        name="dlq",
        target="pipelines.commands.dlq:app",
        summary="List, show, retry or discard the records that could not be read.",
    ),
    Command(
        name="demo",
        target="pipelines.commands.demo:demo",
        summary="Play one real year of retail through a fresh stack, then the audit.",
    ),
    Command(
        name="topics",
        target="pipelines.commands.topics:app",
        summary="Create the topics of the flow, or say what is wrong with them.",
    ),
    Command(
        name="acls",
        target="pipelines.commands.acls:app",
        summary="Give each principal its rights on Kafka, or say what differs.",
    ),
)


def main() -> None:
    """Run the command line of this process and exit."""
    sys.excepthook = _end_as_bug
    if os.getpid() == 1:
        # In a container: process 1 does not hear a signal that it has no handler for, and a worker
        # has its own only once it works. Until then it ends as any other process would, at once: an
        # exception could be lost in the middle of an import.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_TERMINATED))
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. An operator's fault is one line on standard error."""
    asked = next((word for word in arguments if not word.startswith("-")), None)
    try:
        _program(asked)(list(arguments), prog_name="giftcert", standalone_mode=True)
    except OperatorError as fault:
        typer.echo(f"giftcert: {fault}", err=True)
        return fault.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _program(asked: str | None) -> Callable[..., object]:
    """The program with every command's name, and the code of the one that was asked for."""
    program = typer.Typer(
        help=_ABOUT,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    program.callback()(_root)
    for command in COMMANDS:
        if command.name != asked:
            program.command(command.name, help=command.summary)(_not_loaded)
            continue
        module, _, name = command.target.partition(":")
        found = getattr(importlib.import_module(module), name)
        if isinstance(found, typer.Typer):
            program.add_typer(found, name=command.name, help=command.summary)
        else:
            program.command(command.name)(found)
    return typer.main.get_command(program)


def _show_version(asked: bool) -> None:
    if asked:
        from pipelines.release import release

        typer.echo("\n".join(release().lines()))
        raise typer.Exit


def _root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show version, commit and contracts.",
        ),
    ] = False,
) -> None:
    """Stand for the program itself; its help text is the program's."""


def _not_loaded() -> None:
    raise AssertionError("only the command that was asked for is ever run")


def _end_as_bug(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log what nobody foresaw, whole, in the form of the other log lines, and exit with 70."""
    logging.getLogger("giftcert").critical("stopped by a bug", exc_info=(kind, error, trace))
    raise SystemExit(EXIT_BUG)


if __name__ == "__main__":
    main()
