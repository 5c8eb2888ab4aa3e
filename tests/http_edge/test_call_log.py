"""The audit line: its fields, its level, and what is never in it."""

import json
import logging
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
import structlog

from http_edge.serving.call_log import CallRecord, trace_id_of, write
from pipelines.logs import configure_logs

NUMBER = "GC-12345678"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
READ = CallRecord(operation="readBalance", method="GET", status=200, duration_ms=3.14159)
CHANGE = replace(READ, operation="capture", method="POST")


@pytest.fixture(autouse=True)
def logging_left_as_found() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def line_of(record: CallRecord, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    configure_logs("DEBUG", "json")
    write(record)
    (line,) = capsys.readouterr().err.splitlines()
    told: dict[str, Any] = json.loads(line)
    assert told.pop("timestamp")
    assert told.pop("logger") == "http_edge.serving.call_log"
    assert told.pop("event") == "call"
    return told


def test_call_with_everything_known_is_one_line_with_all_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = replace(
        CHANGE,
        client="till",
        subject="shop-7",
        channel="POS",
        certificate=NUMBER,
        request_id="7d0c2f5e-0000-5000-8000-000000000000",
        status=402,
        problem="insufficient-balance",
        forwarded_to="http://10.0.0.2:8080",
        hop=True,
        peer="10.0.0.9",
        traceparent=TRACEPARENT,
    )
    assert line_of(record, capsys) == {
        "level": "info",
        "operation": "capture",
        "method": "POST",
        "client": "till",
        "subject": "shop-7",
        "channel": "POS",
        "certificate": "…5678",
        "request_id": "7d0c2f5e-0000-5000-8000-000000000000",
        "status": 402,
        "problem": "insufficient-balance",
        "outcome": "refused",
        "duration_ms": 3.1,
        "forwarded_to": "http://10.0.0.2:8080",
        "hop": True,
        "trace_id": TRACE_ID,
    }


def test_call_with_little_known_is_a_line_without_empty_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert line_of(READ, capsys) == {
        "level": "info",
        "operation": "readBalance",
        "method": "GET",
        "status": 200,
        "outcome": "done",
        "duration_ms": 3.1,
    }


@pytest.mark.parametrize("status", [200, 304, 404, 422, 401, 403, 409, 429, 500, 503, 504])
@pytest.mark.parametrize("record", [READ, CHANGE])
def test_every_call_has_its_line_at_the_level_of_production(
    record: CallRecord, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who looked at a balance is what an audit asks for, too."""
    configure_logs("INFO", "json")
    write(replace(record, status=status))
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["status"]) == ("info", status)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "done"),
        (201, "done"),
        (304, "done"),
        (400, "refused"),
        (429, "refused"),
        (499, "refused"),
        (500, "unknown"),
        (503, "unknown"),
        (504, "unknown"),
    ],
)
def test_outcome_is_what_a_caller_may_conclude(
    status: int, outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line_of(replace(CHANGE, status=status), capsys)["outcome"] == outcome


@pytest.mark.parametrize("status", [200, 201, 401, 402, 403, 404, 409, 422, 429, 500, 504])
def test_address_is_told_of_callers_that_were_turned_away_only(
    status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    line = line_of(replace(CHANGE, status=status, peer="10.0.0.9"), capsys)
    assert line.get("peer") == ("10.0.0.9" if status in {401, 403, 429} else None)


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("refused", [False, True])
def test_certificate_is_never_whole_in_any_form(
    form: str, refused: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("DEBUG", "json" if form == "json" else "console")
    write(replace(CHANGE, certificate=NUMBER, status=403 if refused else 200))
    written = capsys.readouterr().err
    assert "5678" in written
    assert "1234" not in written


@pytest.mark.parametrize("form", ["json", "console"])
def test_text_of_a_caller_cannot_forge_a_line(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("DEBUG", "json" if form == "json" else "console")
    write(replace(CHANGE, subject='x"}\n{"event": "call", "client": "forged"}\r\n\x1b[2K'))
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "\r" not in written
    assert "\x1b[2K" not in written


def test_record_has_no_field_for_a_secret() -> None:
    """A new field is a decision: nothing that holds a token, a key, a code or a body."""
    assert {field.name for field in fields(CallRecord)} == {
        "operation",
        "method",
        "status",
        "duration_ms",
        "client",
        "subject",
        "channel",
        "certificate",
        "request_id",
        "problem",
        "forwarded_to",
        "hop",
        "peer",
        "traceparent",
    }


TRACES: list[tuple[str | None, str | None]] = [
    (TRACEPARENT, TRACE_ID),
    (f"cc-{TRACE_ID}-00f067aa0ba902b7-00", TRACE_ID),
    (None, None),
    ("", None),
    ("not a trace", None),
    (f"{TRACEPARENT}\n", None),
    (f"{TRACEPARENT}-more", None),
    (TRACEPARENT.upper(), None),
    (f"ff-{TRACE_ID}-00f067aa0ba902b7-01", None),
    (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
    (f"00-{TRACE_ID}-{'0' * 16}-01", None),
]


@pytest.mark.parametrize(("traceparent", "trace_id"), TRACES)
def test_trace_id_of_a_header_is_told_only_when_it_is_one(
    traceparent: str | None, trace_id: str | None
) -> None:
    assert trace_id_of(traceparent) == trace_id
