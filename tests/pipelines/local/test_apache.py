"""Real Apache Kafka as child processes: it serves, keeps its data, and dies when and as told."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from pipelines.local.apache import ApacheCluster, Java
from pipelines.local.running_broker import LocalError
from tests.pipelines.local.kafka_clients import make_topic, read_committed, write_transaction
from tests.pipelines.local.local_machine import await_condition, is_running, project_environment

PARENT = """
import json, sys
from pathlib import Path
from pipelines.local.broker import start_broker
broker = start_broker("apache", Path(sys.argv[1]))
print(json.dumps([broker.bootstrap, *broker.process_ids()]), flush=True)
sys.stdin.read()
"""


def test_start_again_after_stop_keeps_committed_records_and_nothing_else(
    java: Java, tmp_path: Path
) -> None:
    data_dir = tmp_path / "données à garder"
    with ApacheCluster(java, data_dir) as broker:
        first = (broker.bootstrap, broker.cluster_id)
        make_topic(broker.bootstrap, "kept")
        write_transaction(broker.bootstrap, "kept", ["one", "two"])
        write_transaction(broker.bootstrap, "kept", ["never"], commit=False)
        assert read_committed(broker.bootstrap, "kept", 2) == ["one", "two"]
        (pid,) = broker.process_ids()
        stop_started = monotonic()
        assert broker.stop()
        assert monotonic() - stop_started < 10
    assert not is_running(pid)
    assert broker.failure() is None
    with ApacheCluster(java, data_dir) as broker:
        assert (broker.bootstrap, broker.cluster_id) == first
        write_transaction(broker.bootstrap, "kept", ["three"])
        assert read_committed(broker.bootstrap, "kept", 3) == ["one", "two", "three"]


def test_restart_after_kill_keeps_committed_records(java: Java, tmp_path: Path) -> None:
    with ApacheCluster(java, tmp_path) as broker:
        make_topic(broker.bootstrap, "kept")
        write_transaction(broker.bootstrap, "kept", ["one"])
        (pid,) = broker.process_ids()
        broker.kill()
        assert not is_running(pid)
        assert broker.failure() is None
        broker.restart()
        write_transaction(broker.bootstrap, "kept", ["two"])
        assert read_committed(broker.bootstrap, "kept", 2) == ["one", "two"]


def test_kill_one_of_three_brokers_leaves_the_others_serving(java: Java, tmp_path: Path) -> None:
    with ApacheCluster(java, tmp_path, brokers=3) as broker:
        make_topic(broker.bootstrap, "kept", replicas=3)
        write_transaction(broker.bootstrap, "kept", ["one"])
        broker.kill(0)
        write_transaction(broker.bootstrap, "kept", ["two"])
        broker.restart(0)
        assert len(broker.process_ids()) == 3
        restarted = broker.bootstrap.split(",")[0]
        assert read_committed(restarted, "kept", 2) == ["one", "two"]


def test_end_of_broker_by_itself_is_a_failure_with_its_log(java: Java, tmp_path: Path) -> None:
    with ApacheCluster(java, tmp_path) as broker:
        (pid,) = broker.process_ids()
        # From outside, as the kernel does when memory is short: nobody asked this broker to end.
        os.kill(pid, signal.SIGKILL)
        await_condition(lambda: broker.failure() is not None)
        failure = broker.failure()
    assert str(failure) == (
        f"Kafka broker 0 was ended by SIGKILL; its log is {tmp_path}/broker-0/server.log"
    )


def test_start_on_a_port_that_is_taken_is_refused_in_one_line(java: Java, tmp_path: Path) -> None:
    with ApacheCluster(java, tmp_path / "first") as first:
        port = int(first.bootstrap.split(":")[1])
        with pytest.raises(LocalError, match=f"^port {port} on 127.0.0.1 cannot be used: "):
            ApacheCluster(java, tmp_path / "second", port=port)


def test_start_on_data_of_another_cluster_is_refused_with_what_kafka_says(
    java: Java, tmp_path: Path
) -> None:
    ApacheCluster(java, tmp_path).stop()
    properties = tmp_path / "broker-0" / "log" / "meta.properties"
    lines = [line for line in properties.read_text().splitlines() if "cluster.id" not in line]
    properties.write_text("\n".join([*lines, "node.id=7"]) + "\n")
    with pytest.raises(LocalError, match=r"^Kafka broker 0 ended with exit code 1; ") as refused:
        ApacheCluster(java, tmp_path)
    assert "node.id" in refused.value.detail or "cluster" in refused.value.detail


def test_start_where_storage_cannot_be_formatted_is_refused(java: Java, tmp_path: Path) -> None:
    (tmp_path / "broker-0").mkdir()
    (tmp_path / "broker-0" / "log").write_text("a file stands where the directory goes")
    with pytest.raises(LocalError, match=r"^Kafka cannot format "):
        ApacheCluster(java, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the tether is Linux's")
def test_kill_of_the_process_that_started_it_ends_the_broker(java: Java, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=project_environment()
    ) as parent:
        assert parent.stdout is not None
        bootstrap, pid = json.loads(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    await_condition(lambda: not is_running(pid))
    with ApacheCluster(java, tmp_path / "apache") as again:
        assert again.bootstrap == bootstrap
