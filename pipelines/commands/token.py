"""`giftcert token`: a token for one of the clients of a stack on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.faults import SettingsError
from pipelines.local.development_clients import CLIENTS, SCOPES
from pipelines.local.development_tokens import kept_tokens
from pipelines.local.stack_options import default_data_dir
from pipelines.settings import load_settings


def token(
    client: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"One of {', '.join(each.client_id for each in CLIENTS)}."
        ),
    ],
    scope: Annotated[
        str | None,
        typer.Option(
            metavar="SCOPES",
            help=f"With spaces between, of {', '.join(SCOPES)}. [default: the client's usual ones]",
            show_default=False,
        ),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(metavar="PERSON", help="Who acts for the client.", show_default=False),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="That of the stack. [default: the user's data directory]",
            show_default=False,
        ),
    ] = None,
) -> None:
    r"""Print a token for a client of the stack on this machine, valid for an hour.

    It is signed here, with the key of the stack's development issuer: the stack need not run. For
    a stack with another issuer there is nothing to print.

    \b
    Examples:
      giftcert token --client till
      giftcert token --client support --subject anna --scope "certificates:support balance:read"
      curl -H "Authorization: Bearer $(giftcert token --client crm)" …
    """
    tokens = kept_tokens((data_dir or default_data_dir()).absolute())
    trusted = load_settings().token_issuer
    if trusted not in (None, tokens.url):
        raise SettingsError(
            f"GIFTCERT_TOKEN_ISSUER is {trusted}: ask there, tokens of this machine are worth "
            "nothing to it"
        )
    typer.echo(tokens.issue(client, scope, subject=subject).text)
