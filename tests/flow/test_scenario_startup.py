"""Workers that cannot start say why in one line; workers that are told to stop do so cleanly."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from pipelines.contracts.framing import framing_for
from pipelines.local.local_keys import kept_cvc_keys
from pipelines.local.ports import HeldPort
from pipelines.local.running_broker import Broker
from pipelines.settings import Settings, load_settings
from pipelines.topics_admin import apply
from pipelines.topology import build_correlator

ROLES: Final = ("correlator", "processor")
_NOT_YET: Final = (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR)
_START_S: Final = 90.0
_STOP_S: Final = 10.0


def make_topics(broker: Broker, prefix: str, state_dir: Path) -> Settings:
    """All topics of an installation with this prefix."""
    settings = load_settings(
        {
            "bootstrap": broker.bootstrap,
            "topic_prefix": prefix,
            "partitions": 1,
            "state_dir": state_dir,
        }
    )
    apply(settings, with_sources=True, timeout_s=_START_S)
    return settings


@pytest.fixture
def held_port() -> Iterator[int]:
    """A port that is kept, and on which nobody listens until a worker does."""
    held = HeldPort()
    yield held.port
    held.release()


def environment_of(role: str, bootstrap: str, prefix: str, directory: Path) -> dict[str, str]:
    """A worker's whole environment, on topics of this test's own. Its issuer never answers."""
    clients = directory / "clients.json"
    clients.write_text('{"till": {"channel": "POS"}}')
    return os.environ | {
        "GIFTCERT_TOKEN_ISSUER": "http://127.0.0.1:9",
        "GIFTCERT_CLIENTS_FILE": str(clients),
        "GIFTCERT_BOOTSTRAP": bootstrap,
        "GIFTCERT_TOPIC_PREFIX": prefix,
        "GIFTCERT_PARTITIONS": "1",
        "GIFTCERT_WORKER_ID": role,
        "GIFTCERT_STATE_DIR": str(directory / role),
        "GIFTCERT_CVC_KEY_FILE": str(kept_cvc_keys(directory / "keys.json")),
    }


def command(role: str) -> list[str]:
    return [sys.executable, "-m", "pipelines.cli", role]


def refusal(role: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a worker that ends by itself: its exit code and all it said."""
    ended = subprocess.run(
        command(role),
        env=environment,
        capture_output=True,
        text=True,
        timeout=_START_S,
        check=False,
    )
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


@contextmanager
def running(role: str, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A worker that is ended at the latest when the test is."""
    worker = subprocess.Popen(
        command(role), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield worker
    finally:
        worker.kill()
        worker.communicate()


def await_member(bootstrap: str, group: str, worker: "subprocess.Popen[str]") -> None:
    """Wait until the group is at rest with a member that holds partitions."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    deadline = monotonic() + _START_S
    while not holds_partitions(admin, group):
        assert worker.poll() is None, worker.communicate()
        assert monotonic() < deadline, "the worker did not join its group"
        Event().wait(0.1)


def holds_partitions(admin: AdminClient, group: str) -> bool:
    try:
        described = admin.describe_consumer_groups([group], request_timeout=10.0)[group].result()
    except KafkaException as error:
        if error.args[0].retriable() or error.args[0].code() in _NOT_YET:
            return False
        raise
    return described.state.name == "STABLE" and any(
        member.assignment.topic_partitions for member in described.members
    )


@pytest.mark.parametrize("role", ROLES)
def test_start_without_topics_says_so_in_one_line_and_exits_4(
    broker: Broker, topic_prefix: str, tmp_path: Path, role: str
) -> None:
    """What is missing, and which command makes it."""
    code, said = refusal(role, environment_of(role, broker.bootstrap, topic_prefix, tmp_path))
    assert code == 4
    [line] = said.splitlines()
    assert line.startswith("giftcert: topics are missing: ")
    assert "giftcert topics apply" in line


@pytest.mark.parametrize("role", ROLES)
def test_start_without_a_broker_says_so_in_one_line_and_exits_3(
    held_port: int, tmp_path: Path, role: str
) -> None:
    """Nobody listens on that port."""
    code, said = refusal(role, environment_of(role, f"127.0.0.1:{held_port}", "", tmp_path))
    assert code == 3
    [line] = said.splitlines()
    assert f"127.0.0.1:{held_port}" in line


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("address", "names"),
    [
        pytest.param(
            {"GIFTCERT_HTTP_HOST": "0.0.0.0", "GIFTCERT_ADVERTISED_URL": "http://giftcert:8080"},
            "token_issuer must be https://",
            id="keys in the clear, and every address listened on",
        ),
        pytest.param(
            {"GIFTCERT_TOKEN_ISSUER": "http://issuer.example"},
            "token_issuer must be https://",
            id="keys in the clear, from another machine",
        ),
        pytest.param({"GIFTCERT_TOKEN_ISSUER": None}, "TOKEN_ISSUER", id="no issuer"),
        pytest.param({"GIFTCERT_CLIENTS_FILE": None}, "CLIENTS_FILE", id="no clients"),
        pytest.param({"GIFTCERT_HTTP_HOST": "0.0.0.0"}, "advertised_url", id="not reachable"),
    ],
)
def test_worker_does_not_start_where_anybody_could_get_in_or_nobody(
    broker: Broker,
    topic_prefix: str,
    tmp_path: Path,
    role: str,
    address: dict[str, str | None],
    names: str,
) -> None:
    """One line, exit 2: there is no way to run the edge without checking who calls."""
    environment = environment_of(role, broker.bootstrap, topic_prefix, tmp_path)
    make_topics(broker, topic_prefix, tmp_path)
    changed = {name: value for name, value in (environment | address).items() if value is not None}
    code, said = refusal(role, changed)
    assert code == 2, said
    [line] = said.splitlines()
    assert names in line


@pytest.mark.parametrize("role", ROLES)
def test_worker_told_to_stop_leaves_with_0_within_ten_seconds(
    broker: Broker, topic_prefix: str, held_port: int, tmp_path: Path, role: str
) -> None:
    """SIGTERM, as an orchestrator sends it: no traceback, and the group is left in order."""
    make_topics(broker, topic_prefix, tmp_path)
    environment = environment_of(role, broker.bootstrap, topic_prefix, tmp_path)
    with running(role, environment | {"GIFTCERT_HTTP_PORT": f"{held_port}"}) as worker:
        await_member(broker.bootstrap, f"{topic_prefix}giftcert-{role}", worker)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=_STOP_S)
    assert worker.returncode == 0, said
    assert "Traceback" not in said


@pytest.mark.timeout(120)
def test_worker_told_to_stop_before_its_loop_has_begun_does_not_begin_it(
    broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    """The library forgets what it is told while it joins its group, and would run on."""
    settings = make_topics(broker, topic_prefix, tmp_path)
    worker = build_correlator(settings, framing_for(settings))
    worker.stop()
    worker.run()
