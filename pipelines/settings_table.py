"""The settings as a table for the documentation: the service's, and each neighbour's own.

Owns the form of the table in `docs/settings.md` and in the pages of the neighbours; a test holds
those pages to it. What the settings are is `settings.py`'s, and each neighbour's.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from pipelines.settings import ENV_PREFIX, Settings

_HEADER: Final = ("| variable | default | values | meaning |", "|---|---|---|---|")


def settings_table(
    fields: Mapping[str, FieldInfo] = Settings.model_fields, prefix: str = ENV_PREFIX
) -> str:
    """Every setting as a row of a Markdown table, in the order of its class."""
    rows = [
        f"| `{prefix}{name.upper()}` | {_cell(_default(field))} | {_values(field)} "
        f"| {_cell(field.description or '')} |"
        for name, field in fields.items()
    ]
    return "\n".join([*_HEADER, *rows]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default_text" in extra:
        return str(extra["default_text"])
    match field.default:
        case None:
            return "none"
        case "":
            return "empty"
        case bool() as default:
            return f"`{str(default).lower()}`"
        case default:
            return f"`{default}`"


def _values(field: FieldInfo) -> str:
    choices = [
        str(value)
        for part in (field.annotation, *get_args(field.annotation))
        if get_origin(part) is Literal
        for value in get_args(part)
    ]
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    lowest = next((str(bound.ge) for bound in field.metadata if isinstance(bound, Ge)), None)
    highest = next((str(bound.le) for bound in field.metadata if isinstance(bound, Le)), None)
    above = next((str(bound.gt) for bound in field.metadata if isinstance(bound, Gt)), None)
    if above is not None:
        return f"above {above}" + (f", to {highest}" if highest is not None else "")
    if lowest is not None:
        return f"{lowest} to {highest}" if highest is not None else f"{lowest} or more"
    if field.annotation is bool:
        return "`true`, `false`"
    return "path" if "Path" in str(field.annotation) else "text"
