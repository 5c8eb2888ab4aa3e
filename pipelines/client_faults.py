"""What the Kafka client fails with while a worker runs, in an operator's words.

A broker that dies or sleeps can make the client give up: a fenced producer, an unacknowledged
record, a group that went on. Nothing is lost by ending then, and a new process begins with a new
client. Owns telling such failures from our own bugs; decides nothing about what follows.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from pipelines.acls.refusals import HELP, lacks_right
from pipelines.faults import BrokerRefused

with warnings.catch_warnings(record=True):
    from quixstreams.exceptions.assignment import KafkaPartitionError
    from quixstreams.internal_producer import KafkaProducerTransactionCommitFailed
    from quixstreams.kafka.exceptions import (
        KafkaBrokerUnavailableError,
        KafkaConsumerException,
        KafkaProducerDeliveryError,
    )

CLIENT_FAILURES: Final = (
    KafkaException,
    KafkaConsumerException,
    KafkaProducerDeliveryError,
    KafkaBrokerUnavailableError,
    KafkaPartitionError,
    KafkaProducerTransactionCommitFailed,
    SystemError,
)
"""What `client_fault` is asked about."""

_OUR_BUGS: Final = frozenset({KafkaError._INVALID_ARG, KafkaError._INVALID_TYPE})
_LOST_ERROR: Final = "returned NULL without setting an exception"
"""How Python says that the client's binding failed and did not say with what."""


def client_fault(error: BaseException | None, bootstrap: str) -> BrokerRefused | None:
    """The fault behind a failure of the client; None for a bug."""
    told = _told(error)
    if told is None:
        return None
    if (refused := _refused(error)) is not None and lacks_right(refused):
        return BrokerRefused(
            f"Kafka at {bootstrap} refused what this process needs: {told}; {HELP}"
        )
    return BrokerRefused(
        f"the Kafka client cannot go on ({told}; Kafka at {bootstrap}): this process ends, and "
        "nothing is lost; start it again"
    )


@contextmanager
def failures_as_faults(bootstrap: str) -> Iterator[None]:
    """What the client fails with inside the `with` is the broker's fault, not a bug of ours."""
    try:
        yield
    except CLIENT_FAILURES as error:
        raise client_fault(error, bootstrap) or error from error.__cause__


def leave_to_the_end(error: Exception, _message: object, log: logging.Logger) -> bool:
    """For the stream library, where its consumer fails: never go on.

    What the client failed with is told once, in one line, when the program ends.
    """
    if not isinstance(error, CLIENT_FAILURES):
        log.exception("a record could not be read")
    return False


def _refused(error: BaseException | None) -> KafkaError | None:
    """What Kafka itself said, where that is known."""
    match error:
        case KafkaException():
            return error.args[0]
        case KafkaConsumerException() | KafkaProducerDeliveryError():
            return error.error
        case _:
            return None


def _told(error: BaseException | None) -> str | None:
    match error:
        case SystemError():
            return "its error got lost on the way" if _LOST_ERROR in str(error) else None
        case KafkaException():
            return _said(error.args[0])
        case KafkaConsumerException() | KafkaProducerDeliveryError():
            return _said(error.error)
        case (
            KafkaBrokerUnavailableError()
            | KafkaPartitionError()
            | KafkaProducerTransactionCommitFailed()
        ):
            return str(error)
        case _:
            return None


def _said(error: KafkaError) -> str | None:
    return None if error.code() in _OUR_BUGS else f"{error.name()}: {error.str()}"
