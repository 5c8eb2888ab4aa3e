"""Which Kafka principals each principal of the table is, in this installation.

Owns the reading of the file and of the command line's options. With SCRAM or tokens it is a name;
with certificates the whole subject, which every authority writes in its own way.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import DecodeError, ValidationError
from msgspec.json import decode

from pipelines.acls.rights import EVERYBODY, Principal, Users
from pipelines.faults import SettingsError
from pipelines.kafka_settings import ENV_PREFIX

_VARIABLE: Final = f"{ENV_PREFIX}ACL_PRINCIPALS_FILE"


def users_of(file: Path | None, options: Sequence[str] = ()) -> Users:
    """Each principal's own name with `User:` before it, unless the file or an option says else.

    Options, `NAME=User:…`, replace what the file says; several of one name are several users.
    SettingsError, in one line.
    """
    users: dict[Principal, tuple[str, ...]] = {
        principal: (f"User:{principal}",) for principal in Principal
    }
    if file is not None:
        users |= _of_file(file)
    chosen: dict[Principal, list[str]] = {}
    for option in options:
        name, _, user = option.partition("=")
        chosen.setdefault(_principal(name, "--principal"), []).append(user)
    users |= {principal: tuple(given) for principal, given in chosen.items()}
    taken: dict[str, Principal] = {}
    for principal, given in users.items():
        for user in given:
            _refuse_unusable(user, principal)
            if taken.setdefault(user, principal) is not principal:
                # Each would be told to have more than the table, for what the other has.
                raise SettingsError(
                    f"{user} is both {taken[user]} and {principal}: each needs a user of its own"
                )
    return users


def _of_file(file: Path) -> dict[Principal, tuple[str, ...]]:
    try:
        told = decode(file.read_bytes(), type=dict[str, str | list[str]])
    except OSError as error:
        raise SettingsError(f"{_VARIABLE}: cannot read {file}: {error.strerror}") from error
    except (DecodeError, ValidationError) as error:
        raise SettingsError(
            f'{_VARIABLE}: {file} is not JSON like {{"processor": ["User:processor"]}}: {error}'
        ) from error
    return {
        _principal(name, _VARIABLE): (given,) if isinstance(given, str) else tuple(given)
        for name, given in told.items()
    }


def _principal(name: str, where: str) -> Principal:
    try:
        return Principal(name)
    except ValueError:
        known = ", ".join(Principal)
        raise SettingsError(f"{where}: there is no principal {name!r}: {known}") from None


def _refuse_unusable(user: str, principal: Principal) -> None:
    kind, colon, name = user.partition(":")
    if not colon or not kind or not name or user == EVERYBODY:
        raise SettingsError(
            f"{principal} cannot be {user!r}: it must be one of Kafka's principals, "
            "like User:processor"
        )
