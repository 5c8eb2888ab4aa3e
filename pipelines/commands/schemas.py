"""`giftcert schemas`: register the contracts, or say what is wrong with what is registered.

Owns what is printed and the exit code; `pipelines/contracts/registration.py` does the work.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer

from pipelines.contracts.registration import (
    Action,
    Difference,
    Outcome,
    apply_schemas,
    check_schemas,
    register_absent_sources,
)
from pipelines.contracts.registry import Registry, SchemaIncompatible
from pipelines.contracts.subjects import own_subjects, source_subjects
from pipelines.faults import SettingsError
from pipelines.settings import Settings, load_settings

_APPLY_EXAMPLES: Final = """\b
Examples:
  giftcert schemas apply --dry-run
  giftcert schemas apply --registry http://127.0.0.1:8081
  giftcert schemas apply --with-sources --json
"""
_CHECK_EXAMPLES: Final = """\b
Examples:
  giftcert schemas check
  giftcert schemas check --json
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RegistryUrl = Annotated[
    str | None,
    typer.Option(
        "--registry",
        metavar="URL",
        help="The schema registry. [default: GIFTCERT_SCHEMA_REGISTRY_URL]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list instead of lines.")]


@app.command("apply", epilog=_APPLY_EXAMPLES)
def apply_to_registry(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
    with_sources: Annotated[
        bool,
        typer.Option("--with-sources", help="Register the All_* subjects too, where nobody has."),
    ] = False,
    as_json: AsJson = False,
    registry: RegistryUrl = None,
) -> None:
    """Register every version of our records and have the registry guard them (FULL_TRANSITIVE).

    Everything is compared first; where a registered version and ours cannot read one another,
    nothing at all is done and the exit code is 5.
    """
    settings = load_settings({"schema_registry_url": registry})
    with _registry(settings) as known:
        outcomes = apply_schemas(known, own_subjects(settings), dry_run=dry_run)
        if with_sources:
            sources = source_subjects(settings)
            outcomes += register_absent_sources(known, sources, dry_run=dry_run)
    if as_json:
        _print_json(outcomes)
    else:
        _print_outcomes(outcomes, dry_run=dry_run)


@app.command("check", epilog=_CHECK_EXAMPLES)
def check_registry(as_json: AsJson = False, registry: RegistryUrl = None) -> None:
    """Say in what the registry differs from what the flow needs; exit code 5 if in anything.

    The All_* subjects are their owners': of those it is checked that we can read every version.
    """
    settings = load_settings({"schema_registry_url": registry})
    with _registry(settings) as known:
        differences = check_schemas(known, own_subjects(settings), source_subjects(settings))
    if as_json:
        _print_json(differences)
    else:
        for difference in differences:
            typer.echo(str(difference))
    if differences:
        raise SchemaIncompatible(
            f"{len(differences)} differences: `giftcert schemas apply` registers what is missing; "
            "what does not fit needs its owner"
        )
    if not as_json:
        typer.echo("every schema is as it must be")


def _registry(settings: Settings) -> Registry:
    if settings.schema_registry_url is None:
        raise SettingsError("GIFTCERT_SCHEMA_REGISTRY_URL is not set: there is no registry to ask")
    return Registry.of(settings)


def _print_outcomes(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for outcome in outcomes:
        if outcome.action is not Action.EQUAL:
            typer.echo(f"{outcome.subject}: {would}{outcome.action} ({outcome.detail})")
    changed = {outcome.subject for outcome in outcomes if outcome.action is not Action.EQUAL}
    subjects = {outcome.subject for outcome in outcomes}
    typer.echo(f"{len(subjects - changed)} of {len(subjects)} subjects were as they must be")


def _print_json(found: Sequence[Outcome | Difference]) -> None:
    typer.echo(json.dumps([asdict(row) for row in found], ensure_ascii=False, indent=2))
