"""Which clients there are, and the channel each sells and spends for, as the settings' file says.

Owns reading that file and refusing, in words, whatever could be a slip in it: a client with the
wrong channel sells for another. Must not know how a client proves who it is.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pipelines.faults import SettingsError
from pipelines.settings import Settings
from state.certificate.commands import Channel

_VARIABLE: Final = "GIFTCERT_CLIENTS_FILE"
_EXAMPLE: Final = '{"till": {"channel": "POS"}, "support": {"channel": null}}'
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SHOWN_LENGTH: Final = 80
_CHANNELS: Final[tuple[Channel | None, ...]] = (None, *Channel)
_CHOICE: Final = f"{', '.join(Channel)}, or null for a client that neither sells nor spends"


def load_clients(settings: Settings) -> Mapping[str, Channel | None]:
    """The channel of every client; None for one that neither sells nor spends.

    SettingsError, naming everything that is wrong, when the file is not there or not right.
    """
    path = settings.clients_file
    if path is None:
        raise SettingsError(
            f"{_VARIABLE} is not set: give a JSON file of the clients and their channels, "
            f"like {_EXAMPLE}"
        )
    source = f"{_VARIABLE} {path}"
    members = _members(_read(path), source)
    faults = [fault for client_id, entry in members if (fault := _fault(client_id, entry))]
    names = [client_id for client_id, _ in members]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults += [f"client {_shown(name)} stands twice" for name in twice]
    if faults:
        raise SettingsError(f"{source}: {'; '.join(faults)}")
    return MappingProxyType({name: _channel(entry) for name, entry in members})


class _Object(list[tuple[str, object]]):
    """A JSON object as its members in order: a dict would hide a name that stands twice."""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{_VARIABLE}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{_VARIABLE}: {path} is not UTF-8 text ({error.reason})") from error


def _members(text: str, source: str) -> _Object:
    try:
        parsed: object = json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{source} is not JSON (line {error.lineno}: {error.msg})") from error
    if not isinstance(parsed, _Object):
        raise SettingsError(f"{source} must be a JSON object like {_EXAMPLE}")
    if not parsed:
        raise SettingsError(f"{source} names no client: nobody could call")
    return parsed


def _fault(client_id: str, entry: object) -> str | None:
    """What is wrong with one client, or None."""
    if _CLIENT_ID.fullmatch(client_id) is None:
        return f"client id {_shown(client_id)} must be 1 to 64 of A-Z a-z 0-9 . _ -"
    name = f"client {_shown(client_id)}"
    if not isinstance(entry, _Object):
        return f'{name} must be an object like {{"channel": "POS"}}'
    fields = [field for field, _ in entry]
    if unknown := [field for field in fields if field != "channel"]:
        return f"{name} has an unknown field {_shown(unknown[0])}: there is only channel"
    if fields != ["channel"]:
        return f"{name} must have channel once: {_CHOICE}"
    (_, value) = entry[0]
    if value not in _CHANNELS:
        return f"{name} has an unknown channel {_shown(value)}: it must be {_CHOICE}"
    return None


def _channel(entry: object) -> Channel | None:
    assert isinstance(entry, _Object), "checked before"
    (_, value) = entry[0]
    return _CHANNELS[_CHANNELS.index(value)]


def _shown(value: object) -> str:
    """As JSON writes it, cut short."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
