"""What a load hears on the topic of replies, whoever writes there."""

from dataclasses import dataclass
from typing import Any

import pytest

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.loader.exchange import KafkaExchange
from pipelines.loader.outcomes import Outcome
from pipelines.settings import Settings
from tests.contracts.samples import SAMPLES

FRAMING = SingleObjectFraming()
NUMBER = "GC-0000-0042"
KEY = f"load:this:{NUMBER}".encode()


@dataclass
class FakeMessage:
    """A record as the client gives it."""

    key_bytes: bytes | None
    payload: bytes | None

    def key(self) -> bytes | None:
        return self.key_bytes

    def value(self) -> bytes | None:
        return self.payload


def heard(key: bytes | None, payload: bytes | None) -> Any:
    """The answer that the load takes a record for. Nothing asks Kafka."""
    exchange = KafkaExchange(Settings(bootstrap="127.0.0.1:1"), "this")
    exchange._own_id = "edge-0"
    return exchange._answer(FakeMessage(key, payload))


REPLY = FRAMING.encode(RecordName.REPLY, SAMPLES[RecordName.REPLY])


def test_reply_to_this_load_is_its_answer() -> None:
    answer = heard(KEY, REPLY)
    assert answer.certificate_id == NUMBER
    assert (answer.result.outcome, answer.result.code) == (Outcome.REFUSED, "INSUFFICIENT_BALANCE")


@pytest.mark.parametrize(
    ("key", "payload"),
    [
        pytest.param(None, REPLY, id="no key"),
        pytest.param(b"\xff\xfe" + KEY, REPLY, id="a key that is no text"),
        pytest.param(b"load:another:" + NUMBER.encode(), REPLY, id="another load's"),
        pytest.param(KEY, None, id="no value"),
        pytest.param(KEY, b"noise", id="no record"),
        pytest.param(KEY, REPLY[:-1], id="a record cut short"),
        pytest.param(KEY, REPLY + b"\x00", id="a byte too many"),
        pytest.param(
            KEY, FRAMING.encode(RecordName.COMMAND, SAMPLES[RecordName.COMMAND]), id="a command"
        ),
        pytest.param(
            KEY,
            FRAMING.encode(RecordName.REPLY, SAMPLES[RecordName.REPLY] | {"replyTo": "else"}),
            id="to somebody else",
        ),
    ],
)
def test_record_that_is_no_reply_to_this_load_is_passed_over(
    key: bytes | None, payload: bytes | None
) -> None:
    """A load of a million rows must not end because somebody wrote noise beside its replies."""
    assert heard(key, payload) is None


@dataclass
class FakeConsumer:
    """A consumer as the client's is: it waits until it has as many as it was asked for.

    Each wait for one that does not come is counted.
    """

    there: list[FakeMessage]
    waited_s: float = 0.0

    def consume(self, count: int, timeout_s: float) -> list[FakeMessage]:
        given, self.there = self.there[:count], self.there[count:]
        self.waited_s += timeout_s if len(given) < count else 0.0
        return given


@pytest.mark.parametrize("count", [1, 2, 700])
def test_replies_that_are_there_are_heard_at_once(count: int) -> None:
    exchange = KafkaExchange(Settings(bootstrap="127.0.0.1:1"), "this")
    consumer = FakeConsumer([FakeMessage(KEY, REPLY)] * count)
    exchange._consumer = consumer
    assert len(exchange._heard(60.0)) == count
    assert consumer.waited_s == 0.0


def test_silence_is_waited_for_and_then_heard() -> None:
    exchange = KafkaExchange(Settings(bootstrap="127.0.0.1:1"), "this")
    consumer = FakeConsumer([])
    exchange._consumer = consumer
    assert exchange._heard(0.05) == []
    assert consumer.waited_s == 0.05
