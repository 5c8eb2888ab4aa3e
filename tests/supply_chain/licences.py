"""The licence of every package that runs in production, and whether we may use it so.

Owns the list of licences that need no thought, and the reasons for the others. What a package says
is read by pip-licenses from the package itself.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from packaging.utils import canonicalize_name

from tests.docs_form import code, table
from tests.supply_chain.locked import RUNTIME, pins

ALLOWED: Final = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0",
        "PSF-2.0", "Unlicense",
    }
)  # fmt: skip
"""Permissive: use, change and pass on, with the notice kept."""

REASONS: Final = {
    "certifi": "MPL-2.0 covers its own files, a list of authorities that we do not change",
    "iso4217": "put into the public domain by its author",
    "orjson": "the part under MPL-2.0 is used as it is and not changed",
    "psycopg": "LGPL-3.0: a library of its own, imported and not changed; whoever gets the image "
    "can put another in its place",
    "psycopg-binary": "the same, as a compiled part of it",
    "python-stdnum": "LGPL-2.1 or later: a library of its own, imported and not changed",
}
"""Why what is not on the list above may be used all the same."""

_SPDX: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Public Domain": "public domain",
    "The Unlicense (Unlicense)": "Unlicense",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Licensed:
    """A package and its licence, as an SPDX expression as far as it says one."""

    package: str
    licence: str

    @property
    def allowed(self) -> bool:
        """Whether one side of every choice is on the list. `;` is a choice that was not spelt."""
        return all(
            any(_side(choice) for choice in re.split(r" OR |; ", part))
            for part in _parts(self.licence)
        )


def _parts(expression: str) -> list[str]:
    """What all has to be kept: split at AND, outside of brackets."""
    depth, parts = 0, [""]
    for word in re.split(r"(\(|\)| AND )", expression):
        depth += (word == "(") - (word == ")")
        if word == " AND " and depth == 0:
            parts.append("")
        else:
            parts[-1] += word
    return [part.strip("() ") for part in parts]


def _side(choice: str) -> bool:
    return all(word.strip("() ") in ALLOWED for word in choice.split(" AND "))


@cache
def licensed() -> tuple[Licensed, ...]:
    """Every package that this interpreter would have in production, by its canonical name."""
    names = sorted(
        {pin.name for pin in pins(RUNTIME) if pin.applies_in_production and pin.applies_here}
    )
    asked = [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--packages"]
    told = subprocess.run([*asked, *names], capture_output=True, text=True, check=True)
    found: dict[str, str] = {
        canonicalize_name(row["Name"]): " OR ".join(_words(row["License"]))
        for row in json.loads(told.stdout)
    }
    return tuple(Licensed(package=name, licence=found.get(name, "")) for name in names)


def _words(licence: str) -> Iterator[str]:
    """Several classifiers are a choice; names of old are told by their SPDX names."""
    for each in licence.split("; "):
        yield _SPDX.get(each, each)


def licences() -> str:
    """The table of docs/licences.md. Without versions: those are in the lock."""
    return table(
        ["package", "licence", "why it may be used"],
        (
            [
                code(each.package),
                each.licence or "not told",
                REASONS.get(each.package, "permissive"),
            ]
            for each in licensed()
        ),
    )
