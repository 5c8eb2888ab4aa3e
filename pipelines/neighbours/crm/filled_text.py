"""Text with places to be filled in: the texts of messages, and what a gateway is sent.

Owns the template engine and its bounds: a template can read what it is given and nothing else of
the program, and one that asks for more is refused before anything goes out.
"""

import json
from collections.abc import Mapping
from typing import Final

from jinja2 import (
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

# What is filled in are plain texts, not pages: nothing is to be escaped but by `tojson`.
_ENGINE: Final = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    autoescape=False,
    keep_trailing_newline=False,
)
GATEWAY_SAMPLE: Final[Mapping[str, str]] = {
    "id": "00000000-0000-5000-8000-000000000000",
    "to": "+70000000000",
    "text": "…",
    "secret": "…",
}
"""What the templates of a gateway are tried with before they are used."""

_UNFILLABLE: Final = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError)


class Unfillable(Exception):
    """A template that was tried and cannot be filled in with what it got now."""


def filled(template: Template, fields: Mapping[str, str]) -> str:
    """The template with its places filled in. Unfillable, which does not say with what."""
    try:
        return template.render(fields)
    except _UNFILLABLE as error:
        raise Unfillable(type(error).__name__) from None


def filled_text(template: str, sample: Mapping[str, object] = GATEWAY_SAMPLE) -> Template:
    """A template, tried with a sample. ValueError, in a phrase, when it cannot be filled in."""
    try:
        compiled = _ENGINE.from_string(template)
        compiled.render(sample)
    except _UNFILLABLE as error:
        raise ValueError(f"it is no template that can be filled in: {_fault(error)}") from None
    return compiled


def _fault(error: Exception) -> str:
    """What is wrong, without a word of the template itself: a key may stand in it."""
    match error:
        case TemplateSyntaxError():
            return f"line {error.lineno} is wrong"
        case UndefinedError():
            return str(error)
        case _:
            return type(error).__name__


def header_templates(text: str) -> dict[str, Template]:
    """The headers of a gateway: a JSON object of names and templates. ValueError."""
    try:
        found = json.loads(text)
    except ValueError:
        raise ValueError("it must be a JSON object of headers") from None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise ValueError("it must be a JSON object of headers")
    for name in found:
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError("a header's name has letters, digits and - only")
    return {name: filled_text(template) for name, template in found.items()}
