"""One broker for all flow tests, and a name of its own for each test's topics on it.

`GIFTCERT_TEST_BROKER` chooses the broker (auto, apache, docker, embedded or HOST:PORT); the end of
the run says which it was, and why. Owns nothing of the service itself.
"""

import os
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import ExitStack
from time import monotonic

import pytest
from confluent_kafka.admin import AdminClient

from pipelines.local.broker import AUTO, say_on_stderr, start_broker
from pipelines.local.running_broker import Broker, BrokerUnavailableError
from tests.flow.scenario import Scenario
from tests.flow.secured_kafka import SecuredKafka, secured_kafka
from tests.flow.service_under_test import Service, running_service
from tests.oauth.authorization_server import AuthorizationServerUnavailable
from tests.said_at_end import say_at_end

BROKER_VARIABLE = "GIFTCERT_TEST_BROKER"
_NAME_LENGTH = 40


@pytest.fixture(scope="session")
def broker(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    """The broker of this run, started once; its data goes with the run."""
    kind = os.environ.get(BROKER_VARIABLE) or AUTO
    started = monotonic()
    with start_broker(kind, tmp_path_factory.mktemp("broker"), say=say_on_stderr) as running:
        seconds = monotonic() - started
        say_at_end(
            pytestconfig,
            f"flow tests ran on {running.kind} at {running.bootstrap}, "
            f"up in {seconds:.1f} s: {running.why}",
        )
        yield running
        failure = running.failure()
    assert failure is None, f"{failure}\n{failure.detail}"


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest, broker: Broker) -> Iterator[str]:
    """What this test puts before the name of every topic and group; its topics go with it."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name.removeprefix("test_"))
    prefix = f"{name[:_NAME_LENGTH].strip('-')}-{secrets.token_hex(3)}-"
    yield prefix
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    # Changelog topics have the group's name, and so the prefix, in their middle.
    ours = [topic for topic in admin.list_topics(timeout=30).topics if prefix in topic]
    if ours:
        # Only to spare the broker: one that a test itself deleted is no error.
        wait(admin.delete_topics(ours).values(), timeout=30)


@pytest.fixture(scope="session")
def service(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One correlator and one processor for all scenarios; each keeps to numbers of its own."""
    prefix = f"scenarios-{secrets.token_hex(3)}-"
    with running_service(broker.bootstrap, tmp_path_factory.mktemp("service"), prefix) as running:
        yield running


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """One Kafka that asks everybody who they are, for all tests about rights."""
    with ExitStack() as held:
        try:
            kafka = held.enter_context(secured_kafka(tmp_path_factory.mktemp("secured")))
        except (AuthorizationServerUnavailable, BrokerUnavailableError) as reason:
            pytest.skip(f"no secured Kafka: {reason}")
        yield kafka
        failure = kafka.cluster.failure()
    assert failure is None, f"{failure}\n{failure.detail}"


@pytest.fixture
def scenario(service: Service) -> Scenario:
    """A test's own pool, numbers and orders in the running service."""
    return Scenario(service)
