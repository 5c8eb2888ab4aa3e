"""What the commands need of topics: the operator may all of it, and each asks for no more."""

import pytest

from pipelines.acls.errands import Errand, needs_of
from pipelines.acls.rights import Kind, Operation, Principal, Resource
from pipelines.acls.table import NO_NAMES, rights
from pipelines.settings import load_settings

CHANGES = {
    Errand.DISCARD: {"DLQ"},
    Errand.RETRY: {"DLQ", "Facts", "Commands", "Pool", "Index"},
    Errand.APPEND: {"Facts", "Commands"},
    Errand.REBUILD: {"default"},
    Errand.REPLACE: {"default"},
}
"""The last word of each topic that an errand writes to; every changelog ends alike."""


@pytest.mark.parametrize("errand", Errand)
def test_operator_has_every_right_that_an_errand_needs(errand: Errand) -> None:
    settings = load_settings({"topic_prefix": "b-"})
    table = [each for each in rights(settings, NO_NAMES) if each.principal is Principal.OPERATOR]
    for name, operations in needs_of(errand, settings).items():
        topic = Resource(kind=Kind.TOPIC, name=name)
        for operation in operations:
            assert any(right.allows(operation, topic) for right in table), (operation, name)


@pytest.mark.parametrize("errand", Errand)
def test_errand_asks_to_write_where_its_command_writes_and_nowhere_else(errand: Errand) -> None:
    reading = {Operation.READ, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS}
    needs = needs_of(errand, load_settings())
    written = {name for name, operations in needs.items() if operations - reading}
    assert {name.replace("--", ".").rpartition(".")[2] for name in written} == CHANGES.get(
        errand, set()
    )
