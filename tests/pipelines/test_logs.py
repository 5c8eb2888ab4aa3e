"""Log lines: one form for all, and nothing in them that should not be there."""

import ast
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from pipelines.logs import configure_logs, hide_secrets

NUMBER = "GC-12345678"


@pytest.fixture(autouse=True)
def logging_left_as_found() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def test_logging_as_json_puts_own_and_library_lines_into_one_form(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("INFO", "json")
    structlog.get_logger("giftcert.edge").info("answered", status=201)
    own = json.loads(last_line(capsys))
    logging.getLogger("quixstreams.app").warning("assigned %d partitions", 3)
    library = json.loads(last_line(capsys))
    assert own.pop("timestamp")
    assert own == {"event": "answered", "level": "info", "logger": "giftcert.edge", "status": 201}
    assert library.pop("timestamp")
    assert library == {
        "event": "assigned 3 partitions",
        "level": "warning",
        "logger": "quixstreams.app",
    }


def test_logging_after_standard_error_was_another_goes_to_the_one_that_is_open(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that outlives the command it began with has its say, and raises no other error."""
    with monkeypatch.context() as patched:
        of_the_command = io.StringIO()
        patched.setattr(sys, "stderr", of_the_command)
        configure_logs("INFO", "json")
        structlog.get_logger("giftcert").info("the command works")
        assert "the command works" in of_the_command.getvalue()
        of_the_command.close()
    thread = threading.Thread(target=lambda: logging.getLogger("giftcert").warning("it ended"))
    thread.start()
    thread.join()
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "it ended"


def test_logging_to_a_console_puts_the_event_into_one_readable_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("INFO", "console")
    structlog.get_logger("giftcert").info("started", worker="w-0")
    line = last_line(capsys)
    assert "started" in line
    assert "worker=w-0" in line


def test_configuring_logs_twice_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")
    configure_logs("WARNING", "json")
    logging.getLogger("quixstreams").warning("once")
    logging.getLogger("quixstreams").info("below the level")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_logging_a_request_of_a_library_below_warning_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("DEBUG", "json")
    for name in ("httpx", "uvicorn.access"):
        logging.getLogger(name).info("GET /certificates/%s", NUMBER)
    assert capsys.readouterr().err == ""


HIDDEN: list[tuple[dict[str, object], dict[str, object]]] = [
    ({"cvc": "123456", "kept": 1}, {"kept": 1}),
    ({"Authorization": "Bearer x"}, {}),
    ({"token": "t", "address": "+100", "password": "p"}, {}),
    ({"certificate_id": NUMBER}, {"certificate_id": "…5678"}),
    ({"certificateId": NUMBER}, {"certificateId": "…5678"}),
    ({"certificate_id": "1234"}, {"certificate_id": "…"}),
    ({"certificate_ids": [NUMBER]}, {"certificate_ids": ["…5678"]}),
    ({"path": f"/certificates/{NUMBER}/cvc"}, {"path": "/certificates/…5678/cvc"}),
    ({"path": "/certificates/next"}, {"path": "/certificates/next"}),
    (
        {"body": {"cvc": "1", "certificateId": NUMBER, "amount": "5.00"}},
        {"body": {"certificateId": "…5678", "amount": "5.00"}},
    ),
]


@pytest.mark.parametrize(("given", "shown"), HIDDEN)
def test_logging_a_secret_or_number_hides_it(
    given: dict[str, object], shown: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("INFO", "json")
    structlog.get_logger("giftcert").info("seen", **given)
    line = json.loads(last_line(capsys))
    assert {
        key: line[key] for key in line.keys() - {"timestamp", "logger", "level", "event"}
    } == shown


@pytest.mark.parametrize("form", ["json", "console"])
def test_logging_a_bug_shows_its_trace_and_no_local_variable(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("INFO", "json" if form == "json" else "console")
    secret_in_a_local = "hush" + "hush"
    try:
        raise LookupError(f"of /certificates/{NUMBER}/history")
    except LookupError:
        logging.getLogger("giftcert").critical("stopped", exc_info=sys.exc_info())
    written = capsys.readouterr().err
    assert "LookupError: of /certificates/…5678/history" in written
    assert "Traceback" in written
    assert secret_in_a_local not in written


def test_line_of_ours_names_no_field_that_is_left_out_as_a_secret() -> None:
    """It would be missing for whoever looks for it: a web address is a `url`, say."""
    root, steps = Path(__file__).resolve().parents[2], {"debug", "info", "warning", "error", "bind"}
    missing = [
        f"{path.relative_to(root)}:{call.lineno} {field.arg}"
        for folder in ("pipelines", "http_edge", "state")
        for path in (root / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in steps
        for field in call.keywords
        if field.arg is not None and not hide_secrets(None, "", {field.arg: "shown"})
    ]
    assert missing == []
