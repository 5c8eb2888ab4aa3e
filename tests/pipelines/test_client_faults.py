"""What the Kafka client fails with is an operator's fault to hear of; our own bugs stay bugs."""

import pytest
from confluent_kafka import KafkaError, KafkaException
from quixstreams.exceptions.assignment import KafkaPartitionError
from quixstreams.internal_producer import KafkaProducerTransactionCommitFailed
from quixstreams.kafka.exceptions import (
    KafkaBrokerUnavailableError,
    KafkaConsumerException,
    KafkaProducerDeliveryError,
)

from pipelines.client_faults import CLIENT_FAILURES, client_fault, failures_as_faults
from pipelines.faults import BrokerFault

WHERE = "kafka-1:9092"
FAILURES: list[tuple[str, Exception, str]] = [
    ("fenced producer", KafkaException(KafkaError(KafkaError._FENCED)), "_FENCED"),
    ("fatal error", KafkaException(KafkaError(KafkaError._FATAL)), "_FATAL"),
    (
        "unacknowledged",
        KafkaProducerDeliveryError(error=KafkaError(KafkaError._MSG_TIMED_OUT)),
        "_MSG_",
    ),
    (
        "a double under the same name",
        KafkaConsumerException(error=KafkaError(KafkaError.FENCED_INSTANCE_ID)),
        "FENCED_INSTANCE_ID",
    ),
    ("no broker for long", KafkaBrokerUnavailableError("no broker"), "no broker"),
    ("a partition's own", KafkaPartitionError("partition 3"), "partition 3"),
    ("a commit that failed", KafkaProducerTransactionCommitFailed("commit"), "commit"),
    (
        "an error lost in the binding",
        SystemError("<method 'poll'> returned NULL without setting an exception"),
        "lost on the way",
    ),
]
BUGS: list[tuple[str, Exception]] = [
    ("an argument of ours", KafkaException(KafkaError(KafkaError._INVALID_ARG))),
    ("another error of the interpreter", SystemError("bad argument to internal function")),
    ("an assertion", AssertionError("never")),
]


@pytest.mark.parametrize(("_what", "error", "told"), FAILURES, ids=[row[0] for row in FAILURES])
def test_failure_of_the_client_is_one_line_for_the_operator(
    _what: str, error: Exception, told: str
) -> None:
    assert isinstance(error, CLIENT_FAILURES)
    fault = client_fault(error, WHERE)
    assert isinstance(fault, BrokerFault)
    assert fault.exit_code == 3
    assert told in str(fault)
    assert WHERE in str(fault)


@pytest.mark.parametrize(("_what", "error"), BUGS, ids=[row[0] for row in BUGS])
def test_bug_of_ours_stays_a_bug(_what: str, error: Exception) -> None:
    assert client_fault(error, WHERE) is None


def test_nothing_at_all_is_no_fault_of_the_client() -> None:
    assert client_fault(None, WHERE) is None


@pytest.mark.parametrize(("_what", "error", "told"), FAILURES, ids=[row[0] for row in FAILURES])
def test_failure_while_a_worker_is_built_is_the_broker_s(
    _what: str, error: Exception, told: str
) -> None:
    with pytest.raises(BrokerFault, match=told), failures_as_faults(WHERE):
        raise error


@pytest.mark.parametrize(("_what", "error"), BUGS, ids=[row[0] for row in BUGS])
def test_bug_while_a_worker_is_built_goes_on_as_it_is(_what: str, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, failures_as_faults(WHERE):
        raise error
    assert raised.value is error
