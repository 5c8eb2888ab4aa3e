"""`giftcert up`: everything on this machine, with one command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.local.broker import AUTO
from pipelines.local.neighbours import ALL
from pipelines.local.run_stack import run_stack
from pipelines.local.stack_options import StackOptions, default_data_dir


def up(
    broker: Annotated[
        str,
        typer.Option(
            metavar="auto|apache|docker|embedded|HOST:PORT",
            help="Which Kafka. auto takes the most real one that works here, and says why.",
        ),
    ] = AUTO,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where everything is kept between runs. [default: the user's data directory]",
            show_default=False,
        ),
    ] = None,
    http_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of the first processor's edge.")
    ] = 8080,
    processors: Annotated[
        int, typer.Option(min=1, max=16, help="How many processors; their ports count up.")
    ] = 1,
    neighbours: Annotated[
        bool,
        typer.Option(
            "--neighbours/--no-neighbours",
            help="The systems around the service: a store with a till, a CRM, a BI mart, the "
            "enrichment of payments.",
        ),
    ] = True,
    shop_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of the store and its pages.")
    ] = 8090,
) -> None:
    r"""Start a broker, the topics, an issuer of tokens, workers, an auditor and neighbours.

    Everything runs until Ctrl-C. Prints one line of JSON on standard output when all is ready; all
    other words go to standard error. Everything listens on this machine only. The issuer is for
    development, and is not started where GIFTCERT_TOKEN_ISSUER names another one; nor are then the
    neighbours that need its tokens.

    \b
    Examples:
      giftcert up
      giftcert up --processors 2 --data-dir /var/tmp/giftcert
      giftcert up --broker 127.0.0.1:9092
      giftcert up --no-neighbours
    """
    options = StackOptions(
        data_dir=data_dir or default_data_dir(),
        broker=broker,
        http_port=http_port,
        processors=processors,
        auditor=True,
        neighbours=ALL if neighbours else (),
        shop_port=shop_port,
    )
    raise typer.Exit(run_stack(options, out=sys.stdout))
