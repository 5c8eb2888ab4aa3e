"""What the network may do to records outside a transaction, and what it may not."""

from collections import Counter, defaultdict
from dataclasses import replace
from random import Random

from pipelines.simulation.log import Log
from pipelines.simulation.network import Network
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS
from tests.simulation.small_world import CALM


def network(*, delay: float = 0.0, duplicate: float = 0.0) -> tuple[Network, Log]:
    log = Log(1)
    climate = replace(CALM, partitions=1, delay=delay, duplicate=duplicate)
    return Network(log, climate, Counter()), log


def send(sender: Network, random: Random, key: bytes, value: int, life: str = "") -> None:
    output = Outgoing(topic=COMMANDS, key=key, value=str(value).encode())
    sender.send(output, life, 0, random)


def arrived(log: Log) -> list[tuple[bytes | None, int]]:
    records = log.partition(COMMANDS.name, 0).visible()
    return [(record.key, int(record.value or b"")) for record in records]


def test_sending_over_a_calm_network_arrives_at_once_and_once() -> None:
    way, log = network()
    for value in range(5):
        send(way, Random(value), b"key", value)
    assert arrived(log) == [(b"key", value) for value in range(5)]
    assert way.deliver_all() == 0


def test_delaying_reorders_across_keys_and_never_within_one() -> None:
    way, log = network(delay=0.5)
    random = Random(7)
    for value in range(60):
        send(way, random, b"ab"[value % 2 : value % 2 + 1], value)
        way.deliver(random, random.randint(0, 2))
    way.deliver_all()

    by_key: defaultdict[bytes | None, list[int]] = defaultdict(list)
    for key, value in arrived(log):
        by_key[key].append(value)
    assert {key: sorted(values) for key, values in by_key.items()} == dict(by_key)
    everything = [value for _, value in arrived(log)]
    assert sorted(everything) == list(range(60))
    assert everything != sorted(everything)


def test_duplicating_lets_a_record_come_again_and_the_last_delivery_leaves_none_out() -> None:
    way, log = network(duplicate=1.0)
    send(way, Random(1), b"key", 1)
    send(way, Random(1), b"key", 2)
    assert way.repeat(Random(1), 1) == 1
    way.deliver_all()
    assert Counter(value for _, value in arrived(log)) == {1: 2, 2: 2}


def test_losing_a_process_loses_the_end_of_what_it_had_under_way_and_nothing_of_others() -> None:
    lost_counts = set()
    for seed in range(20):
        way, log = network(delay=1.0)
        random = Random(seed)
        for value in range(4):
            send(way, random, b"key", value, life="processor-0/1")
            send(way, random, b"key", 100 + value)
        lost = way.lose("processor-0/1", random)
        lost_counts.add(lost)
        way.deliver_all()
        values = [value for _, value in arrived(log)]
        assert [value for value in values if value < 100] == list(range(4 - lost))
        assert [value for value in values if value >= 100] == [100, 101, 102, 103]
    assert lost_counts == {0, 1, 2, 3, 4}
