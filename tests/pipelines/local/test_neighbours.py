"""The neighbours of a local stack, stand-ins for them: told what they need, awaited, and ended."""

import json
import os
import signal
import stat
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from pipelines.local.neighbours import ALL, Neighbours, Surroundings
from pipelines.local.ports import HeldPort
from pipelines.local.running_broker import LocalError
from pipelines.local.stack import Stack
from pipelines.neighbours.bi.settings import load_bi_settings
from pipelines.neighbours.crm.settings import load_crm_settings
from pipelines.neighbours.enrich.settings import load_enrich_settings
from pipelines.neighbours.shop.settings import load_shop_settings
from pipelines.settings import load_settings
from tests.pipelines.local.fake_stack import FAKE_WORKER, answers, asked, options
from tests.pipelines.local.local_machine import Words, await_condition, is_running

_NICEST = 19
LOADERS: Mapping[str, Callable[[], object]] = {
    "shop": load_shop_settings,
    "crm": load_crm_settings,
    "bi": load_bi_settings,
    "enrich": load_enrich_settings,
}


def told_to(stack: Stack) -> dict[str, tuple[int, dict[str, str]]]:
    """Process id and settings of every neighbour, once it is up, by its command."""
    found = {}
    for worker in stack.neighbours:
        await_condition(partial(answers, worker.url))
        found[worker.plan.role] = asked(worker.url)
    return found


def test_start_stack_with_neighbours_tells_each_what_its_own_settings_take(
    tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked by the very classes that read them when the real ones start."""
    with Stack(options(tmp_path, neighbours=ALL), say=words) as stack:
        told = {role: settings for role, (_, settings) in told_to(stack).items()}
        urls, edge, issuer = stack.urls, stack.http_urls[0], stack.issuer_url
    assert told.keys() == LOADERS.keys()
    for role, settings in told.items():
        with monkeypatch.context() as patched:
            for name, value in settings.items():
                patched.setenv(name, value)
            LOADERS[role]()
            assert load_settings().worker_id == f"{role}-0"
    shop, crm, bi = told["shop"], told["crm"], told["bi"]
    assert urls["shop"] == f"http://127.0.0.1:{shop['GIFTCERT_SHOP_PORT']}/"
    assert shop["GIFTCERT_SHOP_EDGE_URL"] == crm["GIFTCERT_CRM_SERVICE_URL"] == edge
    assert shop["GIFTCERT_SHOP_TOKEN_URL"] == crm["GIFTCERT_CRM_TOKEN_URL"] == f"{issuer}/token"
    assert crm["GIFTCERT_CRM_SMS_URL"] == f"{urls['shop']}gateway/messages"
    assert crm["GIFTCERT_CRM_SMS_DEDUPLICATES"] == "true"
    assert crm["GIFTCERT_CRM_ADDRESS_URL"] == f"{urls['shop']}gateway/addresses/{{token}}"
    assert shop["GIFTCERT_SHOP_BI_PAGE"] == bi["GIFTCERT_BI_PAGE_DIR"]
    state = Path(bi["GIFTCERT_STATE_DIR"])
    assert state.name == "bi-0"
    assert Path(bi["GIFTCERT_BI_MART"]).parent == Path(bi["GIFTCERT_BI_PAGE_DIR"]).parent == state


def test_start_stack_with_neighbours_gives_each_its_own_secret_in_a_file_of_its_owner(
    tmp_path: Path, words: Words
) -> None:
    """The CRM's file has its secret alone; nobody is told a secret, and a second run keeps all."""
    kept = []
    for _ in ("first", "second"):
        with Stack(options(tmp_path, neighbours=ALL), say=words) as stack:
            told = {role: settings for role, (_, settings) in told_to(stack).items()}
            worker = asked(stack.http_urls[0])[1]
            clients = json.loads((tmp_path / "issuer" / "client-secrets.json").read_text())
            own = Path(told["crm"]["GIFTCERT_CRM_CLIENT_SECRET_FILE"])
            gateway = stack.gateway_secret_file
        assert own.read_text() == clients["crm"]
        assert [stat.S_IMODE(path.stat().st_mode) for path in (own, gateway)] == [0o600] * 2
        assert told["crm"]["GIFTCERT_CRM_SMS_SECRET_FILE"] == str(gateway)
        assert told["crm"]["GIFTCERT_CRM_ADDRESS_SECRET_FILE"] == str(gateway)
        assert told["shop"]["GIFTCERT_SHOP_GATEWAY_SECRET_FILE"] == str(gateway)
        secrets = [gateway.read_text(), *clients.values()]
        values = [*worker.values(), *(value for each in told.values() for value in each.values())]
        assert not [value for value in values if any(secret in value for secret in secrets)]
        assert not [name for name in worker if name.startswith(("GIFTCERT_SHOP", "GIFTCERT_CRM"))]
        kept.append(secrets)
    assert kept[0] == kept[1]
    assert all(len(secret) > 40 for secret in kept[0])


def test_crm_whose_client_got_a_new_secret_is_given_that_one(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path, neighbours=ALL), say=words):
        pass
    clients = tmp_path / "issuer" / "client-secrets.json"
    clients.write_text(json.dumps(json.loads(clients.read_text()) | {"crm": "a-new-one"}))
    with Stack(options(tmp_path, neighbours=ALL), say=words) as stack:
        crm = told_to(stack)["crm"][1]
    assert Path(crm["GIFTCERT_CRM_CLIENT_SECRET_FILE"]).read_text() == "a-new-one"


def test_stop_stack_ends_its_neighbours_too(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path, neighbours=ALL), say=words) as stack:
        pids = [pid for pid, _ in told_to(stack).values()]
        assert len(pids) == len(ALL)
        assert all(is_running(pid) for pid in pids)
        stack.check()
    assert not any(is_running(pid) for pid in pids)
    assert stack.stopped_cleanly
    assert stack.urls == {}


def test_start_stack_without_neighbours_starts_none(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        assert stack.urls == {}
        assert stack.neighbours == []
        logs = {path.name for path in (tmp_path / "logs").iterdir()}
    assert logs == {"issuer.log", "correlator-0.log", "processor-0.log"}


def test_end_of_neighbour_by_itself_is_a_failure_that_names_it(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path, neighbours=ALL), say=words) as stack:
        os.kill(told_to(stack)["crm"][0], signal.SIGKILL)
        await_condition(lambda: stack.failure() is not None)
        log_path = tmp_path / "logs" / "crm-0.log"
        assert str(stack.failure()) == f"crm-0 was ended by SIGKILL; its log is {log_path}"


@pytest.mark.parametrize("role", ["shop", "crm"])
def test_start_stack_with_neighbour_that_never_is_ready_is_refused(
    role: str, tmp_path: Path, words: Words
) -> None:
    fake = options(tmp_path, neighbours=ALL, fake_worker=f"{role}:unready", ready_timeout_s=1)
    with pytest.raises(LocalError) as failed, Stack(fake, say=words):
        pass
    assert str(failed.value) == f"{role}-0 was not ready within 1 s: 503 not yet"
    assert failed.value.detail == f"a fake {role} speaks its last words"


def test_start_stack_waits_for_no_mart(tmp_path: Path, words: Words) -> None:
    """It may have years to read; customers are served meanwhile."""
    fake = options(tmp_path, neighbours=ALL, fake_worker="bi:unready", ready_timeout_s=5)
    with Stack(fake, say=words) as stack:
        told = told_to(stack)
        niceness = {role: os.getpriority(os.PRIO_PROCESS, pid) for role, (pid, _) in told.items()}
        stack.check()
    assert niceness["shop"] == niceness["crm"]
    assert niceness["bi"] == min(niceness["shop"] + 10, _NICEST)


def test_start_stack_on_shop_port_that_is_taken_is_refused_before_anything_starts(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path / "first", neighbours=ALL), say=words) as stack:
        port = int(stack.urls["shop"].rpartition(":")[2].rstrip("/"))
        second = options(tmp_path / "second", neighbours=ALL, shop_port=port)
        with pytest.raises(LocalError, match=f"^port {port} on 127.0.0.1 cannot be used"):
            Stack(second, say=words).__enter__()
    assert not (tmp_path / "second" / "logs").exists()


def test_start_stack_on_given_shop_port_has_the_shop_there(tmp_path: Path, words: Words) -> None:
    free = HeldPort()
    free.release()
    with Stack(options(tmp_path, neighbours=ALL, shop_port=free.port), say=words) as stack:
        assert stack.urls["store"] == f"http://127.0.0.1:{free.port}/store/"


def test_urls_of_neighbours_are_those_a_person_opens(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path, neighbours=ALL), say=words) as stack:
        shop = stack.urls["shop"].rstrip("/")
        crm = next(worker.url for worker in stack.neighbours if worker.plan.role == "crm")
        assert stack.urls == {
            "shop": f"{shop}/",
            "store": f"{shop}/store/",
            "till": f"{shop}/till/",
            "phone": f"{shop}/phone/",
            "stream": f"{shop}/stream/",
            "bi": f"{shop}/bi/",
            "crm": f"{crm}/metrics",
        }


def test_start_stack_with_the_issuer_of_the_person_leaves_out_who_needs_our_tokens(
    tmp_path: Path, words: Words
) -> None:
    theirs = {"GIFTCERT_TOKEN_ISSUER": "https://login.test", "GIFTCERT_CLIENTS_FILE": "/theirs"}
    fake = options(tmp_path, neighbours=ALL, environment=theirs)
    with Stack(fake, say=words) as stack:
        assert told_to(stack).keys() == {"bi", "enrich"}
        assert stack.urls == {}
    said = "not started, for their tokens come from another issuer: shop, crm"
    assert said in words.lines


def test_start_stack_with_gateway_and_directory_of_the_person_leaves_them_to_the_crm(
    tmp_path: Path, words: Words
) -> None:
    theirs = {
        "GIFTCERT_CRM_SMS_URL": "https://sms.test/send",
        "GIFTCERT_CRM_ADDRESS_FILE": "/theirs",
        "GIFTCERT_TOKEN": "the person's own",
    }
    with Stack(options(tmp_path, neighbours=ALL, environment=theirs), say=words) as stack:
        crm = told_to(stack)["crm"][1]
    assert crm["GIFTCERT_CRM_SMS_URL"] == "https://sms.test/send"
    assert crm["GIFTCERT_CRM_ADDRESS_FILE"] == "/theirs"
    assert crm.keys().isdisjoint(
        {
            "GIFTCERT_CRM_SMS_SECRET_FILE",
            "GIFTCERT_CRM_SMS_DEDUPLICATES",
            "GIFTCERT_CRM_ADDRESS_URL",
            "GIFTCERT_CRM_ADDRESS_SECRET_FILE",
            "GIFTCERT_TOKEN",
        }
    )


def test_shop_of_a_stack_with_tls_speaks_plain_http_and_the_crm_does_not(tmp_path: Path) -> None:
    """The shop has no certificate of its own; who asks whether it is ready must know that."""
    (tmp_path / "client-secrets.json").write_text('{"crm": "x"}')
    told = Surroundings(
        environment={"GIFTCERT_TLS_CERTIFICATE_LOCATION": "/edge.pem"},
        edge_url="https://127.0.0.1:1",
        issuer_url="http://127.0.0.1:2",
        client_secrets_file=tmp_path / "client-secrets.json",
        secrets_dir=tmp_path / "secrets",
        state_dir=tmp_path / "state",
        logs_dir=tmp_path / "logs",
    )
    with ExitStack() as held:
        neighbours = Neighbours(ALL, shop_port=None, held=held)
        neighbours.start(told, FAKE_WORKER)
        for worker in neighbours.workers:
            held.callback(worker.kill)
        schemes = {worker.plan.role: worker.url.partition(":")[0] for worker in neighbours.workers}
        shop = neighbours.awaited[0].url
        await_condition(lambda: answers(shop))
        settings = asked(shop)[1]
    assert schemes == {"shop": "http", "crm": "https", "bi": "https", "enrich": "https"}
    assert "GIFTCERT_TLS_CERTIFICATE_LOCATION" not in settings
