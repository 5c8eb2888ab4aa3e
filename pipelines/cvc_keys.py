"""The master keys of the one-time codes, as settings give them.

Owns reading them from the secret file or the variable and refusing what cannot be a key. Must not
compute a code: that is the edge's.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pipelines.faults import SettingsError
from pipelines.secret_files import read_secret
from pipelines.settings import Settings

KEY_ID_LENGTH_MAX: Final = 200
_SHOWN_LENGTH: Final = 40
KEY_BYTES_MIN: Final = 32
"""As long as the digest it is used with (HMAC-SHA256); a shorter one is guessable or a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CvcKeys:
    """All master keys by their id, and which one new certificates get. The repr shows no key."""

    current_id: str
    by_id: Mapping[str, bytes] = field(repr=False)


def load_cvc_keys(settings: Settings) -> CvcKeys:
    """The keys that `settings` name. SettingsError, never quoting a key, when there are none."""
    if settings.cvc_keys is not None:
        source, text = "GIFTCERT_CVC_KEYS", settings.cvc_keys.get_secret_value()
    elif settings.cvc_key_file is not None:
        source = f"GIFTCERT_CVC_KEY_FILE {settings.cvc_key_file}"
        text = read_secret(settings.cvc_key_file, "GIFTCERT_CVC_KEY_FILE")
    else:
        raise SettingsError(
            "no master key for CVC: set GIFTCERT_CVC_KEY_FILE (or GIFTCERT_CVC_KEYS) to JSON "
            'like {"2026-01": "<base64 of 32 random bytes>"}'
        )
    by_id = _parse(text, source)
    current_id = settings.cvc_current_key_id
    if current_id is None:
        if len(by_id) > 1:
            raise SettingsError(
                f"{source} holds {len(by_id)} keys: set GIFTCERT_CVC_CURRENT_KEY_ID to one of "
                f"{', '.join(sorted(by_id))}"
            )
        current_id = next(iter(by_id))
    elif current_id not in by_id:
        raise SettingsError(
            f"GIFTCERT_CVC_CURRENT_KEY_ID={current_id!r} is not in {source}, which holds "
            f"{', '.join(sorted(by_id))}"
        )
    return CvcKeys(current_id=current_id, by_id=MappingProxyType(by_id))


def _parse(text: str, source: str) -> dict[str, bytes]:
    try:
        parsed: object = json.loads(text)
    except json.JSONDecodeError as error:
        # Not chained: that exception carries the text.
        raise SettingsError(f"{source} is not JSON (line {error.lineno})") from None
    if not isinstance(parsed, dict) or not parsed:
        raise SettingsError(f"{source} must be a JSON object of key ids and base64 keys")
    return {key_id: _key(key_id, encoded, source) for key_id, encoded in parsed.items()}


def _key(key_id: str, encoded: object, source: str) -> bytes:
    if not key_id:
        raise SettingsError(f"{source}: a key id is empty")
    # It travels in commands, whose contract would call them broken: nobody would get an answer.
    if len(key_id) > KEY_ID_LENGTH_MAX or not key_id.isprintable():
        raise SettingsError(
            f"{source}: key id {key_id[:_SHOWN_LENGTH]!r} must be 1 to {KEY_ID_LENGTH_MAX} "
            "printable characters"
        )
    try:
        key = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except binascii.Error:
        key = b""
    if len(key) < KEY_BYTES_MIN:
        raise SettingsError(
            f"{source}: key {key_id!r} must be base64 of at least {KEY_BYTES_MIN} random bytes"
        )
    return key
