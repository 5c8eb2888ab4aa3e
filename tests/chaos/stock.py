"""The numbers a run begins with: loaded into pools, as the number generator would.

Owns how many there are of each kind. A scarce pool runs empty again and again, so that its numbers
come back by their deadlines and are given out anew.
"""

import time
from typing import Final

from confluent_kafka import Producer

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, topic_name
from state.certificate.commands import Command, Load, Origin
from tests.chaos.life import ORDINARY, SCANNED, SCARCE
from tests.chaos.probes import probe_numbers

_SCARCE_NUMBERS: Final = 8
_FLUSH_S: Final = 60.0


def load_numbers(settings: Settings, numbers: int) -> int:
    """Write the commands that load them; how many there are in all."""
    pools = {
        ORDINARY: [f"GC-{index:08d}" for index in range(numbers)],
        SCARCE: [f"RARE-{index:04d}" for index in range(_SCARCE_NUMBERS)],
        SCANNED: [f"CARD-{index:06d}" for index in range(numbers // 8)],
        "PROBES": probe_numbers(),
    }
    framing = framing_for(settings)
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap,
            "partitioner": "murmur2_random",
            "acks": "all",
            "enable.idempotence": True,
        }
    )
    for pool, members in pools.items():
        for number in members:
            command = Command(
                command_id=f"load/{number}",
                at_ms=time.time_ns() // 1_000_000,
                certificate_id=number,
                origin=Origin.LOADER,
                action=Load(pool=pool),
            )
            value = framing.encode(RecordName.COMMAND, command_to_record(command))
            producer.produce(topic_name(COMMANDS, settings), key=number, value=value)
            producer.poll(0)
    assert producer.flush(_FLUSH_S) == 0, "Kafka did not take the numbers"
    return sum(map(len, pools.values()))
