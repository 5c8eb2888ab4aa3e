"""The local stack with stand-in workers on the embedded broker: it starts, tells and stops."""

import json
import os
import signal
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipelines.faults import OperatorError
from pipelines.local.directory_lock import DirectoryLock
from pipelines.local.local_keys import kept_cvc_keys
from pipelines.local.ports import HeldPort
from pipelines.local.running_broker import LocalError
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions, default_data_dir
from pipelines.settings import Settings
from pipelines.topics_admin import check
from tests.pipelines.local.fake_stack import (
    FAKE_ISSUER,
    FAKE_WORKER,
    answers,
    asked,
    correlator_is_up,
    options,
)
from tests.pipelines.local.local_machine import Words, await_condition, is_running


def run_until_failure(stack: Stack) -> None:
    """Start, and raise what fails. Nobody waits for a correlator, so that may come later."""
    with stack:
        await_condition(lambda: stack.failure() is not None)
        stack.check()


def test_start_stack_gives_each_worker_its_own_place_and_all_one_broker(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path, processors=2, topic_prefix="t1-"), say=words) as stack:
        await_condition(lambda: correlator_is_up(stack))
        told = [asked(url)[1] for url in [stack.correlator_url, *stack.http_urls]]
        state = tmp_path / "state" / stack.broker.cluster_id
        for settings, worker_id, url in zip(
            told,
            ["correlator-0", "processor-0", "processor-1"],
            [stack.correlator_url, *stack.http_urls],
            strict=True,
        ):
            assert settings["GIFTCERT_WORKER_ID"] == worker_id
            assert settings["GIFTCERT_STATE_DIR"] == str(state / worker_id)
            assert settings["GIFTCERT_BOOTSTRAP"] == stack.bootstrap
            assert settings["GIFTCERT_TOPIC_PREFIX"] == "t1-"
            address = f"{settings['GIFTCERT_HTTP_HOST']}:{settings['GIFTCERT_HTTP_PORT']}"
            assert url == f"http://{address}"
        assert stack.environment["GIFTCERT_BOOTSTRAP"] == stack.bootstrap
        assert stack.failure() is None
        assert words.lines == [f"broker at {stack.bootstrap}: {stack.broker.why}"]


def test_stop_stack_ends_every_process_and_may_be_repeated(tmp_path: Path, words: Words) -> None:
    stack = Stack(options(tmp_path), say=words)
    with stack:
        pids = [asked(stack.http_urls[0])[0], *stack.broker.process_ids()]
        assert all(is_running(pid) for pid in pids)
        stack.stop()
        assert not any(is_running(pid) for pid in pids)
    assert stack.stopped_cleanly
    assert stack.http_urls == []


def test_start_stack_again_finds_the_state_and_keys_of_the_last_run(
    tmp_path: Path, words: Words
) -> None:
    for runs in ("first", "second"):
        with Stack(options(tmp_path), say=words) as stack:
            settings = asked(stack.http_urls[0])[1]
            recorded = (Path(settings["GIFTCERT_STATE_DIR"]) / "runs").read_text()
            keys = Path(settings["GIFTCERT_CVC_KEY_FILE"]).read_text()
            if runs == "first":
                first_keys = keys
    assert recorded == ".."
    assert keys == first_keys


def test_kill_then_restart_processor_is_no_failure_and_the_same_worker(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path, processors=2), say=words) as stack:
        urls = stack.http_urls
        pid, settings = asked(urls[1])
        runs = Path(settings["GIFTCERT_STATE_DIR"]) / "runs"
        stack.kill_processor(1)
        assert not is_running(pid)
        stack.check()
        stack.restart_processor(1)
        assert stack.http_urls == urls
        new_pid, new_settings = asked(urls[1])
        assert new_pid != pid
        assert new_settings == settings
        assert runs.read_text() == ".."
        stack.kill_processor(1)
        stack.restart_processor(1, forget_state=True)
        assert runs.read_text() == "."


def test_kill_then_restart_correlator_is_no_failure(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        await_condition(lambda: correlator_is_up(stack))
        stack.kill("correlator-0")
        assert not correlator_is_up(stack)
        stack.restart("correlator-0")
        await_condition(lambda: correlator_is_up(stack))
        stack.check()


def test_start_stack_with_an_auditor_starts_it_too_and_waits_for_nothing_of_it(
    tmp_path: Path, words: Words
) -> None:
    """An auditor may have years to read; callers are served meanwhile."""
    with Stack(options(tmp_path, auditor=True, fake_worker="auditor:unready"), say=words) as stack:
        url = stack.auditor_url
        assert url is not None
        await_condition(lambda: answers(url))
        pid, settings = asked(url)
        assert settings["GIFTCERT_WORKER_ID"] == "auditor-0"
        assert url not in stack.http_urls
        stack.check()
    assert not is_running(pid)
    assert stack.stopped_cleanly


def test_start_stack_without_an_auditor_has_none(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        assert stack.auditor_url is None


def test_end_of_worker_by_itself_is_a_failure_that_names_it(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path, processors=2), say=words) as stack:
        os.kill(asked(stack.http_urls[1])[0], signal.SIGKILL)
        await_condition(lambda: stack.failure() is not None)
        log_path = tmp_path / "logs" / "processor-1.log"
        with pytest.raises(LocalError) as failed:
            stack.check()
    assert str(failed.value) == f"processor-1 was ended by SIGKILL; its log is {log_path}"
    assert failed.value.detail == "a fake processor speaks its last words"


def test_end_of_broker_by_itself_is_a_failure_that_names_it(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        os.kill(stack.broker.process_ids()[0], signal.SIGKILL)
        await_condition(lambda: stack.failure() is not None)
        assert str(stack.failure()).startswith("the embedded broker was ended by SIGKILL")


@pytest.mark.parametrize("role", ["issuer", "correlator", "processor"])
def test_start_stack_with_worker_that_dies_fails_and_leaves_nothing_running(
    role: str, tmp_path: Path, words: Words
) -> None:
    stack = Stack(options(tmp_path, fake_worker=f"{role}:die"), say=words)
    with pytest.raises(LocalError) as failed:
        run_until_failure(stack)
    name = role if role == "issuer" else f"{role}-0"
    assert str(failed.value).startswith(f"{name} ended with exit code 3; its log is ")
    assert failed.value.detail == f"a fake {role} speaks its last words"
    # The broker's port can be listened on again, and the data directory is free.
    HeldPort(int(words.lines[0].split(":")[1])).release()
    DirectoryLock(tmp_path).release()


def test_start_stack_with_processor_that_never_is_ready_is_refused(
    tmp_path: Path, words: Words
) -> None:
    fake = options(tmp_path, fake_worker="processor:unready", ready_timeout_s=1)
    with pytest.raises(LocalError) as failed, Stack(fake, say=words):
        pass
    assert str(failed.value) == "processor-0 was not ready within 1 s: 503 not yet"
    assert failed.value.detail == "a fake processor speaks its last words"


def test_stop_stack_whose_worker_does_not_heed_it_kills_and_says_so(
    tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.local.stack._WORKERS_STOP_TIMEOUT_S", 0.3)
    stack = Stack(options(tmp_path, fake_worker="processor:stubborn"), say=words)
    with stack:
        pid, _ = asked(stack.http_urls[0])
    assert not is_running(pid)
    assert not stack.stopped_cleanly
    killed = f"processor-0 had to be killed; its log is {tmp_path}/logs/processor-0.log"
    assert words.lines[1:] == [killed]


def test_start_second_stack_on_the_same_data_is_refused_in_one_line(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        with pytest.raises(LocalError) as refused, Stack(options(tmp_path), say=words):
            pass
        stack.check()
    held_by = f"{tmp_path} is in use by another giftcert (process {os.getpid()})"
    assert str(refused.value) == held_by


def test_start_stack_on_data_inside_the_sources_is_refused(words: Words) -> None:
    inside = Path(__file__).resolve().parents[3] / "state" / "data"
    with pytest.raises(LocalError, match=r"must be outside the program's source"):
        Stack(options(inside), say=words).__enter__()
    assert not inside.exists()


def test_start_stack_on_given_port_counts_up_from_it(tmp_path: Path, words: Words) -> None:
    first = free_pair()
    with Stack(options(tmp_path, processors=2, http_port=first), say=words) as stack:
        assert stack.http_urls == [f"http://127.0.0.1:{first + number}" for number in (0, 1)]
        assert asked(stack.http_urls[1])[1]["GIFTCERT_WORKER_ID"] == "processor-1"


def test_start_stack_on_port_that_is_taken_is_refused_before_anything_starts(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path / "first"), say=words) as stack:
        port = int(stack.http_urls[0].rpartition(":")[2])
        second = options(tmp_path / "second", http_port=port)
        with pytest.raises(LocalError, match=f"^port {port} on 127.0.0.1 cannot be used"):
            Stack(second, say=words).__enter__()
    assert [path.name for path in (tmp_path / "second").iterdir()] == ["lock"]


def test_start_stack_applies_topics_before_the_workers_with_their_settings(
    tmp_path: Path, words: Words
) -> None:
    seen: list[Mapping[str, str]] = []

    def refuse(environment: Mapping[str, str]) -> None:
        seen.append(environment)
        raise OperatorError("the topics are not to be had")

    refused = Stack(options(tmp_path, topic_prefix="t2-", apply_topics=refuse), say=words)
    with pytest.raises(OperatorError, match="not to be had"), refused:
        pass
    assert words.lines[0].startswith(f"broker at {seen[0]['GIFTCERT_BOOTSTRAP']}: ")
    assert seen[0]["GIFTCERT_TOPIC_PREFIX"] == "t2-"
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["issuer.log"]


@pytest.mark.parametrize("kind", ["embedded", "apache"])
def test_start_stack_with_the_real_registry_makes_every_topic_and_keeps_them(
    kind: str, tmp_path: Path, words: Words, request: pytest.FixtureRequest
) -> None:
    if kind == "apache":
        request.getfixturevalue("java")
    real = StackOptions(
        data_dir=tmp_path,
        broker=kind,
        topic_prefix="t3-",
        worker_command=FAKE_WORKER,
        issuer_command=FAKE_ISSUER,
    )
    for _ in ("made", "kept"):
        with Stack(real, say=words) as stack:
            assert stack.broker.kind == kind
            settings = Settings(bootstrap=stack.bootstrap, topic_prefix="t3-")
            assert check(settings) == []


def test_start_stack_with_settings_of_the_person_keeps_those_that_are_theirs(
    tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIFTCERT_CVC_KEYS", '{"mine": "key"}')
    monkeypatch.setenv("GIFTCERT_PARTITIONS", "3")
    monkeypatch.setenv("GIFTCERT_BOOTSTRAP", "elsewhere:9092")
    monkeypatch.setenv("GIFTCERT_ADVERTISED_URL", "http://elsewhere")
    with Stack(options(tmp_path), say=words) as stack:
        settings = asked(stack.http_urls[0])[1]
    assert settings["GIFTCERT_CVC_KEYS"] == '{"mine": "key"}'
    assert settings["GIFTCERT_PARTITIONS"] == "3"
    assert settings["GIFTCERT_BOOTSTRAP"] == stack.environment["GIFTCERT_BOOTSTRAP"]
    assert settings.keys().isdisjoint({"GIFTCERT_ADVERTISED_URL", "GIFTCERT_CVC_KEY_FILE"})


def test_make_cvc_keys_once_gives_a_file_only_its_owner_reads(tmp_path: Path) -> None:
    path = kept_cvc_keys(tmp_path / "new" / "cvc-keys.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = json.loads(path.read_text())
    assert list(keys) == ["local"]
    assert json.loads(kept_cvc_keys(path).read_text()) == keys


def test_default_data_dir_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert default_data_dir() == Path("/somewhere/giftcert")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_data_dir() == Path.home() / ".local" / "share" / "giftcert"


def free_pair() -> int:
    """A port that is free together with the next one."""
    for _ in range(50):
        first = HeldPort()
        try:
            second = HeldPort(first.port + 1)
        except LocalError:
            continue
        finally:
            first.release()
        second.release()
        return first.port
    raise AssertionError("no two neighbouring ports are free")
