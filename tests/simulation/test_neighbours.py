"""The neighbours do everything that they say they do, and the reference shares nothing with it."""

import ast
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from pipelines.contracts.amounts import amount_to_minor, minor_to_text
from pipelines.simulation import laws, reference
from pipelines.simulation.laws_secrets import Search
from pipelines.simulation.neighbours import ACTOR_KINDS, Neighbours
from pipelines.simulation.told_amounts import (
    DIGITS,
    amount_bytes,
    amount_text,
    minor_of,
    minor_of_text,
    parts_of,
    parts_of_text,
)
from pipelines.simulation.universe import Universe
from pipelines.topics import ALL_CLIENTS, ALL_PAYMENTS, ALL_SALES_ORDER, DLQ
from tests.simulation.forged import calm_climate, whole_run


@pytest.mark.parametrize("kind", [kind.name for kind in ACTOR_KINDS])
def test_every_act_says_what_it_did_even_in_an_empty_world(kind: str) -> None:
    universe = Universe(calm_climate())
    neighbours = Neighbours(universe)
    universe.attach(neighbours)
    universe.begin(Random(1))
    assert neighbours.act(kind, Random(1))


def test_the_whole_run_has_met_every_way_of_the_world() -> None:
    universe, neighbours = whole_run()
    for topic in (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS, DLQ):
        assert list(universe.records(topic)), topic.name
    counts = Counter({name: count for name, count in universe.counters.items() if ": " in name})
    done = {name for name in counts if name.endswith(": done")}
    wanted = {"takeNext", "revealCode", "authorize", "capture", "lock", "unlock", "notify"}
    assert wanted <= {name.partition(":")[0] for name in done}
    assert {"authorize: wrong-cvc", "takeNext: request-reused"} <= counts.keys()
    currencies = {order.currency for order in neighbours.selling.orders if order.lines}
    assert {"RUB", "JPY", "KWD"} <= currencies
    versions = {each.version for order in neighbours.selling.orders for each in order.payments}
    assert versions == {1, 2}
    assert neighbours.callers.errands
    assert neighbours.wallet.told()


def test_the_same_steps_make_the_same_world() -> None:
    digests = []
    for _ in range(2):
        universe = Universe(calm_climate())
        neighbours = Neighbours(universe)
        universe.attach(neighbours)
        universe.begin(Random(1))
        random = Random(2)
        for _ in range(300):
            universe.random = Random(random.getrandbits(40))
            neighbours.act(random.choice(ACTOR_KINDS).name, universe.random)
        digests.append(universe.digest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize("currency", DIGITS)
@pytest.mark.parametrize("minor", [0, 1, 12, 127, 128, 99_999, 12_345_678])
def test_amounts_told_here_are_those_that_the_contract_reads(minor: int, currency: str) -> None:
    raw, text = amount_bytes(minor, currency), amount_text(minor, currency)
    assert amount_to_minor(raw, currency) == minor == minor_of(raw, currency)
    assert Decimal(text) == Decimal(minor_to_text(minor, currency))
    assert minor_of_text(text, currency) == minor
    assert parts_of_text(text) == parts_of(minor, currency)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12345678", True),
        ("the code is 12345678.", True),
        ("sale-12345678/p1", True),
        ("A12345678", False),
        ("112345678", False),
        ("12345678-1234-4234-8234-123456789012", False),
    ],
)
def test_a_code_is_found_where_it_stands_by_itself(text: str, found: bool) -> None:
    stored = b"\x01" + bytes([0xA0 + len(text)]) + text.encode() if len(text) < 32 else b""
    search = Search(["12345678"])
    if stored:
        assert (search.in_stored(b"key", stored) is not None) == found
    assert search._is_in(text) == found


def test_the_reference_imports_nothing_that_it_judges() -> None:
    """Its own modules and the standard library: that is what makes it a second opinion."""
    folder = Path(reference.__file__).parent
    standard = {"collections", "dataclasses", "typing"}
    for path in folder.glob("reference*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                name = node.module or ""
                own = name.startswith("pipelines.simulation")
                assert own or name.partition(".")[0] in standard, (path.name, name)
            assert not isinstance(node, ast.Import), path.name


def test_the_laws_import_no_rule_that_they_judge() -> None:
    """Only the fold of law 4 runs the stages: it has to be the very code."""
    folder = Path(laws.__file__).parent
    rules = ("state.certificate.machine", "state.certificate.transition", "state.correlation")
    for path in folder.glob("laws*.py"):
        imported = [
            node.module or ""
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
        ]
        for name in imported:
            assert not name.startswith((*rules, "state.pool")), (path.name, name)
            stage = name.startswith("pipelines.stages") and name != "pipelines.stages.record"
            assert not stage or path.name == "laws_fold.py", (path.name, name)
