"""A registry that is silent, not ready, or none at all is one clear line and never a traceback."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import stamina

from pipelines import cli
from pipelines.contracts import registry
from pipelines.contracts.registration import check_schemas
from pipelines.contracts.registry import (
    Registry,
    RegistryRefused,
    RegistryUnreachable,
    SchemaIncompatible,
)
from pipelines.contracts.schemas import RecordName, current

NOBODY = "http://127.0.0.1:1"
SCHEMA = current(RecordName.REPLY)
HTML = "<html>hello</html>"


@contextmanager
def canned_answers(*answers: tuple[int, str]) -> Iterator[str]:
    """A web server that gives each answer once, and the last for ever."""
    left = list(answers)

    class Canned(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names that the server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Canned)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "fault", "text"),
    [
        pytest.param(503, "{}", RegistryUnreachable, "not ready: HTTP 503", id="starting up"),
        pytest.param(429, "{}", RegistryUnreachable, "not ready: HTTP 429", id="overrun"),
        pytest.param(404, HTML, RegistryRefused, "no schema registry is found", id="wrong path"),
        pytest.param(200, HTML, RegistryRefused, "is no schema registry", id="another server"),
        pytest.param(200, "[1]", RegistryRefused, "is no schema registry", id="other JSON"),
        pytest.param(200, "{}", RegistryRefused, "says nothing of", id="empty JSON"),
        pytest.param(
            401,
            '{"error_code": 401, "message": "who?"}',
            RegistryRefused,
            "HTTP 401: who",
            id="login",
        ),
        pytest.param(
            409,
            '{"error_code": 409, "message": "not compatible"}',
            SchemaIncompatible,
            "says: not compatible",
            id="incompatible",
        ),
    ],
)
def test_answer_that_is_no_answer_is_a_fault_of_its_kind(
    status: int, body: str, fault: type[Exception], text: str
) -> None:
    with (
        canned_answers((status, body)) as url,
        Registry.at(url) as asked,
        pytest.raises(fault, match=text),
    ):
        asked.register("GiftCertificates.Replies-value", SCHEMA)


def test_absence_that_the_registry_itself_states_is_an_answer() -> None:
    answer = '{"error_code": 40403, "message": "Schema not found"}'
    with canned_answers((404, answer)) as url, Registry.at(url) as asked:
        assert asked.schema_text(7) is None
        assert asked.find("a-value", SCHEMA) is None
        assert asked.held("a-value") == ()
        assert asked.compatibility("a-value") is None
        with pytest.raises(RegistryRefused, match="says nothing of a-value"):
            asked.register("a-value", SCHEMA)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param('{"schema": "\\"null\\""}', '"null"', id="Avro needs no type"),
        pytest.param('{"schema": "\\"null\\"", "schemaType": "AVRO"}', '"null"', id="Avro"),
        pytest.param('{"schema": "{}", "schemaType": "JSON"}', None, id="JSON Schema"),
        pytest.param(
            '{"schema": "{}", "references": [{"name": "a", "subject": "b", "version": 1}]}',
            None,
            id="a part of it is elsewhere",
        ),
    ],
)
def test_schema_that_is_not_avro_or_not_whole_is_as_good_as_absent(
    body: str, text: str | None
) -> None:
    with canned_answers((200, body)) as url, Registry.at(url) as asked:
        assert asked.schema_text(7) == text


def test_held_schema_that_only_claims_to_be_avro_is_a_difference() -> None:
    held = '{"subject": "s", "version": 1, "id": 7, "schema": "{\\"type\\": \\"nope\\"}"}'
    with canned_answers((200, "[1]"), (200, held)) as url, Registry.at(url) as asked:
        (difference,) = check_schemas(asked, {}, {RecordName.PAYMENT: "s"})
    assert str(difference).startswith("s: registered version 1 does not fit: it is not an Avro")


def test_registry_that_is_not_ready_is_asked_again_while_there_is_patience() -> None:
    """A worker outlives a registry's restart; a person at a terminal is told at once."""
    answers = [(503, "{}"), (503, "{}"), (200, '{"schema": "\\"null\\""}')]
    with stamina.set_testing(True, attempts=9, cap=True):
        with canned_answers(*answers) as url, Registry.at(url, attempts=3) as patient:
            assert patient.schema_text(7) == '"null"'
        with (
            canned_answers(*answers) as url,
            Registry.at(url) as hasty,
            pytest.raises(RegistryUnreachable),
        ):
            hasty.schema_text(7)


def test_registry_that_accepts_and_never_answers_is_unreachable_after_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with Registry.at(url) as asked, pytest.raises(RegistryUnreachable, match="timed out"):
            asked.schema_text(7)


@pytest.mark.parametrize("command", ["apply", "check"])
def test_command_without_a_registry_at_its_address_says_so_in_one_line(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["schemas", command, "--registry", NOBODY]) == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"giftcert: no schema registry answers at {NOBODY} (")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("command", ["apply", "check"])
def test_command_without_a_registry_set_says_which_setting_is_missing(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GIFTCERT_SCHEMA_REGISTRY_URL", raising=False)
    assert cli.run(["schemas", command]) == 2
    assert capsys.readouterr().err == (
        "giftcert: GIFTCERT_SCHEMA_REGISTRY_URL is not set: there is no registry to ask\n"
    )


def test_connection_that_is_not_made_is_given_up_long_before_an_answer_would_be() -> None:
    """Where packets are dropped nobody refuses, and whoever asks stands still meanwhile."""
    with socket.socket() as listener, ExitStack() as callers:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # The system's queue is full then: it drops who comes next.
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Registry.at(url, timeout_s=30.0) as registry:
            timeout = registry._client._rest_client.session.timeout
            assert (timeout.connect, timeout.read) == (10.0, 30.0)
        with (
            Registry.at(url, timeout_s=0.3) as registry,
            pytest.raises(RegistryUnreachable, match="timed out"),
        ):
            registry.schema_text(7)
