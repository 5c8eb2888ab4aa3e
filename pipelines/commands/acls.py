"""`giftcert acls`: give every principal its rights on Kafka, or say what differs from the table.

Owns the options, what is printed and the exit code; `pipelines/acls/` does the work.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from pipelines.acls.kafka_acls import KafkaAcls
from pipelines.acls.matching import Difference, State, Wanted, apply, compare, refuse
from pipelines.acls.rights import EVERY_HOST
from pipelines.acls.table import Names, protected, rights
from pipelines.acls.users import users_of
from pipelines.commands.topics import Bootstrap, Timeout
from pipelines.neighbours.crm.settings import load_crm_settings
from pipelines.neighbours.enrich.settings import load_enrich_settings
from pipelines.settings import Settings, load_settings
from pipelines.topics_admin import TIMEOUT_S

_APPLY_EXAMPLES: Final = """\b
Examples:
  giftcert acls apply --dry-run
  giftcert acls apply --prune
  giftcert acls apply --principal "processor=User:CN=processor,O=Example"
"""
_CHECK_EXAMPLES: Final = """\b
Examples:
  giftcert acls check
  giftcert acls check --trusted User:admin --json
"""
_WIDTH: Final = 250
"""Of the table where nobody says how wide the terminal is: a name that is cut is of no use."""

_STRANGER: Final = "(none of ours)"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Named = Annotated[
    list[str] | None,
    typer.Option(
        "--principal",
        metavar="NAME=USER",
        help="Kafka's word for a principal, like processor=User:CN=processor; may be given several "
        "times. [default: GIFTCERT_ACL_PRINCIPALS_FILE, else User:NAME]",
        show_default=False,
    ),
]
Trusted = Annotated[
    list[str] | None,
    typer.Option(
        metavar="USER",
        help="A user who may change what is ours, like User:admin; may be given several times.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list instead of a table.")]


@app.command("apply", epilog=_APPLY_EXAMPLES)
def apply_acls(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Also take away what our principals have beyond the table."),
    ] = False,
    principal: Named = None,
    trusted: Trusted = None,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Add the rights that are missing; the table is in docs/security.md.

    Nothing is taken away without --prune, and never from a user who is none of ours. Run it again
    as often as you like. The first time one of Kafka's own super.users has to run it.
    """
    settings = load_settings({"bootstrap": bootstrap})
    must = _wanted(settings, principal, trusted)
    kafka = KafkaAcls(settings, timeout_s=timeout)
    differences = apply(kafka, must, prune=prune, dry_run=dry_run)
    _print(differences, must, as_json=as_json, dry_run=dry_run)


@app.command("check", epilog=_CHECK_EXAMPLES)
def check_acls(
    principal: Named = None,
    trusted: Trusted = None,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Say what differs from the table of rights; exit code 4 if anything does.

    A right that is missing, one that a principal of ours has beyond the table, and one by which
    somebody else may change topics, groups or transactions of ours.
    """
    settings = load_settings({"bootstrap": bootstrap})
    must = _wanted(settings, principal, trusted)
    differences = compare(KafkaAcls(settings, timeout_s=timeout).found(), must)
    _print(differences, must, as_json=as_json, dry_run=False)
    refuse(differences)


def _wanted(settings: Settings, named: list[str] | None, trusted: list[str] | None) -> Wanted:
    names = Names.of(settings, load_crm_settings(), load_enrich_settings())
    return Wanted(
        rights=rights(settings, names),
        users=users_of(settings.acl_principals_file, named or ()),
        ours=protected(settings),
        trusted=frozenset(trusted or ()),
    )


def _print(
    differences: Sequence[Difference], must: Wanted, *, as_json: bool, dry_run: bool
) -> None:
    if as_json:
        rows = [
            {
                "state": each.state,
                "principal": each.principal,
                "user": each.acl.user,
                "kind": each.acl.resource.kind,
                "name": each.acl.resource.name,
                "prefixed": each.acl.resource.prefixed,
                "operation": each.acl.operation,
                "host": each.acl.host,
                "allow": each.acl.allow,
            }
            for each in differences
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    if differences:
        table = Table("principal", "user", "right", "state", title="rights on Kafka")
        for (who, user, where, state), operations in _by_resource(differences).items():
            table.add_row(who, user, f"{', '.join(operations)} on {where}", state)
        console.print(table)
    console.print(_summed(differences, must, dry_run=dry_run), soft_wrap=True)


def _by_resource(
    differences: Sequence[Difference],
) -> dict[tuple[str, str, str, State], list[str]]:
    """The operations of each row that a person reads."""
    rows: dict[tuple[str, str, str, State], list[str]] = {}
    for each in differences:
        acl = each.acl
        where = str(acl.resource) if acl.host == EVERY_HOST else f"{acl.resource} from {acl.host}"
        operation = str(acl.operation) if acl.allow else f"denied {acl.operation}"
        row = (each.principal or _STRANGER, acl.user, where, each.state)
        rows.setdefault(row, []).append(operation)
    return rows


def _summed(differences: Sequence[Difference], must: Wanted, *, dry_run: bool) -> str:
    if not differences:
        served = sum(bool(given) for given in must.users.values())
        return f"every right of {served} principals is as it must be"
    counts = [
        f"{count} {state}"
        for state in State
        if (count := sum(each.state is state for each in differences))
    ]
    return f"{', '.join(counts)}{'; nothing was changed' if dry_run else ''}"
