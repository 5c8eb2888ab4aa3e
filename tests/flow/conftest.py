"""One broker for all flow tests, and a name of its own for each test's topics on it.

`GIFTCERT_TEST_BROKER` chooses the broker (auto, apache, docker, embedded or HOST:PORT); the end of
the run says which it was, and why. Owns nothing of the service itself.
"""

import os
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import wait
from time import monotonic

import pytest
from confluent_kafka.admin import AdminClient

from pipelines.local.broker import AUTO, say_on_stderr, start_broker
from pipelines.local.running_broker import Broker
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Service, running_service

BROKER_VARIABLE = "GIFTCERT_TEST_BROKER"
_BROKER_SAID = pytest.StashKey[str]()
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
        pytestconfig.stash[_BROKER_SAID] = (
            f"flow tests ran on {running.kind} at {running.bootstrap}, "
            f"up in {seconds:.1f} s: {running.why}"
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
    ours = [topic for topic in admin.list_topics(timeout=10).topics if prefix in topic]
    if ours:
        # Only to spare the broker: one that a test itself deleted is no error.
        wait(admin.delete_topics(ours).values(), timeout=10)


@pytest.fixture(scope="session")
def service(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One correlator and one processor for all scenarios; each keeps to numbers of its own."""
    prefix = f"scenarios-{secrets.token_hex(3)}-"
    with running_service(broker.bootstrap, tmp_path_factory.mktemp("service"), prefix) as running:
        yield running


@pytest.fixture
def scenario(service: Service) -> Scenario:
    """A test's own pool, numbers and orders in the running service."""
    return Scenario(service)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which broker it was."""
    if said := config.stash.get(_BROKER_SAID, None):
        terminalreporter.write_line(said)
