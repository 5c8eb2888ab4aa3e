"""What a consumer group says of itself, asked in a process of its own.

The Kafka client aborts its whole process when the group's coordinator dies just while it is asked
for the group's members (librdkafka, issue 4605). Every worker asks about once a second, so all of
them would die with one broker. Here only this small process does; the answer is then "unknown", and
it is started again with the next question. So is one that answers nothing in time, or again and
again nothing of use: a client may wait for a dead coordinator for ever, a new one finds the next.

Run as a module it is that process: settings of the client on the first line of standard input, a
question a line after it, an answer a line on standard output, until the input ends.
"""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient
from msgspec import Struct
from msgspec.json import decode, encode

START_AGAIN_S: Final = 1.0
"""A process that ended is not started again sooner than so long after its start."""

GRACE_S: Final = 2.0
"""A process that has not answered so long after a question's time never will."""

UNANSWERED_MAX: Final = 3
"""After so many questions in a row that Kafka did not answer, a new client is to ask."""

_END_S: Final = 2.0


class Member(Struct, frozen=True, kw_only=True):
    """One member: the name it gave itself, and the partitions it holds by full topic name."""

    client_id: str
    held: tuple[tuple[str, int], ...]


class Described(Struct, frozen=True, kw_only=True):
    """A group at one moment. `stable`: it is not about to give its partitions out anew."""

    stable: bool
    members: tuple[Member, ...]


class _Question(Struct, frozen=True, kw_only=True):
    number: int
    group: str
    timeout_s: float


class _Answer(Struct, frozen=True, kw_only=True):
    """`described` absent: Kafka did not answer."""

    number: int
    described: Described | None


class GroupDescriptions:
    """Asks in the other process. Safe to use from any thread; starts it with the first question.

    Each process is told the settings as they are when it starts: one that Kafka does not answer any
    more, for the password has changed, is followed by one that knows the new password.
    """

    def __init__(self, kafka_config: Callable[[], Mapping[str, Any]]) -> None:
        self._kafka_config = kafka_config
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = float("-inf")
        self._asked = 0
        self._waiting: dict[int, Future[Described | None]] = {}
        self._closed = False

    def describe(self, group: str, timeout_s: float) -> Future[Described | None]:
        """What the group says; None when Kafka does not answer in time, or the process died."""
        future: Future[Described | None] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            process = self._running()
            self._asked += 1
            question = _Question(number=self._asked, group=group, timeout_s=timeout_s)
            if process is not None and _written(process, question):
                self._waiting[question.number] = future
                overdue = threading.Timer(timeout_s + GRACE_S, process.kill)
                overdue.daemon = True
                overdue.start()
                future.add_done_callback(lambda _answered: overdue.cancel())
                return future
        future.set_result(None)
        return future

    def close(self) -> None:
        """End the process. Whoever still waits is told that nothing is known."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process is not None:
            _let_go(process)

    def _running(self) -> subprocess.Popen[bytes] | None:
        """The process, started if it may be."""
        if self._closed or self._process is not None:
            return self._process
        now_s = time.monotonic()
        if now_s - self._started_s < START_AGAIN_S:
            return None
        self._started_s = now_s
        process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        # Over the pipe and not as an argument, which everyone on the machine could read.
        if not _written(process, self._kafka_config()):
            _let_go(process)
            return None
        self._process = process
        threading.Thread(
            target=self._hear, args=(process,), name="group-descriptions", daemon=True
        ).start()
        return process

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        """Hand answers to who waits, until the process ends, or is of no use."""
        assert process.stdout is not None, "opened as a pipe"
        unanswered = 0
        with process.stdout as answers:
            for line in answers:
                answer = decode(line, type=_Answer)
                with self._lock:
                    waiting = self._waiting.pop(answer.number)
                waiting.set_result(answer.described)
                unanswered = unanswered + 1 if answer.described is None else 0
                if unanswered == UNANSWERED_MAX:
                    break
        with self._lock:
            # Before its input is closed: nobody may write to it any more.
            if self._process is process:
                self._process = None
            given_up = list(self._waiting.values())
            self._waiting.clear()
        _let_go(process)
        for waiting in given_up:
            waiting.set_result(None)


def _written(process: subprocess.Popen[bytes], line: object) -> bool:
    """Whether the process was there to take the line."""
    assert process.stdin is not None, "opened as a pipe"
    try:
        process.stdin.write(encode(line) + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return False
    return True


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """End the process, which ends by itself where its input does."""
    assert process.stdin is not None, "opened as a pipe"
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answer_questions() -> None:
    """Be that process: answer until standard input ends."""
    # Ctrl-C reaches every process of a terminal; this one ends with the worker that it serves.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    first = questions.readline()
    if not first:
        return
    admin = AdminClient(decode(first))
    writing = threading.Lock()

    def tell(question: _Question, answer: Future[Any]) -> None:
        try:
            described = _described(answer.result())
        except KafkaException:
            described = None
        with writing:
            answers.write(encode(_Answer(number=question.number, described=described)) + b"\n")
            answers.flush()

    for line in questions:
        question = decode(line, type=_Question)
        asked = admin.describe_consumer_groups([question.group], request_timeout=question.timeout_s)
        asked[question.group].add_done_callback(
            lambda answer, question=question: tell(question, answer)
        )


def _described(answer: Any) -> Described:
    return Described(
        stable=answer.state is ConsumerGroupState.STABLE,
        members=tuple(
            Member(
                client_id=member.client_id,
                held=tuple(
                    (held.topic, held.partition) for held in member.assignment.topic_partitions
                ),
            )
            for member in answer.members
        ),
    )


if __name__ == "__main__":
    answer_questions()
