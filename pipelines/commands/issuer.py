"""`giftcert issuer`: the development issuer of a stack on this machine, until told to stop.

A composition root: where the local stack's keys and the issuer's web server meet.
"""

from pathlib import Path
from typing import Annotated

import typer

from http_edge.development_issuer import IssuerServer
from pipelines.addresses import is_loopback
from pipelines.faults import SettingsError
from pipelines.local.development_tokens import prepared_tokens
from pipelines.local.ports import LOOPBACK
from pipelines.logs import configure_logs
from pipelines.settings import Settings, load_settings
from pipelines.state_directory import outside_sources


def issuer(
    data_dir: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Where the stack keeps its things.", show_default=False),
    ],
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; only loopback ones are taken.")
    ] = LOOPBACK,
) -> None:
    r"""Run the development issuer of a stack; `giftcert up` does so by itself.

    For development only: it refuses every address but this machine's own, and settings that name
    another issuer. Its key and the clients' secrets are in DIR/issuer, for their owner only.

    \b
    Examples:
      giftcert issuer --data-dir /var/tmp/giftcert --port 9000
    """
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    settings = load_settings()
    _refuse_production(settings, url)
    configure_logs(settings.log_level, settings.log_format)
    try:
        directory = outside_sources(data_dir.absolute())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--data-dir") from None
    tokens = prepared_tokens(directory, url=url, audience=settings.token_audience)
    IssuerServer(tokens).run()


def _refuse_production(settings: Settings, url: str) -> None:
    """SettingsError wherever these settings reach beyond this machine, or trust another issuer."""
    if not is_loopback(url):
        raise SettingsError(f"the development issuer listens on loopback only, not at {url}")
    if settings.token_issuer not in (None, url):
        raise SettingsError(
            f"GIFTCERT_TOKEN_ISSUER is {settings.token_issuer}: tokens come from there, and the "
            "development issuer does not run beside it"
        )
    if not is_loopback(settings.edge_url()):
        raise SettingsError(
            f"the edge is at {settings.edge_url()}: the development issuer runs only where "
            "everything is on this machine"
        )
