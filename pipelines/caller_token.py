"""Where a command that asks the processors has its token from.

Owns the two variables, which are a caller's and no settings of the service.
"""

import os
from pathlib import Path
from typing import Final

from pipelines.edge_client import TokenSource
from pipelines.secret_files import read_secret

_TOKEN: Final = "GIFTCERT_TOKEN"  # noqa: S105 - the name of a variable
_TOKEN_FILE: Final = "GIFTCERT_TOKEN_FILE"  # noqa: S105 - the name of a variable


def token_source(given: str | None = None) -> TokenSource | None:
    """The token that was given, else of the variable, else of the file, read at every call.

    To be asked before the settings are: those refuse variables that they do not know.
    """
    token, file = os.environ.pop(_TOKEN, None), os.environ.pop(_TOKEN_FILE, None)
    text = given or token
    if text:
        return lambda: text
    if file:
        path = Path(file)
        return lambda: read_secret(path, _TOKEN_FILE)
    return None
