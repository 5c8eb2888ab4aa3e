"""Whatever a record says, a stage performs it or calls it broken, and then has done nothing."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.framing import Fields, Framing
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName, current, published
from pipelines.partitioning import partition_of
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.index import IndexStage
from pipelines.stages.ingest import ClientsIngest, IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import Incoming, Outgoing, StatefulStage, StatelessStage
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    INDEX,
    POOL,
    Topic,
)
from state.certificate.commands import Action, Activate, Issue, Load, Lock, Reserve
from tests.contracts.actions import (
    ACTIONS,
    HAPPENINGS,
    POLICY,
    POOL_ACTIONS,
    command,
    fact,
    pool_command,
)
from tests.contracts.framings import SINGLE_OBJECT
from tests.contracts.generated import damaged
from tests.contracts.guarded_stage import GuardedStage, assert_readable
from tests.contracts.hostile_values import spoilt
from tests.contracts.samples import AT_MS, SAMPLES, sample_of
from tests.pipelines.stages.stage_in_memory import PARTITIONS

RULES = IngestRules(policy=POLICY, accept_unmarked_payments=True)
STATEFUL: dict[Topic, tuple[RecordName, Callable[[Framing, int], StatefulStage], str]] = {
    COMMANDS: (RecordName.COMMAND, CertificatesStage, "certificateId"),
    FACTS: (RecordName.FACT, CorrelateStage, "correlationId"),
    POOL: (RecordName.POOL_COMMAND, PoolStage, "pool"),
    INDEX: (RecordName.INDEX_ENTRY, IndexStage, "entry"),
}
GOOD = {
    COMMANDS: [command_to_record(command(action)) for action in ACTIONS],
    FACTS: [fact_to_record(fact(happening)) for happening in HAPPENINGS],
    POOL: [pool_command_to_record(pool_command(action)) for action in POOL_ACTIONS],
    INDEX: [SAMPLES[RecordName.INDEX_ENTRY]],
}
STEPPED = ("commandId", "requestId")
STEPS = st.integers(min_value=0, max_value=5)
RESERVE = next(action for action in ACTIONS if isinstance(action, Reserve))
TIMES = st.sampled_from(
    [AT_MS, 0, -1, -(2**63), 2**63 - 1, AT_MS + 86_400_000, 253_402_300_800_000]
)


def selling() -> list[Fields]:
    """What makes a certificate of a number: most of what is asked needs one."""
    kinds: list[type[Action]] = [Load, Reserve, Issue, Activate]
    records = []
    for position, kind in enumerate(kinds):
        action = next(each for each in ACTIONS if isinstance(each, kind))
        records.append(command_to_record(command(action, command_id=f"life-{position}")))
    return records


PRELUDES: dict[Topic, list[list[Fields]]] = {
    COMMANDS: [selling()[:count] for count in range(5)],
    FACTS: [[], GOOD[FACTS][:1], [GOOD[FACTS][0], GOOD[FACTS][3]]],
    POOL: [[], GOOD[POOL][:1], GOOD[POOL][:1] + GOOD[POOL][2:3]],
    INDEX: [[], GOOD[INDEX]],
}


def fresh(good: Fields, step: int) -> Fields:
    """The good record as another request, version or payment than before; step 0 repeats it."""
    if step == 0:
        return good
    renewed = dict(good)
    for name in ("commandId", "requestId", "certificateId"):
        if name in STEPPED and good.get(name) is not None:
            renewed[name] = f"{good[name]}-{step}"
    if good.get("order") is not None:
        renewed["order"] = {**good["order"], "version": good["order"]["version"] + step}
    if good.get("payment") is not None:
        renewed["payment"] = {**good["payment"], "paymentId": f"payment-{step}"}
    return renewed


def stage_of(topic: Topic) -> GuardedStage:
    _, stage, _ = STATEFUL[topic]
    return GuardedStage(topic, stage(SINGLE_OBJECT, PARTITIONS))


@pytest.mark.parametrize("topic", STATEFUL, ids=lambda topic: topic.name)
@given(data=st.data())
def test_any_story_of_hostile_records_is_performed_or_refused_one_by_one(
    topic: Topic, data: st.DataObject
) -> None:
    name, _, subject = STATEFUL[topic]
    guarded = stage_of(topic)
    for fields in data.draw(st.sampled_from(PRELUDES[topic])):
        given_ = guarded.give(SINGLE_OBJECT.encode(name, fields), str(fields[subject]).encode())
        assert not isinstance(given_, BrokenRecord)
    for good in data.draw(st.lists(st.sampled_from(GOOD[topic]), min_size=1, max_size=6)):
        fields = data.draw(spoilt(current(name), fresh(good, data.draw(STEPS))))
        timestamp_ms = data.draw(st.one_of(st.just(AT_MS), TIMES))
        guarded.give(
            SINGLE_OBJECT.encode(name, fields),
            str(fields[subject]).encode(),
            timestamp_ms=timestamp_ms,
        )


SOURCES: dict[Topic, tuple[RecordName, StatelessStage]] = {
    ALL_SALES_ORDER: (RecordName.SALES_ORDER, OrdersIngest(SINGLE_OBJECT, RULES)),
    ALL_PAYMENTS: (RecordName.PAYMENT, PaymentsIngest(SINGLE_OBJECT, RULES)),
    ALL_CLIENTS: (RecordName.CLIENT, ClientsIngest(SINGLE_OBJECT)),
}


def ingested(
    topic: Topic, value: bytes | None, key: bytes | None = None, timestamp_ms: int = AT_MS
) -> list[Outgoing] | BrokenRecord:
    """What ingest made of a record; all of it can be read by the next stage."""
    _, stage = SOURCES[topic]
    incoming = Incoming(
        topic=topic.name,
        partition=0,
        offset=0,
        key=key,
        value=value,
        headers=(),
        timestamp_ms=timestamp_ms,
    )
    try:
        outputs = stage(incoming)
    except BrokenRecord as broken:
        return broken
    for output in outputs:
        assert_readable(output)
    return outputs


@pytest.mark.parametrize("topic", SOURCES, ids=lambda topic: topic.name)
@given(data=st.data())
def test_any_record_of_a_source_becomes_what_the_next_stage_reads_or_is_broken(
    topic: Topic, data: st.DataObject
) -> None:
    name, _ = SOURCES[topic]
    schema = data.draw(st.sampled_from(published(name)))
    fields = data.draw(spoilt(schema, sample_of(schema)))
    value = SINGLE_OBJECT.encode(name, fields, version=schema.version)
    key = data.draw(st.one_of(st.none(), st.binary(max_size=20)))
    ingested(topic, value, key, data.draw(st.one_of(st.just(AT_MS), TIMES)))


@pytest.mark.parametrize("topic", [*STATEFUL, *SOURCES], ids=lambda topic: topic.name)
@given(data=st.data())
def test_any_bytes_on_any_input_are_performed_or_refused(topic: Topic, data: st.DataObject) -> None:
    """None, nothing, noise, and good records that were damaged, under any key, anywhere."""
    name = (STATEFUL.get(topic) or SOURCES[topic])[0]
    whole = SINGLE_OBJECT.encode(name, SAMPLES[name])
    value = data.draw(
        st.one_of(st.none(), st.just(b""), st.binary(max_size=40), damaged(whole, header=0))
    )
    if topic in SOURCES:
        ingested(topic, value)
        return
    subject = str(SAMPLES[name][STATEFUL[topic][2]]).encode()
    key = data.draw(st.one_of(st.none(), st.binary(max_size=20), st.just(subject)))
    partition = data.draw(st.one_of(st.none(), st.integers(min_value=0, max_value=PARTITIONS)))
    stage_of(topic).give(value, key, partition=partition)


@pytest.mark.parametrize("topic", STATEFUL, ids=lambda topic: topic.name)
def test_good_record_under_another_key_or_elsewhere_is_refused_by_every_stage(topic: Topic) -> None:
    """And behind it the same record, where it belongs, is performed."""
    name, _, subject = STATEFUL[topic]
    fields = GOOD[topic][0]
    value, key = SINGLE_OBJECT.encode(name, fields), str(fields[subject]).encode()
    guarded = stage_of(topic)
    right = partition_of(key, PARTITIONS)
    for wrong in (None, b"", key + b" ", key.swapcase(), key[:-1], b"\xff" + key, key + b"\x00"):
        assert isinstance(guarded.give(value, wrong), BrokenRecord), wrong
        assert isinstance(guarded.give(value, wrong, partition=right), BrokenRecord), wrong
    for partition in set(range(PARTITIONS + 1)) - {right}:
        assert isinstance(guarded.give(value, key, partition=partition), BrokenRecord)
    assert not isinstance(guarded.give(value, key), BrokenRecord)


def test_longest_id_of_a_request_leads_to_an_entry_that_the_index_takes() -> None:
    """The entry is the id with a word before it."""
    guarded = stage_of(COMMANDS)
    for action, command_id in ((Load(pool="ELECTRONIC"), "load"), (RESERVE, "x" * 1_000)):
        fields = command_to_record(command(action, command_id=command_id))
        value = SINGLE_OBJECT.encode(RecordName.COMMAND, fields)
        outputs = guarded.give(value, str(fields["certificateId"]).encode())
    assert not isinstance(outputs, BrokenRecord)
    entries = [output for output in outputs if output.topic is INDEX]
    assert [len(output.key or b"") for output in entries] == [1_008, 13]
    index = stage_of(INDEX)
    for output in entries:
        assert index.give(output.value, output.key) == []


def test_request_that_was_passed_on_and_comes_as_another_action_is_refused() -> None:
    """Found by the stories above: it had stopped the worker, again after every restart."""
    guarded = stage_of(COMMANDS)
    key = b"GC-0000-0042"

    def ask(action: Action) -> list[Outgoing]:
        fields = command_to_record(command(action, body_digest=None))
        outputs = guarded.give(SINGLE_OBJECT.encode(RecordName.COMMAND, fields), key)
        assert not isinstance(outputs, BrokenRecord)
        return outputs

    [again] = ask(RESERVE)  # Nobody loaded the number: the pool is asked for another.
    assert again.topic is POOL
    [reply] = ask(Lock(reason="under the same id"))
    fields = SINGLE_OBJECT.decode(RecordName.REPLY, reply.value)
    assert fields["rejection"]["code"] == "REQUEST_REUSED"
    assert [output.topic for output in ask(RESERVE)] == [POOL]


@pytest.mark.parametrize("timestamp_ms", [-(2**63), -1, 253_402_300_800_000, 2**63 - 1])
def test_fact_at_a_time_that_is_none_is_refused(timestamp_ms: int) -> None:
    """Waiting counts from it: such a deadline could not even be written down."""
    guarded = stage_of(FACTS)
    value = SINGLE_OBJECT.encode(RecordName.FACT, GOOD[FACTS][0])
    refused = guarded.give(value, b"correlation-1", timestamp_ms=timestamp_ms)
    assert isinstance(refused, BrokenRecord)
    assert "timestamp" in refused.text
