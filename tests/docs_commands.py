"""The commands of `giftcert` as a chapter of the documentation, made from the program's own help.

Owns what is read from the command line's library and the form it gets. Says nothing that
`giftcert COMMAND --help` does not say.
"""

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipelines import cli
from tests.docs_form import NONE, code, table

_PARAGRAPH = re.compile(r"\n\s*\n")
_CONTROL = re.compile(r"^(?:\x08|\\b)\n", re.MULTILINE)
"""What the command line's library reads as: leave the lines of this paragraph as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument or option: as it is written, what it defaults to, what it means."""

    written: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHelp:
    """One command, or one of a group's, with its whole name."""

    name: str
    paragraphs: Sequence[str]
    parameters: Sequence[Parameter]

    def options(self) -> frozenset[str]:
        """The names of its options, short ones too."""
        words = [word for each in self.parameters for word in re.split(r"[ ,]+", each.written)]
        return frozenset(word for word in words if word.startswith("-"))


@cache
def command_helps() -> Sequence[CommandHelp]:
    """Every command in the order of its table; a group is there by its members alone."""
    return tuple(_every())


def _every() -> Iterator[CommandHelp]:
    for row in cli.COMMANDS:
        # The library's own types are not public, and only what is asked for below is used of them.
        program: Any = cli._program(row.name)
        command = program.commands[row.name]
        members = getattr(command, "commands", None)
        if members is None:
            yield _help(f"giftcert {row.name}", command)
        else:
            for name, member in members.items():
                yield _help(f"giftcert {row.name} {name}", member)


def _help(name: str, command: Any) -> CommandHelp:
    text = _CONTROL.sub("", command.help or "")
    paragraphs = [part.strip("\n") for part in _PARAGRAPH.split(text)]
    return CommandHelp(
        name=name,
        paragraphs=[part for part in paragraphs if part.strip()],
        parameters=[_parameter(each) for each in command.params if not each.hidden],
    )


def _parameter(parameter: Any) -> Parameter:
    meaning = parameter.help or ""
    told = re.search(r"\s*\[default: (?P<text>[^\]]+)\]$", meaning)
    return Parameter(
        written=_written(parameter),
        default=told["text"] if told else _default(parameter),
        meaning=meaning[: told.start()] if told else meaning,
    )


def _written(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    names = [*parameter.opts, *parameter.secondary_opts]
    value = f" {parameter.metavar}" if parameter.metavar and not parameter.is_flag else ""
    return ", ".join(names) + value


def _default(parameter: Any) -> str:
    if parameter.required:
        return "needed"
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    match parameter.default:
        case None | False:
            return ""
        case bool():
            return str(parameter.opts[0])
        case default if callable(default):
            return ""
        case default:
            return str(default)


def commands() -> str:
    """Every command: what it does, what it takes, and examples."""
    sections = []
    for each in command_helps():
        told = [_told(paragraph) for paragraph in each.paragraphs]
        rows = [[code(row.written), row.default or NONE, row.meaning] for row in each.parameters]
        options = [table(["argument or option", "default", "meaning"], rows)] if rows else []
        sections.append("\n\n".join([f"## {each.name}", *told, *options]).rstrip("\n") + "\n")
    return "\n".join(sections)


def _told(paragraph: str) -> str:
    """A paragraph of a command's help; what it gives as examples is code."""
    if not paragraph.startswith("Examples:"):
        return paragraph
    return "```text\n" + inspect.cleandoc(paragraph.partition("\n")[2]) + "\n```"
