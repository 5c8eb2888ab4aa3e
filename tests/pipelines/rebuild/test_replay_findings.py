"""What today's code makes, held against what is on the topics, and what appending may repair."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.rebuild.derived import (
    DerivedRecords,
    Written,
    command_of,
    correlate_again,
    derive,
    fact_of,
)
from pipelines.rebuild.findings import (
    COMMAND,
    DELIVERY,
    FACT,
    Compared,
    Finding,
    Verdict,
    changes,
)
from pipelines.rebuild.repairs import aged_of, repairs_of
from pipelines.replay import fold_records
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.record import Incoming, Outgoing
from pipelines.topics import ALL_PAYMENTS, COMMANDS, FACTS
from state.certificate.commands import Issue
from state.correlation.facts import Fact, Happening, PaymentType
from tests.pipelines.rebuild.log_in_memory import LogInMemory
from tests.pipelines.stages.stage_in_memory import AT_MS, FRAMING, PARTITIONS
from tests.state.correlation.story import KEY, PURCHASE, fact, payment


def written(told: Fact) -> Written:
    value = FRAMING.encode(RecordName.FACT, fact_to_record(told))
    key = told.correlation_id.encode()
    return Written(topic=FACTS, key=key, value=value, headers=(), about=told.correlation_id)


def value_of(told: Fact) -> bytes:
    return written(told).value


PAID = fact(payment(PaymentType.CAPTURE, 100), 5)
DEARER = replace(PAID, happening=payment(PaymentType.CAPTURE, 101))


def compared(derived: Sequence[Fact], there: Sequence[Fact]) -> Compared[Fact]:
    records = DerivedRecords()
    for each in derived:
        records.add(each.fact_id, written(each))
    found = Compared(FACT, records, lambda value: fact_of(FRAMING, value))
    for each in there:
        if not found.show(each.fact_id, fact_of(FRAMING, value_of(each)), value_of(each)):
            found.note_extra(each.fact_id, each.correlation_id, each)
    return found


OTHER_POLICY = replace(PAID, policy=replace(PAID.policy, missing_after_ms=1))
ROWS = [
    ("the same", [PAID], [PAID], []),
    ("told with other waiting times", [PAID], [OTHER_POLICY], []),
    ("told twice, and there once", [PAID, PAID], [PAID], []),
    ("there twice", [PAID], [PAID, PAID], []),
    ("not there", [PAID], [], [Verdict.MISSING]),
    ("there with another amount", [PAID], [DEARER], [Verdict.DIFFERENT]),
    ("there in both ways", [PAID], [DEARER, PAID], []),
    ("there in both ways, the right one first", [PAID], [PAID, DEARER], []),
    ("made in two ways, and there in one", [PAID, DEARER], [PAID], [Verdict.MISSING]),
    ("there, and made by nothing", [], [PAID], [Verdict.EXTRA]),
]


@pytest.mark.parametrize(
    ("derived", "there", "verdicts"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_record_is_compared_by_its_id_and_content(
    derived: list[Fact], there: list[Fact], verdicts: list[Verdict]
) -> None:
    found = compared(derived, there)
    assert [each.verdict for each in found.findings()] == verdicts
    assert found.equal == (1 if derived and not verdicts else 0)


def test_difference_names_each_field_and_no_number() -> None:
    told = payment(PaymentType.CAPTURE, 100)
    other = replace(told, certificate_id="GC-0000-1234", amount_minor=7)
    assert list(changes(told, other)) == [
        "amount_minor 100 on the topic, 7 today",
        "certificate_id nothing on the topic, …1234 today",
    ]
    assert list(changes(PURCHASE, replace(PURCHASE, lines=()))) == [
        "lines[0] CertificateLine on the topic, nothing today",
        "lines[0].amount_minor 100 on the topic, nothing today",
        "lines[0].certificate_id …000A on the topic, nothing today",
        "lines[0].line_id L1 on the topic, nothing today",
    ]


def test_finding_masks_the_number_in_its_id() -> None:
    finding = Finding(
        kind=COMMAND,
        verdict=Verdict.EXTRA,
        record_id="order-1/pending/GC-0000-1234",
        about="order-1",
        text="RefundPending",
        numbers=("GC-0000-1234",),
    )
    assert str(finding) == "command order-1/pending/…1234: extra, RefundPending"


# What may be appended


def test_discarded_record_of_a_source_is_never_made_anything_of() -> None:
    """A person decided so when it was broken; today's code can read it."""

    def ingest(incoming: Incoming) -> list[Outgoing]:
        told = fact_of(FRAMING, incoming.value)
        return [Outgoing(topic=FACTS, key=told.correlation_id.encode(), value=incoming.value)]

    log = LogInMemory()
    refused = log.append(ALL_PAYMENTS, b"any", value_of(PAID))
    log.append(ALL_PAYMENTS, b"any", value_of(replace(PAID, fact_id="other")))
    (records,) = log.records.values()
    into = {FACTS: DerivedRecords(), COMMANDS: DerivedRecords()}
    place = (refused.topic, refused.partition, refused.offset)
    derive(records, ingest, FRAMING, into, discarded={place})
    assert set(into[FACTS].by_id) == {"other"}


@pytest.mark.parametrize(
    ("told_ms", "aged"), [([9], True), ([10], False), ([9, 10], False), ([10, 9], False)]
)
def test_what_was_told_before_the_dead_letters_begin_is_aged(
    told_ms: list[int], aged: bool
) -> None:
    """Told again since, and not discarded: then there is no doubt."""
    records = DerivedRecords()
    for each in told_ms:
        records.add(PAID.fact_id, replace(written(PAID), told_ms=each))
    found = Compared(FACT, records, lambda value: fact_of(FRAMING, value))
    ids = aged_of(found, list(found.findings()), 10)
    assert ids == ({PAID.fact_id} if aged else frozenset())


def test_command_that_a_correlation_sends_twice_is_not_aged() -> None:
    records = DerivedRecords()
    for _ in range(2):
        records.add("one", written(PAID))
    (kept,) = records.by_id["one"]
    assert kept.told_ms is None


def test_nothing_is_appended_of_what_is_aged_nor_beside_it() -> None:
    findings = [
        finding(FACT, MISSING, "a", "old"),
        finding(FACT, MISSING, "a", "young"),
        finding(FACT, MISSING, "b", "other"),
        finding(DELIVERY, MISSING, "c", "told"),
    ]
    found = repairs_of(findings, {"old"})
    assert found == {FACT: ("other",), DELIVERY: ("told",), COMMAND: ()}


def finding(kind: str, verdict: Verdict, about: str, record_id: str = "") -> Finding:
    return Finding(
        kind=kind, verdict=verdict, record_id=record_id or f"{about}/{kind}", about=about, text=""
    )


MISSING, DIFFERENT, EXTRA = Verdict.MISSING, Verdict.DIFFERENT, Verdict.EXTRA
REPAIRS: list[tuple[str, list[Finding], set[str]]] = [
    ("a fact is a half that comes late", [finding(FACT, MISSING, "a")], {"a/fact"}),
    (
        "not beside a fact that says something else",
        [finding(FACT, MISSING, "a"), finding(FACT, DIFFERENT, "a", "other")],
        set(),
    ),
    (
        "not beside a fact that nothing led to",
        [finding(FACT, MISSING, "a"), finding(FACT, EXTRA, "a", "other")],
        set(),
    ),
    (
        "another correlation's trouble is its own",
        [finding(FACT, MISSING, "a"), finding(FACT, DIFFERENT, "b")],
        {"a/fact"},
    ),
    ("a command of known facts", [finding(COMMAND, MISSING, "a")], {"a/command"}),
    (
        "a command of a correlation that a fact comes to is sent by the correlation itself",
        [finding(FACT, MISSING, "a"), finding(COMMAND, MISSING, "a")],
        {"a/fact"},
    ),
    (
        "not where another was sent in its place",
        [finding(COMMAND, MISSING, "a"), finding(COMMAND, EXTRA, "a", "other")],
        set(),
    ),
    (
        "not where another content was sent",
        [finding(COMMAND, MISSING, "a"), finding(COMMAND, DIFFERENT, "a", "other")],
        set(),
    ),
    ("what is different is never sent again", [finding(COMMAND, DIFFERENT, "a")], set()),
    ("what is extra stays", [finding(COMMAND, EXTRA, "a")], set()),
    (
        "a delivery is about itself",
        [finding(DELIVERY, MISSING, "a"), finding(FACT, DIFFERENT, "a")],
        {"a/delivery"},
    ),
]


@pytest.mark.parametrize(
    ("findings", "repaired"), [row[1:] for row in REPAIRS], ids=[row[0] for row in REPAIRS]
)
def test_appending_repairs_what_it_is_sound_for(
    findings: list[Finding], repaired: set[str]
) -> None:
    found = repairs_of(findings)
    assert {each for ids in found.values() for each in ids} == repaired


# Deriving


def test_commands_of_the_facts_are_those_that_the_correlation_sends(log: LogInMemory) -> None:
    happenings: list[Happening] = [PURCHASE, payment(PaymentType.CAPTURE, 100)]
    for number, happening in enumerate(happenings):
        told = replace(fact(happening, 1_000 + number), fact_id=f"fact-{number}")
        log.append(FACTS, KEY.encode(), value_of(told))
    records = [each for records in log.records.values() for each in records]
    sent: list[Outgoing] = []
    stage = CorrelateStage(FRAMING, PARTITIONS)

    def listen(incoming: Incoming, kept: object, deadlines: object, /) -> list[Outgoing]:
        outputs = stage(incoming, kept, deadlines)  # type: ignore[arg-type]  # handed on as they are
        sent.extend(outputs)
        return outputs

    fold_records(iter(records), listen)
    derived = correlate_again(records, FRAMING, PARTITIONS)
    values = [each.value for kept in derived.by_id.values() for each in kept]
    assert values == [each.value for each in sent]
    actions = [type(command_of(FRAMING, value).action) for value in values]
    assert Issue in actions
    assert correlate_again(records, FRAMING, PARTITIONS, only={"another"}).by_id == {}
    dead = {(each.topic, each.partition, each.offset) for each in records}
    assert correlate_again(records, FRAMING, PARTITIONS, dead=dead).by_id == {}


def test_deriving_keeps_what_ingest_makes_and_counts_what_it_cannot_read() -> None:
    def ingest(incoming: Incoming) -> list[Outgoing]:
        told = fact_of(FRAMING, incoming.value)
        return [Outgoing(topic=FACTS, key=told.correlation_id.encode(), value=incoming.value)]

    log = LogInMemory()
    log.append(ALL_PAYMENTS, b"any", value_of(PAID))
    log.append(ALL_PAYMENTS, b"any", value_of(PAID))
    log.append(ALL_PAYMENTS, b"any", b"broken")
    (records,) = log.records.values()
    into = {FACTS: DerivedRecords(), COMMANDS: DerivedRecords()}
    broken: list[Incoming] = []
    derive(records, ingest, FRAMING, into, note_broken=broken.append)
    assert {key: len(kept) for key, kept in into[FACTS].by_id.items()} == {PAID.fact_id: 1}
    assert [each.offset for each in broken] == [records[2].offset]
    (kept,) = into[FACTS].by_id[PAID.fact_id]
    assert kept.told_ms == AT_MS
    elsewhere = {FACTS: DerivedRecords(), COMMANDS: DerivedRecords()}
    derive(records, ingest, FRAMING, elsewhere, only={"another"})
    assert elsewhere[FACTS].by_id == {}
