"""How every settings class is read from the environment, and told of when something is wrong.

Owns the order: all faults are found, and told in one line. What a setting is, is its class's.
"""

import os
from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from pipelines.faults import SettingsError
from pipelines.settings_faults import complain, unknown_variables

Read = TypeVar("Read", bound=BaseSettings)


def read_settings(
    model: type[Read], prefix: str, overrides: Mapping[str, object] | None = None
) -> Read:
    """Settings from the environment, and over them `overrides` (None there: not given).

    SettingsError, in one line, for every unknown variable that begins with `prefix` and every wrong
    value.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    unknown = unknown_variables(os.environ, prefix, model.model_fields)
    try:
        settings = model.model_validate(given)
    except ValidationError as error:
        wrong = complain(error, prefix, model.model_fields, given)
        # Not chained: that exception carries every value, secrets among them.
        raise SettingsError("; ".join([*unknown, *wrong])) from None
    if unknown:
        raise SettingsError("; ".join(unknown))
    return settings
