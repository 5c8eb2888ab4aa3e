"""`giftcert bi`: keep a mart in step with the topics, and report from it.

Owns the options, what is printed and the exit codes; `pipelines/neighbours/bi/` does the work.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from pipelines.acls.access import access_as
from pipelines.acls.rights import Principal
from pipelines.audit.listener import optional_listener
from pipelines.interruption import stop_signals_interrupt
from pipelines.last_turn import LastTurn
from pipelines.logs import configure_logs
from pipelines.neighbours.bi.export import FileFormat, export
from pipelines.neighbours.bi.presentation import show, to_json
from pipelines.neighbours.bi.report import read_report
from pipelines.neighbours.bi.settings import load_bi_settings
from pipelines.neighbours.bi.targets import target_for
from pipelines.settings import load_settings

_OWNER_ALONE: Final = 0o077

app = typer.Typer(
    help="Keep a mart in step with the topics, and report from it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Mart = Annotated[
    str | None,
    typer.Option(
        "--mart",
        metavar="PLACE",
        help="The mart: absolute path of a DuckDB file, or postgresql://user@host/database. "
        "[default: GIFTCERT_BI_MART]",
        show_default=False,
    ),
]
_FullNumbers = Annotated[
    bool,
    typer.Option("--full-numbers", help="Whole certificate numbers instead of their last four."),
]


@app.command("run")
def run(
    mart: _Mart = None,
    until_caught_up: Annotated[
        bool,
        typer.Option("--until-caught-up", help="End once all is read that the topics hold now."),
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="DIRECTORY",
            help="Keep the page index.html up to date there. [default: GIFTCERT_BI_PAGE_DIR]",
            show_default=False,
        ),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Kafka. [default: GIFTCERT_BOOTSTRAP]", show_default=False
        ),
    ] = None,
) -> None:
    r"""Keep the mart in step with the topics until told to stop.

    Reads GiftCertificates.Stream, All_SalesOrder, All_Payments, All_Clients and the dead letters
    from where the mart has got to, and makes the mart where there is none. One run keeps a mart: a
    later one takes it over, and the earlier one ends.

    \b
    Examples:
      giftcert bi run --mart /var/lib/giftcert/mart.duckdb
      giftcert bi run --mart /var/lib/giftcert/mart.duckdb --page /var/www/bi
      giftcert bi run --mart postgresql://bi@db.example/reports
    """
    from pipelines.neighbours.bi.metrics import BiMetrics
    from pipelines.neighbours.bi.run_mart import hangs_after_s, run_mart

    told = load_bi_settings({"mart": mart, "page_dir": page})
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    # The mart holds whole numbers: what is made for it is read by its owner alone.
    os.umask(_OWNER_ALONE)
    metrics = BiMetrics()
    last_turn = LastTurn(hangs_after_s=hangs_after_s(told))
    listener = optional_listener(
        settings,
        told.http_port,
        metrics,
        alive=lambda: last_turn.alive,
        ready=lambda: metrics.caught_up,
    )
    try:
        with stop_signals_interrupt(), access_as(Principal.BI, settings), listener:
            run_mart(
                settings,
                told,
                target_for(told),
                last_turn,
                writer=secrets.token_hex(8),
                until_caught_up=until_caught_up,
                metrics=metrics,
            )
    except KeyboardInterrupt:
        if until_caught_up:
            raise


@app.command("report")
def report(
    mart: _Mart = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="DIRECTORY", help="Write the page index.html there, instead of tables here."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of tables.")
    ] = False,
    full_numbers: _FullNumbers = False,
) -> None:
    r"""Print the figures of the mart: money, pools, reconciliation, alerts, freshness.

    All of it is of one moment, and says of which offsets. The money is that of `giftcert audit` at
    the same offsets. Exit code 1 while the mart is still being filled.

    \b
    Examples:
      giftcert bi report
      giftcert bi report --page /var/www/bi
      giftcert bi report --json
    """
    told = load_bi_settings({"mart": mart})
    found = read_report(target_for(told), full_numbers=full_numbers)
    if page is not None:
        from pipelines.neighbours.bi.page import write_page

        typer.echo(f"written: {write_page(found, page)}", err=True)
    if as_json:
        typer.echo(json.dumps(to_json(found), ensure_ascii=False, indent=2))
    elif page is None:
        show(found, Console())
    if not found.caught_up:
        raise typer.Exit(1)


@app.command("export")
def export_files(
    folder: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where the files go.")],
    mart: _Mart = None,
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="What the files are.")
    ] = FileFormat.PARQUET,
    tables: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            metavar="NAME",
            help="Only this table or view; may be given several times. [default: all]",
            show_default=False,
        ),
    ] = None,
    full_numbers: _FullNumbers = False,
) -> None:
    r"""Write the tables and views of the mart as Parquet or CSV, all of one moment.

    Numbers are hidden in a way that still joins, unless whole ones are asked for. Files that are
    there already are replaced.

    \b
    Examples:
      giftcert bi export /var/lib/giftcert/export
      giftcert bi export figures --format csv --table liability_daily --table ledger
    """
    told = load_bi_settings({"mart": mart})
    if full_numbers:
        # As secret as the mart that they are from.
        os.umask(_OWNER_ALONE)
    written = export(
        target_for(told),
        folder,
        names=tables or [],
        file_format=file_format,
        full_numbers=full_numbers,
    )
    for path, rows in written:
        typer.echo(f"{path}: {rows:,} rows")
