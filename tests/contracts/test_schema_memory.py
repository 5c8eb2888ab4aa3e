"""The registry's earlier word: kept on the volume, and taken only while the registry is silent."""

import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from pipelines import cli
from pipelines.contracts.framing import framing_for
from pipelines.contracts.registry import (
    RegistryRefused,
    RegistryUnreachable,
    SchemaMissing,
)
from pipelines.contracts.schema_memory import FILE_NAME, SchemaMemory
from pipelines.contracts.schemas import RecordName, Schema, current
from pipelines.settings import Settings
from pipelines.waiting_records import AGAIN_AFTER_S

URL = "http://registry:8081"
REPLY = current(RecordName.REPLY)
FACT = current(RecordName.FACT)


class FakeRegistry:
    """Ids by schema, or a fault. Counts the questions."""

    def __init__(self, first_id: int = 1) -> None:
        self.ids = {schema.text: first_id + place for place, schema in enumerate((REPLY, FACT))}
        self.fault: Exception | None = None
        self.asked = 0

    def _ask(self) -> None:
        self.asked += 1
        if self.fault is not None:
            raise self.fault

    def id_of(self, subject: str, schema: Schema) -> int:
        self._ask()
        return self.ids[schema.text]

    def schema_text(self, schema_id: int) -> str | None:
        self._ask()
        return next((text for text, known in self.ids.items() if known == schema_id), None)

    def close(self) -> None:
        """Nothing is open."""


def memory(folder: Path, registry: FakeRegistry, url: str = URL, **more: Any) -> SchemaMemory:
    return SchemaMemory(url, folder / FILE_NAME, patient=registry, hasty=registry, **more)


FAULTS = [RegistryUnreachable("nobody answers"), RegistryRefused("HTTP 404 of a proxy")]


@pytest.mark.parametrize("fault", FAULTS)
def test_word_of_before_is_taken_by_the_next_life_while_the_registry_is_silent(
    tmp_path: Path, fault: Exception
) -> None:
    first = memory(tmp_path, FakeRegistry())
    assert [first.id_of("reply", REPLY), first.id_of("fact", FACT)] == [1, 2]
    down = FakeRegistry()
    down.fault = fault
    later = memory(tmp_path, down)
    with structlog.testing.capture_logs() as lines:
        assert [later.id_of("reply", REPLY), later.id_of("fact", FACT)] == [1, 2]
        assert later.schema_text(1) == REPLY.text
    assert down.asked == 1, "one that is silent is not asked for each"
    assert [line["log_level"] for line in lines] == ["warning"]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_nobody_remembers_is_a_fault_while_the_registry_is_silent(
    tmp_path: Path, fault: Exception
) -> None:
    down = FakeRegistry()
    down.fault = fault
    with pytest.raises(type(fault)):
        memory(tmp_path, down).id_of("reply", REPLY)
    with pytest.raises(type(fault)):
        memory(tmp_path, down).schema_text(1)


def test_registry_that_answers_is_believed_more_than_the_memory(tmp_path: Path) -> None:
    memory(tmp_path, FakeRegistry()).id_of("reply", REPLY)
    gone = FakeRegistry()
    gone.fault = SchemaMissing("run `giftcert schemas apply`")
    with pytest.raises(SchemaMissing):
        memory(tmp_path, gone).id_of("reply", REPLY)


def test_registry_made_anew_makes_the_memory_forget_all(tmp_path: Path) -> None:
    first = memory(tmp_path, FakeRegistry())
    first.id_of("reply", REPLY)
    first.id_of("fact", FACT)
    assert memory(tmp_path, FakeRegistry(first_id=11)).id_of("reply", REPLY) == 11
    down = FakeRegistry()
    down.fault = RegistryUnreachable("nobody answers")
    after = memory(tmp_path, down)
    assert after.id_of("reply", REPLY) == 11
    with pytest.raises(RegistryUnreachable):
        after.id_of("fact", FACT)


def test_silent_registry_is_asked_again_after_a_while(tmp_path: Path) -> None:
    now_s = [100.0]
    registry = FakeRegistry()
    asked = memory(tmp_path, registry, clock=lambda: now_s[0])
    asked.id_of("reply", REPLY)
    registry.fault = RegistryUnreachable("nobody answers")
    assert asked.id_of("reply", REPLY) == 1
    registry.fault = None
    registry.ids[REPLY.text] = 5
    assert asked.id_of("reply", REPLY) == 1
    now_s[0] += 11
    assert asked.id_of("reply", REPLY) == 5


class Dropping(FakeRegistry):
    """It drops packets: each question takes the whole of its time, and then fails."""

    def __init__(self, takes_s: float) -> None:
        super().__init__()
        self.fault = RegistryUnreachable("timed out")
        self.takes_s = takes_s
        self.now_s = 100.0

    def _ask(self) -> None:
        self.now_s += self.takes_s
        super()._ask()


TURN_S = 0.01


@pytest.mark.parametrize("partitions", [1, 3, 12])
@pytest.mark.parametrize("takes_s", [0.5, 1.5])
def test_registry_that_drops_packets_takes_a_tenth_of_a_loop_at_most(
    tmp_path: Path, partitions: int, takes_s: float
) -> None:
    """However many partitions wait, each with a record of an id that nobody knows."""
    registry = Dropping(takes_s)
    asked = memory(tmp_path, registry, waits=True, clock=lambda: registry.now_s)
    due_s = dict.fromkeys(range(partitions), 0.0)
    turns = 0
    while registry.now_s < 160:
        turns += 1
        registry.now_s += TURN_S
        for each in [each for each, at_s in due_s.items() if at_s <= registry.now_s][:1]:
            with pytest.raises(RegistryUnreachable, match="timed out"):
                asked.schema_text(70 + each)
            due_s[each] = registry.now_s + AGAIN_AFTER_S
    assert turns * TURN_S > 0.85 * 60
    assert registry.asked >= 3, "it is asked again all the same"
    registry.fault, registry.takes_s = None, 0.0
    registry.now_s += 31
    assert asked.schema_text(1) == REPLY.text


def test_registry_that_refuses_at_once_is_asked_for_each_record(tmp_path: Path) -> None:
    """It takes no time, and one id that it trips over keeps no other from being asked for."""
    registry = FakeRegistry()
    asked = memory(tmp_path, registry, waits=True, clock=lambda: 100.0)
    registry.fault = RegistryUnreachable("HTTP 500")
    with pytest.raises(RegistryUnreachable):
        asked.schema_text(77)
    registry.fault = None
    assert asked.schema_text(1) == REPLY.text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"registry": "http://registry:8081"}',
        b'{"registry": "http://registry:8081", "ids": [], "texts": {}}',
        b'{"registry": "http://registry:8081", "ids": {"a": "b"}, "texts": {}}',
        b'{"registry": "http://another:8081", "ids": {"reply x": 9}, "texts": {"1": "no"}}',
    ],
)
def test_memory_that_is_damaged_or_another_registrys_is_none(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    registry = FakeRegistry()
    asked = memory(tmp_path, registry)
    assert asked.id_of("reply", REPLY) == 1
    assert json.loads((tmp_path / FILE_NAME).read_text())["registry"] == URL


def test_memory_that_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with structlog.testing.capture_logs() as lines:
        assert memory(tmp_path / "file", FakeRegistry()).id_of("reply", REPLY) == 1
    assert [line["log_level"] for line in lines] == ["warning"]


def test_worker_whose_registry_is_down_at_its_first_start_ends_with_a_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.contracts.framing._ATTEMPTS", 1)
    settings = Settings(schema_registry_url="http://127.0.0.1:1", state_dir=tmp_path)
    with pytest.raises(RegistryUnreachable, match="is it running") as caught:
        framing_for(settings, [RecordName.COMMAND], waits=True)
    assert caught.value.exit_code == 5


def test_login_is_never_told_with_a_refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("the-secret-itself")
    monkeypatch.setenv("GIFTCERT_SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("GIFTCERT_SCHEMA_REGISTRY_USERNAME", "giftcert")
    monkeypatch.setenv("GIFTCERT_SCHEMA_REGISTRY_PASSWORD_FILE", str(tmp_path / "password"))
    assert cli.run(["schemas", "check"]) == 5
    said = capsys.readouterr()
    assert "the-secret-itself" not in said.out + said.err
