"""Owns the secrets of a stack on this machine, made once and kept, readable by their owner only.

Must not be used for anything that leaves this machine: production secrets come from elsewhere.
"""

import base64
import json
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

_KEY_BYTES = 32


def kept_cvc_keys(path: Path) -> Path:
    """The key file at `path`, made with a fresh key if it is not there."""
    return _kept(path, _fresh_cvc_keys)


def kept_signing_key(path: Path) -> Path:
    """The issuer's private key at `path` (a JWK for ES256), made if it is not there."""
    return _kept(path, _fresh_signing_key)


def kept_client_secrets(path: Path, client_ids: Iterable[str]) -> Path:
    """The secrets of these clients at `path`, made afresh where one of them has none yet."""
    wanted = list(client_ids)
    if path.exists() and not json.loads(path.read_text(encoding="ascii")).keys() >= set(wanted):
        path.unlink()
    return _kept(path, lambda: {name: secrets.token_urlsafe(_KEY_BYTES) for name in wanted})


def kept_word(path: Path) -> Path:
    """A file with one secret word and nothing else, made if it is not there."""
    return _kept_text(path, lambda: secrets.token_urlsafe(_KEY_BYTES))


def kept_client_secret(path: Path, secrets_file: Path, client_id: str) -> Path:
    """A file with the secret of one client alone, of those that `kept_client_secrets` keeps."""
    secret: str = json.loads(secrets_file.read_text(encoding="ascii"))[client_id]
    if path.exists() and path.read_text(encoding="ascii") != secret:
        path.unlink()
    return _kept_text(path, lambda: secret)


def _fresh_cvc_keys() -> object:
    return {"local": base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")}


def _fresh_signing_key() -> object:
    # Where a stack runs against another issuer, nothing here has to know about keys.
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
    return key.as_dict(private=True)


def _kept(path: Path, make: Callable[[], object]) -> Path:
    return _kept_text(path, lambda: json.dumps(make()))


def _kept_text(path: Path, make: Callable[[], str]) -> Path:
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - opened with its mode
        file.write(make())
    return partial.replace(path)
