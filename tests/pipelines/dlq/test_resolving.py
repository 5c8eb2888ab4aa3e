"""Letters are resolved once, in their order, in whole transactions; a dry run resolves none."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.desk import BATCH, Step
from pipelines.dlq.letters import LetterQueue, Place, Resolved, resolution_record
from pipelines.dlq.repair import Repair
from pipelines.dlq.resolving import Fate, Orders, handle
from pipelines.dlq.selection import Selection
from pipelines.progress import untold
from pipelines.stages.record import Incoming
from pipelines.topics import COMMANDS, DLQ
from state.certificate.commands import Origin
from tests.contracts.actions import ACTIONS, command
from tests.pipelines.dlq.letters_in_memory import SETTINGS, lying, on_the_topic, resolved

FRAMING = SingleObjectFraming()
RETRY = Orders(by="anna", repair=Repair(SETTINGS, FRAMING))
DISCARD = Orders(by="anna", reason="sent again")


@dataclass
class DeskInMemory:
    """Keeps what is resolved, one transaction after another, and puts it on the topic."""

    records: list[Incoming]
    transactions: list[Sequence[Step]] = field(default_factory=list)

    def resolve(self, steps: Sequence[Step]) -> None:
        self.transactions.append(steps)
        for step in steps:
            offset = len(self.records) + 1_000
            self.records.append(on_the_topic(step.resolution, offset=offset))

    def queue(self) -> LetterQueue:
        return LetterQueue.of(self.records)


def misplaced(offset: int, origin: Origin = Origin.FACT) -> Incoming:
    """A letter about a command that is whole."""
    asked = replace(command(ACTIONS[0], command_id=f"request-{offset}"), origin=origin)
    record = command_to_record(asked)
    value = FRAMING.encode(RecordName.COMMAND, record)
    return lying(value, topic=COMMANDS, offset=offset)


def test_retry_writes_what_is_caused_with_its_resolution_and_leaves_the_broken_open() -> None:
    desk = DeskInMemory([misplaced(1), lying(offset=2), misplaced(3)])
    handled = handle(desk.queue(), Selection(), RETRY, desk, untold)
    assert [(each.letter.place.offset, each.fate) for each in handled] == [
        (1, Fate.DONE),
        (2, Fate.STAYS),
        (3, Fate.DONE),
    ]
    [steps] = desk.transactions
    assert [[each.topic for each in step.records] for step in steps] == [[COMMANDS], [COMMANDS]]
    assert [step.resolution.topic for step in steps] == [DLQ, DLQ]
    queue = desk.queue()
    assert [queue.is_open(letter) for letter in queue.in_order()] == [False, True, False]
    assert {each.how for each in queue.resolutions.values()} == {Resolved.RETRIED}
    assert {each.written for each in queue.resolutions.values()} == {
        "1 to GiftCertificates.Commands"
    }


@pytest.mark.parametrize("origin", [Origin.HTTP, Origin.TIMER])
@pytest.mark.parametrize("dry_run", [False, True])
def test_retry_of_every_letter_leaves_open_what_was_asked_for_its_moment(
    origin: Origin, dry_run: bool
) -> None:
    """A caller has given up, a deadline is asked again: nobody may want it now."""
    desk = DeskInMemory([misplaced(1, origin), misplaced(2)])
    handled = handle(desk.queue(), Selection(), RETRY, None if dry_run else desk, untold)
    assert [each.fate for each in handled] == [Fate.STAYS, Fate.WOULD if dry_run else Fate.DONE]
    assert handled[0].says == f"origin {origin}: name it to retry it"
    queue = desk.queue()
    assert queue.is_open(queue.letters[Place(partition=2, offset=1)])
    assert [len(steps) for steps in desk.transactions] == ([] if dry_run else [1])


@pytest.mark.parametrize("origin", Origin)
def test_retry_of_a_named_letter_performs_whatever_was_asked(origin: Origin) -> None:
    desk = DeskInMemory([misplaced(1, origin)])
    selection = Selection(places=[Place(partition=2, offset=1)])
    [handled] = handle(desk.queue(), selection, RETRY, desk, untold)
    assert (handled.fate, handled.says) == (Fate.DONE, "1 to GiftCertificates.Commands")


@pytest.mark.parametrize("origin", [Origin.FACT, Origin.LOADER])
def test_retry_of_every_letter_performs_what_holds_whenever_it_comes(origin: Origin) -> None:
    desk = DeskInMemory([misplaced(1, origin)])
    [handled] = handle(desk.queue(), Selection(), RETRY, desk, untold)
    assert handled.fate is Fate.DONE


def test_discard_of_every_letter_takes_what_was_asked_for_its_moment_too() -> None:
    desk = DeskInMemory([misplaced(1, Origin.HTTP), misplaced(2, Origin.TIMER)])
    handled = handle(desk.queue(), Selection(), DISCARD, desk, untold)
    assert {each.fate for each in handled} == {Fate.DONE}


def test_second_retry_does_nothing_and_says_who_did_it() -> None:
    desk = DeskInMemory([misplaced(1)])
    selection = Selection(places=[Place(partition=2, offset=1)])
    handle(desk.queue(), selection, RETRY, desk, untold)
    [again] = handle(desk.queue(), selection, Orders(by="boris", repair=RETRY.repair), desk, untold)
    assert (again.fate, again.says) == (Fate.ALREADY, "retried by anna")
    assert len(desk.transactions) == 1


def test_letter_that_was_discarded_is_not_retried() -> None:
    record = misplaced(1)
    desk = DeskInMemory([record, resolved(record, offset=2)])
    selection = Selection(places=[Place(partition=2, offset=1)])
    [handled] = handle(desk.queue(), selection, RETRY, desk, untold)
    assert (handled.fate, handled.says) == (Fate.ALREADY, "discarded by anna: sent again")
    assert desk.transactions == []


def test_discard_closes_the_broken_and_the_whole_with_the_reason_and_writes_nothing_else() -> None:
    desk = DeskInMemory([misplaced(1), lying(offset=2)])
    handled = handle(desk.queue(), Selection(), DISCARD, desk, untold)
    assert {each.fate for each in handled} == {Fate.DONE}
    [steps] = desk.transactions
    assert [list(step.records) for step in steps] == [[], []]
    assert {each.reason for each in desk.queue().resolutions.values()} == {"sent again"}


def test_dry_run_says_the_same_and_needs_no_desk() -> None:
    queue = LetterQueue.of([misplaced(1), lying(offset=2)])
    handled = handle(queue, Selection(), RETRY, None, untold)
    assert [each.fate for each in handled] == [Fate.WOULD, Fate.STAYS]
    assert handled[0].says == "1 to GiftCertificates.Commands"


def test_many_letters_are_resolved_in_their_order_a_batch_a_transaction() -> None:
    count = 2 * BATCH + 1
    desk = DeskInMemory([misplaced(offset) for offset in range(count)])
    told: list[tuple[int, int]] = []
    handle(desk.queue(), Selection(), RETRY, desk, lambda done, total: told.append((done, total)))
    assert [len(steps) for steps in desk.transactions] == [BATCH, BATCH, 1]
    assert told == [(BATCH, count), (2 * BATCH, count), (count, count)]
    order = [
        FRAMING.decode(RecordName.COMMAND, step.records[0].value)["commandId"]
        for steps in desk.transactions
        for step in steps
    ]
    assert order == [f"request-{offset}" for offset in range(count)]


def test_large_letters_come_to_fewer_a_transaction() -> None:
    """One must be over well within its time."""
    desk = DeskInMemory([lying(b"v" * (3 * 1024 * 1024), offset=offset) for offset in range(7)])
    handle(desk.queue(), Selection(), DISCARD, desk, untold)
    assert [len(steps) for steps in desk.transactions] == [3, 3, 1]


def test_nothing_meant_asks_nothing_of_the_desk() -> None:
    desk = DeskInMemory([lying(offset=2)])
    assert handle(desk.queue(), Selection(code="EMPTY"), RETRY, desk, untold) == []
    handle(desk.queue(), Selection(), RETRY, desk, untold)
    assert desk.transactions == []


def test_resolution_of_a_cut_letter_fits_where_the_letter_did() -> None:
    """Its key may be of any size; what resolves it has that key, and no value."""
    queue = LetterQueue.of([lying(key=b"k" * 65_536)])
    [letter] = queue.in_order()
    written = resolution_record(letter, Resolved.DISCARDED, by="anna", reason="r" * 200)
    assert len(written.key or b"") + 2_000 < 1024 * 1024
