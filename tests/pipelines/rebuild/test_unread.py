"""What cannot be read and is no dead letter: a fold that meets it proves nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.dlq.letters import LetterQueue, Resolved, letter_of, resolution_record
from pipelines.faults import OperatorError
from pipelines.rebuild import unread as unread_module
from pipelines.rebuild.dead_letters import Place, dead_letters_in
from pipelines.rebuild.folding import fold_partitions
from pipelines.rebuild.rebuild import RebuildRefused, refuse_disagreement, refuse_unread
from pipelines.rebuild.unread import (
    KEPT,
    LETTERS_KEPT_MS,
    NOTHING_UNREAD,
    Unread,
    UnreadTally,
    fault_of_unread,
    settled,
    together,
)
from pipelines.rebuild.verify import VerifyOptions, VerifyReport, proof_of, refuse_incomparable
from pipelines.settings import Settings
from pipelines.stages.record import Headers, Incoming, dead_letter
from pipelines.stores import STORES, StoreName
from pipelines.topics import COMMANDS, DLQ, STREAM, topic_name
from state.certificate.commands import Load
from tests.pipelines.rebuild.log_in_memory import SETTINGS, LogInMemory
from tests.pipelines.rebuild.test_proof import result
from tests.pipelines.rebuild.test_rebuild import spooled
from tests.pipelines.rebuild.told_stream import tell_stream
from tests.pipelines.stages.stage_in_memory import AT_MS

NOW_MS = AT_MS + LETTERS_KEPT_MS + 1
CONFLUENT = b"\x00\x00\x00\x00\x07body"
"""As a service with a registry writes; here is none."""

CERTIFICATES = STORES[0]


def unread_in(log: LogInMemory, dead: frozenset[Place] = frozenset()) -> Unread:
    """Fold all commands."""
    folds = fold_partitions(log.shop(dead), CERTIFICATES, log.ends(COMMANDS))
    return together(fold.unread for fold in folds.values())


def place_of(record: Incoming) -> Place:
    return record.topic, record.partition, record.offset


def test_log_of_another_framing_is_counted_and_not_taken_for_an_empty_one(
    log: LogInMemory,
) -> None:
    for number in range(20):
        log.append(COMMANDS, b"GC-%d" % number, CONFLUENT)
    unread = unread_in(log)
    assert (unread.count, len(unread.first), unread.newest_ms) == (20, 20, AT_MS)
    fault = fault_of_unread(unread, 0, AT_MS)
    assert "GIFTCERT_SCHEMA_REGISTRY_URL" in fault
    with pytest.raises(RebuildRefused, match="nothing was changed"):
        refuse_unread(fault)


def test_record_that_is_a_dead_letter_is_no_wonder(log: LogInMemory) -> None:
    broken = log.append(COMMANDS, b"GC-1", b"broken")
    assert unread_in(log, frozenset({place_of(broken)})) == NOTHING_UNREAD


@pytest.mark.parametrize("all_of_it", [True, False])
def test_stream_of_another_framing_agrees_with_nothing(
    log: LogInMemory, tmp_path: Path, all_of_it: bool
) -> None:
    """Nothing folded from what cannot be read, nothing told: no proof."""
    log.command("GC-0001", Load(pool="ELECTRONIC"), "load")
    tell_stream(log)
    if all_of_it:
        log.records = {
            place: [replace(each, value=CONFLUENT) for each in records]
            for place, records in log.records.items()
        }
    else:
        log.append(STREAM, b"GC-0001", CONFLUENT)
    with pytest.raises(RebuildRefused, match="events of the stream cannot be read"):
        refuse_disagreement([spooled(log, tmp_path)])


def of(count: int, newest_ms: int = AT_MS) -> Unread:
    first = tuple((("Topic", 0, each), newest_ms) for each in range(min(count, KEPT)))
    return Unread(count=count, first=first, newest_ms=newest_ms)


@pytest.mark.parametrize(
    ("unread", "accepted", "says"),
    [
        (NOTHING_UNREAD, 0, ""),
        (of(2), 2, ""),
        (of(2), 0, "say --unreadable 2"),
        (of(2), 3, "say --unreadable 2"),
        (of(2, NOW_MS), 2, "and their settings"),
        (of(2, NOW_MS), 0, "and their settings"),
        (NOTHING_UNREAD, 1, "there are none"),
    ],
)
def test_only_so_many_old_records_as_are_said_are_passed_over(
    unread: Unread, accepted: int, says: str
) -> None:
    fault = fault_of_unread(unread, accepted, NOW_MS)
    assert bool(fault) is bool(says)
    assert says in fault


def test_record_from_the_future_does_not_make_the_others_young(log: LogInMemory) -> None:
    tally = UnreadTally(now_ms=AT_MS)
    tally.add(log.append(COMMANDS, b"GC-1", b"broken", at_ms=AT_MS + 1))
    assert tally.done().newest_ms == 0
    tally.add(log.append(COMMANDS, b"GC-1", b"broken", at_ms=AT_MS))
    assert (tally.done().count, tally.done().newest_ms) == (2, AT_MS)


def test_record_that_was_put_aside_meanwhile_is_looked_up_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Settings] = []

    def places(settings: Settings) -> frozenset[Place]:
        asked.append(settings)
        return frozenset({("Topic", 0, 0)})

    monkeypatch.setattr(unread_module, "dead_letter_places", places)
    assert settled(SETTINGS, [of(1)]) == NOTHING_UNREAD
    left = settled(SETTINGS, [of(1), of(2, 7)])
    assert (left.count, left.newest_ms) == (1, 7)
    assert settled(SETTINGS, [NOTHING_UNREAD]) == NOTHING_UNREAD
    assert settled(SETTINGS, [of(KEPT + 1)]).count == KEPT + 1
    assert len(asked) == 2, "asked without need"


def test_verification_that_could_not_read_something_does_not_hold() -> None:
    report = VerifyReport(results=(result(0),), earlier=(), workers=None, seconds=1.0)
    assert report.holds
    fault = fault_of_unread(of(1), 0, NOW_MS)
    unsure = VerifyReport(
        results=(result(0),), earlier=(), workers=None, seconds=1.0, unread_fault=fault
    )
    assert not unsure.holds


def test_earlier_proof_of_which_nothing_is_verified_is_refused() -> None:
    pools = proof_of([result(0)], SETTINGS)
    refuse_incomparable(VerifyOptions(against=pools))
    refuse_incomparable(VerifyOptions(stores=(StoreName.INDEX,)))
    with pytest.raises(OperatorError, match="is of pools, and nothing of that is verified"):
        refuse_incomparable(VerifyOptions(stores=(StoreName.INDEX,), against=pools))


def test_letters_that_a_person_discarded_are_told_from_the_others() -> None:
    queue = LetterQueue()
    for offset, how in enumerate([None, Resolved.DISCARDED, Resolved.RETRIED]):
        source = _record("All_Payments", offset, None)
        error = BrokenRecord(BrokenCode.CONTRACT, "no")
        put_aside = dead_letter(source, error)
        letter = _record(topic_name(DLQ, SETTINGS), 2 * offset, put_aside.value)
        letter = _with_headers(letter, put_aside.headers)
        queue.take(letter)
        if how is not None:
            resolved = resolution_record(letter_of(letter), how, by="me")
            queue.take(_with_headers(_record(letter.topic, 2 * offset + 1, None), resolved.headers))
    found = dead_letters_in(queue)
    assert found.places == {("All_Payments", 0, offset) for offset in range(3)}
    assert found.discarded == {("All_Payments", 0, 1)}


def _record(topic: str, offset: int, value: bytes | None) -> Incoming:
    return Incoming(
        topic=topic,
        partition=0,
        offset=offset,
        key=b"key",
        value=value,
        headers=(),
        timestamp_ms=AT_MS,
    )


def _with_headers(record: Incoming, headers: Headers) -> Incoming:
    return replace(record, headers=headers)
