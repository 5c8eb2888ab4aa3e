"""The generated tables of who may do what on Kafka.

Owns their rows, which are those of the table of rights with the default settings.
"""

import re
from collections.abc import Iterator
from inspect import getsource
from typing import Final

from pipelines.acls.rights import Kind, Operation, Principal, Right
from pipelines.acls.table import Names, rights
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.settings import Settings

_SHORT: Final = {
    Operation.READ: "R",
    Operation.WRITE: "W",
    Operation.DESCRIBE: "d",
    Operation.DESCRIBE_CONFIGS: "c",
    Operation.CREATE: "+",
    Operation.DELETE: "−",  # noqa: RUF001 - a minus beside the plus
    Operation.ALTER_CONFIGS: "C",
    Operation.ALTER: "A",
}


def principal_rows() -> Iterator[list[str]]:
    """Each principal and the comment that stands beside it in the source."""
    found = dict(re.findall(r'^    (\w+) = "\w+"  # (.+)$', getsource(Principal), re.MULTILINE))
    for principal in Principal:
        yield [f"`{principal}`", found[principal.name]]


def right_rows(settings: Settings, *kinds: Kind) -> Iterator[list[str]]:
    """A row for each resource of these kinds, with a cell for each principal."""
    rows = [right for right in _table(settings) if right.resource.kind in kinds]
    for resource in sorted({right.resource for right in rows}):
        name = f"`{resource.name}{'*' if resource.prefixed else ''}`"
        if len(kinds) > 1:
            name = f"{resource.kind} {name}"
        yield [name, *(_cell(rows, principal, str(resource)) for principal in Principal)]


def _cell(rows: list[Right], principal: Principal, resource: str) -> str:
    operations = {
        operation
        for right in rows
        if right.principal is principal and str(right.resource) == resource
        for operation in right.operations
    }
    return "".join(letter for operation, letter in _SHORT.items() if operation in operations)


def _table(settings: Settings) -> tuple[Right, ...]:
    # The defaults, whatever the environment of whoever asks says.
    crm = CrmSettings(_env_prefix="NO_SUCH_PREFIX_")
    enrich = EnrichSettings(_env_prefix="NO_SUCH_PREFIX_")
    return rights(settings, Names.of(settings, crm, enrich))
