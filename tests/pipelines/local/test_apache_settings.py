"""The settings of the local Apache Kafka, rendered for one broker and for several."""

from pathlib import Path

import pytest

from pipelines.local.apache_settings import server_properties


def rendered(index: int, brokers: int, log_dir: Path = Path("/data/log")) -> dict[str, str]:
    text = server_properties(
        index,
        client_ports=[9000 + number for number in range(brokers)],
        controller_ports=[9100 + number for number in range(brokers)],
        log_dir=log_dir,
    )
    lines = [line.partition("=") for line in text.splitlines()]
    assert len({name for name, _, _ in lines}) == len(lines)
    return {name: value for name, _, value in lines}


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync"), [(1, "1", "1"), (2, "2", "1"), (3, "3", "2"), (5, "3", "2")]
)
def test_render_settings_replicates_to_at_most_three(
    brokers: int, replicas: str, in_sync: str
) -> None:
    settings = rendered(0, brokers)
    for kind in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        assert settings[f"{kind}.replication.factor"] == replicas
    for kind in ("transaction.state.log", "share.coordinator.state.topic"):
        assert settings[f"{kind}.min.isr"] == in_sync
    assert settings["default.replication.factor"] == replicas
    assert settings["min.insync.replicas"] == in_sync


def test_render_settings_of_second_broker_names_its_ports_and_all_voters() -> None:
    settings = rendered(1, 3)
    assert settings["node.id"] == "2"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9001"
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9001,CONTROLLER://127.0.0.1:9101"
    voters = "1@127.0.0.1:9100,2@127.0.0.1:9101,3@127.0.0.1:9102"
    assert settings["controller.quorum.voters"] == voters


def test_render_settings_keeps_records_of_the_past_and_makes_no_topic_by_chance() -> None:
    settings = rendered(0, 1)
    assert settings["log.retention.ms"] == "-1"
    assert settings["log.message.timestamp.type"] == "CreateTime"
    assert settings["auto.create.topics.enable"] == "false"


def test_render_settings_with_any_letters_in_the_path_is_ascii_that_java_reads() -> None:
    settings = rendered(0, 1, Path("/данные/a b/back\\slash/🎁"))
    assert settings["log.dirs"] == (
        r"/\u0434\u0430\u043d\u043d\u044b\u0435/a b/back\\slash/\ud83c\udf81"
    )
