"""Says in one phrase what is wrong with a setting.

Owns the wording: the variable's name, its value (masked when secret), what is expected. Knows the
fields only as they are handed in; must not read the environment itself.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_SHOWN_LENGTH: Final = 60
_TESTS_OWN: Final = "TEST_"
_NEIGHBOURS_OWN: Final = ("BI_", "CRM_", "ENRICH_", "SHOP_")
"""Each neighbour has settings of its own, beside these, and refuses what it does not know."""
_CALLERS_OWN: Final = ("TOKEN", "TOKEN_FILE")
"""What a command that calls the edge is given for itself. A worker has no token, and needs none."""
# What Kubernetes puts into every pod for each service of the namespace, unless told not to.
_SERVICE_LINK: Final = re.compile(r"_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)")
_SERVICE_LINK_HINT: Final = "Kubernetes sets it for a service: set enableServiceLinks: false"


def is_of_others(name: str) -> bool:
    """Whether a variable, without its prefix, is no setting of the service but somebody's here."""
    return name in _CALLERS_OWN or name.startswith((_TESTS_OWN, *_NEIGHBOURS_OWN))


def unknown_variables(
    environment: Mapping[str, str], prefix: str, fields: Iterable[str]
) -> list[str]:
    """A phrase for each variable that begins with `prefix` and names no field.

    Values are not shown: a misspelled secret is a secret. Variables of the tests are left alone.
    """
    known = {f"{prefix}{name.upper()}" for name in (*fields, *_CALLERS_OWN)}
    found = []
    for variable in sorted(environment):
        name = variable.upper()
        if not name.startswith(prefix) or name in known or is_of_others(name[len(prefix) :]):
            continue
        near = get_close_matches(name, sorted(known), n=1, cutoff=0.75)
        if _SERVICE_LINK.search(name):
            advice = _SERVICE_LINK_HINT
        elif near:
            advice = f"did you mean {near[0]}?"
        else:
            advice = "unset it (settings are listed in docs/settings.md)"
        found.append(f"unknown setting {variable}: {advice}")
    return found


def complain(
    error: ValidationError,
    prefix: str,
    fields: Mapping[str, FieldInfo],
    given: Mapping[str, object],
) -> list[str]:
    """A phrase for each thing that `error` found; `given` are values that no variable gave."""
    return [
        _phrase(detail, prefix, fields, given)
        for detail in error.errors(include_url=False)
        # A default made from another setting cannot be made when that one is wrong: said once.
        if detail["type"] != "default_factory_not_called"
    ]


def _phrase(
    detail: ErrorDetails,
    prefix: str,
    fields: Mapping[str, FieldInfo],
    given: Mapping[str, object],
) -> str:
    expected = _expected(detail)
    if not detail["loc"]:
        return f"settings do not fit together: {expected}"
    name = str(detail["loc"][0])
    if name not in fields:
        near = get_close_matches(name, list(fields), n=1)
        return f"unknown setting {name}" + (f": did you mean {near[0]}?" if near else "")
    shown = name if name in given else f"{prefix}{name.upper()}"
    text = str(detail["input"])
    if _is_secret(fields[name]):
        text = "***"
    elif text.startswith("tcp://"):
        expected += f" ({_SERVICE_LINK_HINT})"
    return f"{shown}={_short(text)!r} is wrong: {expected}"


def _expected(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    message = re.sub(r"^(Input|String|Value|URL) should", "it must", message)
    return message.split(", unable to", maxsplit=1)[0]


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def _short(text: str) -> str:
    # An address may carry a password where it should not, and that may have any letters.
    text = re.sub(r"//\S*@", "//***@", text)
    text = re.sub(r"(?i)(password=)[^&\s]*", r"\1***", text)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
