"""Owns the master key for one-time codes of a stack on this machine, made once and kept.

Must not be used for anything that leaves this machine: production keys come from a secret.
"""

import base64
import json
import os
import secrets
from pathlib import Path

_KEY_BYTES = 32


def kept_cvc_keys(path: Path) -> Path:
    """The key file at `path`, made with a fresh key, readable by its owner only, if not there."""
    if path.exists():
        return path
    key = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - opened with its mode
        json.dump({"local": key}, file)
    return partial.replace(path)
