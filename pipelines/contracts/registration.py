"""What a schema registry should hold, compared with what it holds, and made so.

Owns the comparison and the order of changes. Our subjects are registered and set to
FULL_TRANSITIVE. A source's subject belongs to its owner: it is only looked at, to see that we can
read all that its owner may write; where no owner is (a stack of one's own) it can be registered
like ours, once, and is never changed after that.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from fastavro.schema import SchemaParseException, UnknownType

from pipelines.contracts.compatibility import incompatibilities, reading_problems
from pipelines.contracts.registry import (
    FULL_TRANSITIVE,
    HeldSchema,
    Registry,
    SchemaIncompatible,
)
from pipelines.contracts.schemas import RecordName, Schema, current, published


class Action(StrEnum):
    """What is (to be) done to a subject, or that nothing is."""

    EQUAL = "equal"
    REGISTERED = "registered"
    LEVEL_SET = "compatibility set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing done to one subject."""

    subject: str
    action: Action
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in a registry that is not as the flow needs it."""

    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What one subject lacks. `level` is what it has now, None when it has none of its own."""

    subject: str
    exists: bool
    missing: tuple[Schema, ...]
    level: str | None

    @property
    def level_differs(self) -> bool:
        return self.level != FULL_TRANSITIVE


def apply_schemas(
    registry: Registry, subjects: Mapping[RecordName, str], *, dry_run: bool = False
) -> tuple[Outcome, ...]:
    """Register what is missing and set the level. All is compared before anything is changed.

    SchemaIncompatible, with nothing changed, when a registered version and one of ours cannot read
    one another.
    """
    plans = [_plan(registry, record, subject) for record, subject in subjects.items()]
    outcomes: list[Outcome] = []
    for plan in plans:
        outcomes.extend(_outcomes(plan))
        if not dry_run:
            _carry_out(registry, plan)
    return tuple(outcomes)


def register_absent_sources(
    registry: Registry, subjects: Mapping[RecordName, str], *, dry_run: bool = False
) -> tuple[Outcome, ...]:
    """Register the sources that nobody has registered; leave every other one as it is."""
    absent = {record: name for record, name in subjects.items() if not registry.held(name)}
    there = tuple(
        Outcome(subject=name, action=Action.EQUAL, detail="left to its owner")
        for record, name in subjects.items()
        if record not in absent
    )
    return (*there, *apply_schemas(registry, absent, dry_run=dry_run))


def check_schemas(
    registry: Registry, own: Mapping[RecordName, str], sources: Mapping[RecordName, str]
) -> tuple[Difference, ...]:
    """In what the registry differs from what the flow needs.

    A source that is not registered at all is no difference: its owner may frame without a registry.
    """
    found: list[Difference] = []
    for record, subject in own.items():
        held = registry.held(subject)
        plan = _plan_against(registry, record, subject, held)
        found.extend(_conflicts(record, subject, held))
        found.extend(
            Difference(subject=subject, detail=f"version {schema.version} is not registered")
            for schema in plan.missing
        )
        if plan.exists and plan.level_differs:
            detail = f"compatibility is {plan.level or 'not set'}, expected {FULL_TRANSITIVE}"
            found.append(Difference(subject=subject, detail=detail))
    for record, subject in sources.items():
        found.extend(_unreadable(record, subject, registry.held(subject)))
    return tuple(found)


def _plan(registry: Registry, record: RecordName, subject: str) -> _Plan:
    held = registry.held(subject)
    conflict = next(_conflicts(record, subject, held), None)
    if conflict is not None:
        raise SchemaIncompatible(f"{conflict}: nothing was changed")
    return _plan_against(registry, record, subject, held)


def _plan_against(
    registry: Registry, record: RecordName, subject: str, held: tuple[HeldSchema, ...]
) -> _Plan:
    ours = published(record)
    if not held:
        return _Plan(subject=subject, exists=False, missing=ours, level=None)
    return _Plan(
        subject=subject,
        exists=True,
        missing=tuple(schema for schema in ours if registry.find(subject, schema) is None),
        level=registry.compatibility(subject),
    )


def _outcomes(plan: _Plan) -> Iterator[Outcome]:
    for schema in plan.missing:
        detail = f"{schema.record.value} version {schema.version}"
        yield Outcome(subject=plan.subject, action=Action.REGISTERED, detail=detail)
    if plan.level_differs:
        detail = f"{plan.level or 'none of its own'} -> {FULL_TRANSITIVE}"
        yield Outcome(subject=plan.subject, action=Action.LEVEL_SET, detail=detail)
    elif not plan.missing:
        yield Outcome(subject=plan.subject, action=Action.EQUAL, detail="as it must be")


def _carry_out(registry: Registry, plan: _Plan) -> None:
    missing = list(plan.missing)
    # Not every registry keeps a level for a subject that is not there yet; with the level set after
    # the first version, the registry itself judges all others.
    if not plan.exists:
        registry.register(plan.subject, missing.pop(0))
    if plan.level_differs:
        registry.set_full_transitive(plan.subject)
    for schema in missing:
        registry.register(plan.subject, schema)


def _conflicts(
    record: RecordName, subject: str, held: tuple[HeldSchema, ...]
) -> Iterator[Difference]:
    """Registered versions that cannot read ours, or that ours cannot read."""
    for version in held:
        problems = [
            problem
            for schema in published(record)
            for problem in _judged(version, schema, both_ways=True)
        ]
        if problems:
            yield _conflict(subject, version, problems[0])


def _unreadable(
    record: RecordName, subject: str, held: tuple[HeldSchema, ...]
) -> Iterator[Difference]:
    """Versions of a source that our reader cannot read."""
    for version in held:
        problems = _judged(version, current(record), both_ways=False)
        if problems:
            yield _conflict(subject, version, problems[0])


def _conflict(subject: str, held: HeldSchema, problem: str) -> Difference:
    detail = f"registered version {held.version} does not fit: {problem}"
    return Difference(subject=subject, detail=detail)


def _judged(held: HeldSchema, schema: Schema, *, both_ways: bool) -> list[str]:
    if held.text is None:
        return ["it is not an Avro schema, or not a whole one"]
    try:
        other = json.loads(held.text)
        if both_ways:
            return incompatibilities(schema.declared, other)
        return reading_problems(schema.declared, other)
    except (SchemaParseException, UnknownType, ValueError) as error:
        return [f"it is not an Avro schema: {error}"]
