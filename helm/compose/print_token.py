"""Prints a token of the stack's Keycloak for one client: `docker compose run --rm token store`."""

import json
import ssl
import sys
import urllib.parse
import urllib.request
from pathlib import Path

SECRETS = Path("/secrets")
ENDPOINT = "https://keycloak:8443/realms/giftcert/protocol/openid-connect/token"


def main() -> None:
    """Ask for it as the client that is named."""
    client = sys.argv[1] if len(sys.argv) > 1 else "store"
    secret = (SECRETS / f"{Path(client).name}-secret").read_text(encoding="ascii")
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    trust = ssl.create_default_context(cafile=str(SECRETS / "ca.crt"))
    asked = urllib.request.Request(ENDPOINT, urllib.parse.urlencode(form).encode())
    with urllib.request.urlopen(asked, context=trust, timeout=20) as answer:  # noqa: S310 - the same
        sys.stdout.write(json.load(answer)["access_token"] + "\n")


if __name__ == "__main__":
    main()
