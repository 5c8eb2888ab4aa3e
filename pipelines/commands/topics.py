"""`giftcert topics`: create the topics of the flow, or say what is wrong with them.

Owns what is printed and the exit code; `topics_admin.py` does the work.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer

from pipelines.acls.access import access_for
from pipelines.acls.errands import Errand
from pipelines.faults import TopicDiffers
from pipelines.settings import load_settings
from pipelines.topics_admin import TIMEOUT_S, Action, Difference, Outcome, apply, check, refuse

_APPLY_EXAMPLES: Final = """\b
Examples:
  giftcert topics apply
  giftcert topics apply --with-sources --bootstrap 127.0.0.1:9092
  giftcert topics apply --dry-run --json
"""
_CHECK_EXAMPLES: Final = """\b
Examples:
  giftcert topics check
  giftcert topics check --json
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Bootstrap = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Kafka. [default: GIFTCERT_BOOTSTRAP]", show_default=False
    ),
]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds Kafka may take for an answer.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list instead of lines.")]


@app.command("apply", epilog=_APPLY_EXAMPLES)
def apply_topics(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
    with_sources: Annotated[
        bool, typer.Option("--with-sources", help="Make the All_* topics too (local stack).")
    ] = False,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Create missing topics and put right what can be, without losing a record.

    Nothing is deleted and no partition count changes; where that would be needed, nothing at all
    is done and the exit code is 4.
    """
    settings = load_settings({"bootstrap": bootstrap})
    with access_for(Errand.COMPARE_TOPICS, settings):
        outcomes = apply(settings, with_sources=with_sources, dry_run=dry_run, timeout_s=timeout)
    if as_json:
        _print_json(outcomes)
    else:
        _print_outcomes(outcomes, dry_run=dry_run)
    refuse(outcomes)


@app.command("check", epilog=_CHECK_EXAMPLES)
def check_topics(
    as_json: AsJson = False, bootstrap: Bootstrap = None, timeout: Timeout = TIMEOUT_S
) -> None:
    """Say in what the topics differ from what the flow needs; exit code 4 if in anything."""
    settings = load_settings({"bootstrap": bootstrap})
    with access_for(Errand.COMPARE_TOPICS, settings):
        differences = check(settings, timeout_s=timeout)
    if as_json:
        _print_json(differences)
    else:
        for difference in differences:
            typer.echo(str(difference))
    if differences:
        raise TopicDiffers(
            f"topics differ in {len(differences)} places: "
            "`giftcert topics apply --dry-run` says what can be done"
        )
    if not as_json:
        typer.echo("every topic is as it must be")


def _print_outcomes(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for outcome in outcomes:
        if outcome.action in {Action.CREATED, Action.ALTERED}:
            typer.echo(f"{outcome.topic}: {would}{outcome.action} ({outcome.detail})")
        elif outcome.action is not Action.EQUAL:
            typer.echo(str(outcome))
    equal = sum(outcome.action is Action.EQUAL for outcome in outcomes)
    typer.echo(f"{equal} of {len(outcomes)} topics were as they must be")


def _print_json(found: Sequence[Outcome | Difference]) -> None:
    typer.echo(json.dumps([asdict(row) for row in found], ensure_ascii=False, indent=2))
