"""Damage under a running processor: it ends with one line, and the next start mends it.

A whole stack in processes of its own: the edge's thread meets the damage, not the loop.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.edge_client import BearerToken
from pipelines.local.running_broker import Broker
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.recovery.store_faults import StoreFault
from pipelines.settings import Settings, load_settings
from pipelines.topics import COMMANDS, topic_name
from state.certificate.commands import Command, Load, Origin
from tests.flow.topic_log import TopicLog
from tests.pipelines.local.local_machine import await_condition

NUMBERS = [f"GC-DAMAGED-{index:04d}" for index in range(400)]
DEADLINE_S = 80.0


@pytest.fixture
def stack(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Stack]:
    if broker.kind == "embedded":
        pytest.skip("the embedded broker proves nothing about exactly-once: no real transactions")
    options = StackOptions(
        data_dir=tmp_path,
        broker=broker.bootstrap,
        topic_prefix=topic_prefix,
        environment={"GIFTCERT_PARTITIONS": "1", "GIFTCERT_RATE_LIMIT": "1000000/minute"},
    )
    with Stack(options) as running:
        yield running


def load(settings: Settings) -> None:
    """Load the numbers, and wait until the processor has performed it."""
    framing = framing_for(settings)
    producer = Producer({"bootstrap.servers": settings.bootstrap})
    for number in NUMBERS:
        command = Command(
            command_id=f"load/{number}",
            at_ms=1,
            certificate_id=number,
            origin=Origin.LOADER,
            action=Load(pool="ELECTRONIC"),
        )
        value = framing.encode(RecordName.COMMAND, command_to_record(command))
        producer.produce(topic_name(COMMANDS, settings), key=number.encode(), value=value)
    assert producer.flush(DEADLINE_S) == 0
    with TopicLog(settings.bootstrap, settings.topic_prefix) as log:
        log.until_drained({settings.processor_group: [topic_name(COMMANDS, settings)]})


def damage(folder: Path) -> None:
    """Flip a bit in every few hundred bytes of the tables; their last part is read at opening."""
    for file in folder.glob("*.sst"):
        content = bytearray(file.read_bytes())
        for at in range(64, len(content) * 3 // 4, 512):
            content[at] ^= 1
        file.write_bytes(content)


@pytest.mark.timeout(300)
def test_processor_whose_edge_reads_damage_ends_with_one_line_and_is_whole_after_the_next_start(
    stack: Stack, topic_prefix: str
) -> None:
    settings = load_settings(
        {"bootstrap": stack.bootstrap, "topic_prefix": topic_prefix, "partitions": 1}
    )
    load(settings)
    # What a killed worker has in its log is in tables after the next start.
    stack.kill_processor(0)
    stack.restart_processor(0)
    state = stack.state_directories["processor-0"]
    log = state.parents[2] / "logs" / "processor-0.log"
    said = log.stat().st_size
    damage(state / settings.processor_group / "default" / topic_name(COMMANDS, settings) / "0")

    def read_all() -> bool:
        auth = BearerToken(lambda: stack.token("support"))
        with suppress(httpx.TransportError):
            for number in NUMBERS:
                httpx.get(f"{stack.http_urls[0]}/certificates/{number}", auth=auth, timeout=30)
        return stack.failure() is not None

    await_condition(read_all, timeout_s=DEADLINE_S)
    failure = stack.failure()
    assert failure is not None
    assert f"ended with exit code {StoreFault.exit_code}" in str(failure)
    lines = log.read_text(encoding="utf-8")[said:].splitlines()
    [line] = [line for line in lines if line.startswith("giftcert: ")]
    assert re.search(r"the store in .* is damaged .*start this worker again", line)
    assert "Traceback" not in "\n".join(lines)

    stack.kill_processor(0)
    stack.restart_processor(0)
    auth = BearerToken(lambda: stack.token("support"))
    for number in NUMBERS[:20]:
        answer = httpx.get(f"{stack.http_urls[0]}/certificates/{number}", auth=auth, timeout=30)
        assert answer.json()["certificateId"] == number
