"""Replay: folding records again through a stage gives the records of each partition."""

from collections.abc import Iterator

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.replay import fold_records
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.record import Incoming
from state.certificate.commands import Action, Load
from state.certificate.record import Lifecycle
from state.stores.codec import CERTIFICATE_STATE
from state.stores.layout import DEADLINES, SEPARATOR, deadline_entry
from tests.pipelines.stages.stage_in_memory import FRAMING, PARTITIONS, incoming
from tests.state.certificate.specimens import RESERVED_UNTIL_MS, command, reserve_number

NUMBERS = [f"GC-{index:04d}" for index in range(40)]


def records(*actions: tuple[str, str, Action]) -> Iterator[Incoming]:
    for offset, (number, command_id, action) in enumerate(actions):
        record = command_to_record(command(action, command_id, certificate_id=number))
        value = FRAMING.encode(RecordName.COMMAND, record)
        yield incoming(value, number.encode(), offset=offset)


def stage() -> CertificatesStage:
    return CertificatesStage(FRAMING, PARTITIONS)


def test_fold_gives_each_partition_its_own_records() -> None:
    loads = [(number, f"load/{number}", Load(pool="ELECTRONIC")) for number in NUMBERS]
    folded = fold_records(records(*loads), stage())
    assert sorted(folded) == list(range(PARTITIONS))
    for number in NUMBERS:
        partition = partition_of(number.encode(), PARTITIONS)
        state = CERTIFICATE_STATE.decode(folded[partition].records[f"{number}|c".encode()])
        assert state.certificate is not None
        assert state.certificate.lifecycle is Lifecycle.AVAILABLE
    assert sum(len(each.records) for each in folded.values()) == 3 * len(NUMBERS)


def test_fold_keeps_and_drops_deadlines_beside_the_records() -> None:
    number = NUMBERS[0]
    steps: list[tuple[str, str, Action]] = [
        (number, "load", Load(pool="ELECTRONIC")),
        (number, "reservation", reserve_number()),
    ]
    (partition,) = fold_records(records(*steps), stage()).values()
    prefix = DEADLINES + SEPARATOR
    (deadline,) = [key for key in partition.records if key.startswith(prefix)]
    found = deadline_entry(deadline.removeprefix(prefix))
    assert (found.at_ms, found.message_key) == (RESERVED_UNTIL_MS, number)


def test_fold_counts_broken_records_and_goes_on() -> None:
    good = list(records((NUMBERS[0], "load", Load(pool="ELECTRONIC"))))
    bad = incoming(b"not a record", NUMBERS[0].encode())
    no_key = incoming(good[0].value, None, partition=good[0].partition)
    (partition,) = fold_records(iter([bad, no_key, *good, bad]), stage()).values()
    assert partition.broken == 3
    assert len(partition.records) == 3


def test_fold_of_the_same_records_gives_the_same_bytes() -> None:
    steps: list[tuple[str, str, Action]] = [
        (NUMBERS[0], "load", Load(pool="ELECTRONIC")),
        (NUMBERS[0], "reservation", reserve_number()),
        (NUMBERS[1], "load", Load(pool="ELECTRONIC")),
        (NUMBERS[0], "load", Load(pool="ELECTRONIC")),
    ]
    one, other = (fold_records(records(*steps), stage()) for _ in range(2))
    assert one == other
