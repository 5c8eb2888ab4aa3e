"""A watch over a stream: each broken law is a figure and an alert, and each alert is asked once."""

from collections.abc import Iterable, Sequence

import pytest
from msgspec.structs import replace

from pipelines.audit.account import Account
from pipelines.audit.alerts import ACTOR, ALERT_CODE, AT_ONCE, NO_CERTIFICATE
from pipelines.audit.breaches import Breach, BreachKind, law_of
from pipelines.audit.stream_event import StreamEvent
from pipelines.audit.totals import standing_of
from pipelines.audit.watch import Watch
from pipelines.contracts.command_record import command_from_record, command_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from state.certificate.commands import Command, Origin, RaiseAlert
from tests.pipelines.audit.stream_story import NUMBER, OTHER, Story, on_sale, sold
from tests.pipelines.audit.test_ledger import FAITHFUL, FORGED

HOME = {NUMBER: 3, OTHER: 2}
AT_MS = 1_735_689_600_000


def home(key: str) -> int:
    return HOME.get(key, 1)


class Watched:
    """A watch, and all that it told."""

    def __init__(self, events: Iterable[StreamEvent] = ()) -> None:
        self.told: list[Breach] = []
        self.watch = Watch(home, self.told.append)
        self.feed(events)

    def feed(self, events: Iterable[StreamEvent]) -> None:
        for event in events:
            self.watch.feed(event)

    def end(self) -> None:
        """Everything was read, far beyond whatever was fed."""
        self.watch.judge_ends(dict.fromkeys(range(6), 1_000_000))

    def asked(self) -> list[Command]:
        """The alerts that are asked for now."""
        return list(self.watch.alerts.due(AT_MS))


def alert_event(command: Command, story: Story) -> StreamEvent:
    """What the processor makes of the command, on the stream as it knows it."""
    story.tell("alert", cause=command.command_id)
    return story.events[-1]


@pytest.mark.parametrize("story", [pytest.param(story, id=name) for name, story in FAITHFUL])
def test_watch_over_a_faithful_stream_asks_for_nothing(story: Story) -> None:
    watched = Watched(story.stream)
    watched.end()
    assert (watched.told, watched.asked()) == ([], [])
    findings = watched.watch.findings()
    assert (findings.events, findings.certificates_in_breach) == (len(story.stream), 0)
    sums = findings.sums.money_minor.get("RUB", {})
    assert sums.get("unexplained", 0) == 0
    expected = {"remaining": story.remaining, "held": story.held, "issued": story.nominal}
    assert {name: sums.get(name, 0) for name in expected} == expected
    counted = {name: count for name, count in findings.sums.certificates.items() if count}
    assert counted == {story.lifecycle: 1}


@pytest.mark.parametrize(
    ("kind", "story"), [pytest.param(kind, story, id=name) for name, kind, story in FORGED]
)
def test_watch_over_a_stream_with_one_forgery_counts_tells_and_asks_for_one_alert(
    kind: BreachKind, story: Story
) -> None:
    watched = Watched(story.stream)
    watched.end()
    assert {breach.kind for breach in watched.told} == {kind}
    findings = watched.watch.findings()
    assert findings.breaches == {kind: len(watched.told)}
    assert (findings.certificates_in_breach, findings.alerts_awaited) == (1, 1)
    (command,) = watched.asked()
    assert command.certificate_id == NUMBER
    assert (command.origin, command.actor, command.at_ms) == (Origin.FACT, ACTOR, AT_MS)
    assert isinstance(command.action, RaiseAlert)
    assert command.action.code == ALERT_CODE
    assert f"law {law_of(kind)} {kind.value}: " in command.action.text
    assert NUMBER not in command.action.text
    assert command.command_id.startswith(f"law-breach/{law_of(kind)}/")
    assert watched.asked() == [], "asked for twice"


@pytest.mark.parametrize("story", [pytest.param(story, id=name) for name, kind, story in FORGED])
def test_alert_that_was_asked_for_is_a_command_that_the_contract_takes(story: Story) -> None:
    watched = Watched(story.stream)
    watched.end()
    (command,) = watched.asked()
    framing = SingleObjectFraming()
    value = framing.encode(RecordName.COMMAND, command_to_record(command))
    assert command_from_record(framing.decode(RecordName.COMMAND, value)) == command


def test_two_watches_that_read_the_partitions_in_another_order_ask_for_the_same_alerts() -> None:
    forged = [*sold().redeem(5_000_01).stream]
    stray = replace(sold().redeem(1).events[-1], partition=4, event_id="stray", offset=7)
    elsewhere = Story(key=OTHER, partition=2).load().load().stream
    orders: list[Sequence[StreamEvent]] = [
        [*forged, stray, *elsewhere],
        [stray, *elsewhere, *forged],
    ]
    one, other = (
        {(each.command_id, each.certificate_id) for each in Watched(order).asked()}
        for order in orders
    )
    assert one == other
    assert len(one) == 3


def test_stray_event_is_a_breach_and_no_part_of_its_certificate() -> None:
    stray = replace(sold().redeem(5_000_00).events[-1], partition=4, event_id="stray")
    watched = Watched([*sold().stream, stray])
    assert [breach.kind for breach in watched.told] == [BreachKind.TWO_PARTITIONS]
    assert watched.watch.findings().sums.money_minor["RUB"]["remaining"] == 5_000_00


def test_alert_on_the_stream_is_awaited_no_more_and_never_asked_for_again() -> None:
    """Also by an auditor that starts again, and reads the breach first and the alert behind it."""
    story = sold().redeem(5_000_01)
    watched = Watched(story.stream)
    (command,) = watched.asked()
    told = alert_event(command, story)
    watched.feed([told])
    assert watched.watch.findings().alerts_awaited == 0
    again = Watched(story.stream)
    assert again.asked() == []
    assert again.watch.findings().alerts_awaited == 0


def test_alert_at_a_number_that_a_forgery_took_causes_no_other_alert() -> None:
    """Else each alert would be a breach, and every breach an alert, for ever."""
    truth = on_sale()
    forged = replace(truth.events[-1], sequence=1_000_000, event_id="forged", offset=777)
    watched = Watched([*truth.stream, forged])
    (command,) = watched.asked()
    watched.feed([alert_event(command, truth)])
    assert [breach.kind for breach in watched.told[-1:]] == [BreachKind.SEQUENCE_REPEATED]
    assert watched.asked() == []


def test_true_events_behind_a_forged_number_are_one_alert_however_many_they_are() -> None:
    truth = on_sale()
    forged = replace(truth.events[-1], sequence=1_000_000, event_id="forged", offset=777)
    watched = Watched([*truth.stream, forged])
    watched.feed(truth.issue().activate().redeem(1).redeem(2).stream[2:])
    first, second = watched.asked()
    assert isinstance(first.action, RaiseAlert)
    assert isinstance(second.action, RaiseAlert)
    assert "SEQUENCE_GAP" in first.action.text
    assert "SEQUENCE_REPEATED" in second.action.text
    assert watched.watch.findings().breaches == {
        BreachKind.SEQUENCE_GAP: 1,
        BreachKind.SEQUENCE_REPEATED: 4,
    }


def test_alert_that_did_not_reach_kafka_is_asked_for_again() -> None:
    watched = Watched(sold().redeem(5_000_01).stream)
    (command,) = watched.asked()
    watched.watch.alerts.ask_again(command.command_id)
    assert watched.asked() == [command]


def test_alerts_about_very_many_certificates_are_asked_for_a_few_at_a_time() -> None:
    watched = Watched()
    numbers = [f"GC-9{index:05d}" for index in range(AT_ONCE + 5)]
    for number in numbers:
        watched.feed(Story(key=number, partition=1).load().load().stream)
    first, rest = watched.asked(), watched.asked()
    assert [each.certificate_id for each in [*first, *rest]] == numbers
    assert (len(first), len(rest)) == (AT_ONCE, 5)


def test_unreadable_record_is_told_and_the_alert_names_its_place() -> None:
    watched = Watched(sold().stream)
    watched.watch.feed_unreadable(NUMBER, 3, 500, "UNDECODABLE: the bytes are no event")
    (command,) = watched.asked()
    assert isinstance(command.action, RaiseAlert)
    assert command.certificate_id == NUMBER
    assert "at partition 3 offset 500 of the stream: law 3 UNREADABLE" in command.action.text


@pytest.mark.parametrize("key", ["", "ELECTRONIC", "order:42", "lower-123456", "x" * 5_000])
def test_breach_under_a_key_that_is_no_number_is_told_under_no_certificate(key: str) -> None:
    """The processor takes commands for numbers alone, and would not raise the alert."""
    watched = Watched()
    watched.watch.feed_unreadable(key, 1, 5, "UNDECODABLE: the bytes are no event")
    (command,) = watched.asked()
    assert command.certificate_id == NO_CERTIFICATE


def test_capture_is_judged_only_where_all_that_follows_it_was_read() -> None:
    story = sold().authorize(200).capture(200, 200)
    capture, redemption = story.events[-2:]
    watched = Watched(story.events[:-1])
    watched.watch.judge_ends({3: capture.offset})
    assert watched.told == []
    watched.feed([redemption])
    watched.end()
    assert watched.told == []


def test_capture_without_a_redemption_is_told_once() -> None:
    story = sold().authorize(200).capture(200, 200).cut()
    watched = Watched(story.stream)
    watched.end()
    watched.end()
    watched.feed(story.tell("lock").forge_snapshot(remaining_minor=5_000_00).stream[-1:])
    assert [breach.kind for breach in watched.told] == [BreachKind.CAPTURE_UNSPENT]


def test_difference_of_a_store_is_an_alert_too() -> None:
    watched = Watched(sold().stream)
    watched.watch.ledger.note(BreachKind.STORE_DISAGREES, NUMBER, "at sequence 4 the store differs")
    watched.watch.ledger.note(BreachKind.STORE_INVENTS, OTHER, "nobody knows it")
    watched.watch.take_state_breaches()
    known, unknown = watched.asked()
    assert (known.certificate_id, unknown.certificate_id) == (NUMBER, OTHER)
    assert isinstance(unknown.action, RaiseAlert)
    assert "not on the stream: law 3 STORE_INVENTS" in unknown.action.text


def note_difference(watched: Watched, number: str) -> None:
    watched.watch.ledger.note(BreachKind.STORE_DISAGREES, number, "the store differs")


def compared(watched: Watched, number: str) -> list[Command]:
    """What is asked for once a comparison has found that a store differs."""
    note_difference(watched, number)
    watched.watch.take_state_breaches()
    return watched.asked()


def test_difference_of_a_store_is_one_alert_however_many_auditors_find_it() -> None:
    """Though its certificate goes on, and the alert itself is the next event there."""
    story = sold()
    first, second = Watched(story.stream), Watched(story.stream)
    (command,) = compared(first, NUMBER)
    second.feed(story.redeem(1).stream[-1:])
    assert [each.command_id for each in compared(second, NUMBER)] == [command.command_id]
    alert_event(command, story)
    again = Watched(story.redeem(1).stream)
    assert compared(again, NUMBER) == []
    assert again.watch.findings().alerts_awaited == 0


def test_difference_found_between_two_events_is_no_matter_of_the_event_read_next() -> None:
    """The stream is read on during a comparison; the next event may be any certificate's."""
    truth, loaded_twice = sold(), Story(key=OTHER, partition=2).load().load()
    (alone,) = compared(Watched(truth.stream), NUMBER)
    watched = Watched([*truth.stream, *loaded_twice.stream[:1]])
    note_difference(watched, NUMBER)
    watched.feed(loaded_twice.stream[1:])
    difference, other = watched.asked()
    assert (difference.command_id, difference.certificate_id) == (alone.command_id, NUMBER)
    assert other.certificate_id == OTHER
    assert isinstance(other.action, RaiseAlert)
    assert "LOADED_TWICE" in other.action.text
    assert "STORE_DISAGREES" not in other.action.text


def test_difference_found_before_an_alert_is_read_is_told_too() -> None:
    story = sold().redeem(5_000_01)
    watched = Watched(story.stream)
    (command,) = watched.asked()
    note_difference(watched, NUMBER)
    watched.feed([alert_event(command, story)])
    assert len(watched.asked()) == 1


def test_difference_found_before_an_unreadable_record_is_no_matter_of_that_record() -> None:
    truth = sold()
    (alone,) = compared(Watched(truth.stream), NUMBER)
    watched = Watched(truth.stream)
    note_difference(watched, NUMBER)
    watched.watch.feed_unreadable(OTHER, 2, 500, "UNDECODABLE: the bytes are no event")
    difference, unreadable = watched.asked()
    assert difference.command_id == alone.command_id
    assert unreadable.certificate_id == OTHER


def test_second_capture_without_a_redemption_is_another_alert_after_a_restart() -> None:
    """Each stands at its place of the stream, and each is money."""
    story = sold().authorize(200).capture(200, 200).cut()
    watched = Watched(story.stream)
    watched.end()
    (first,) = watched.asked()
    alert_event(first, story)
    again = Watched(story.authorize(300).capture(300, 300).cut().stream)
    again.end()
    (second,) = again.asked()
    assert isinstance(second.action, RaiseAlert)
    assert "CAPTURE_UNSPENT" in second.action.text
    assert second.command_id != first.command_id


def test_money_that_changes_its_currency_leaves_the_sums_of_the_first() -> None:
    watched = Watched(sold().redeem(1).forge_snapshot(currency="JPY").stream)
    sums = watched.watch.findings().sums.money_minor
    assert set(sums["RUB"].values()) == {0}
    assert sums["JPY"]["remaining"] == 4_999_99


def test_sums_equal_those_of_all_accounts_after_any_of_the_stories() -> None:
    watched = Watched()
    stories = [story for _, story in FAITHFUL] + [story for _, _, story in FORGED]
    for index, story in enumerate(stories):
        events = (
            replace(event, key=f"GC-8{index:05d}", partition=1, event_id=f"{index}/{place}")
            for place, event in enumerate(story.stream)
        )
        watched.feed(events)
    found = watched.watch.findings().sums
    accounts = watched.watch.ledger.accounts.values()
    for currency, parts in found.money_minor.items():
        for place, (part, amount_minor) in enumerate(parts.items()):
            assert amount_minor == sum(
                _amounts(account, currency)[place] for account in accounts
            ), part
    assert sum(found.certificates.values()) == len(stories)


def _amounts(account: Account, currency: str) -> tuple[int, ...]:
    standing = standing_of(account)
    return standing[2] if standing[0] == currency else (0,) * 7
