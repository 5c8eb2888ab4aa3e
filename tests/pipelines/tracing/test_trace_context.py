"""A trace context: what is one, what it says, and ids that follow from a place."""

import pytest

from pipelines.tracing.trace_context import TraceContext, span_id_of, trace_id_of_place

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TEXT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)]
)
def test_flag_says_whether_spans_are_kept(flags: str, sampled: bool) -> None:
    context = TraceContext.parsed(f"{TEXT[:-2]}{flags}")
    assert context is not None
    assert (context.trace_id, context.span_id) == (TRACE_ID, "00f067aa0ba902b7")
    assert context.sampled is sampled


def test_text_of_a_context_is_a_context_again() -> None:
    context = TraceContext.parsed(TEXT)
    assert context is not None
    assert context.text() == TEXT
    assert context.child("a" * 16).text() == f"00-{TRACE_ID}-{'a' * 16}-01"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("other", TEXT.encode())],
        [("traceparent", None)],
        [("traceparent", b"")],
        [("traceparent", b"\xff\xfe")],
        [("traceparent", TEXT.encode() * 1000)],
        [("traceparent", b"00-x"), ("traceparent", TEXT.encode())],
    ],
)
def test_headers_without_a_good_first_context_have_none(
    headers: list[tuple[str, bytes | None]],
) -> None:
    assert TraceContext.of(headers) is None


def test_ids_of_places_are_the_same_at_every_reading_and_differ_between_places() -> None:
    places = [("a", 0, 0), ("a", 0, 1), ("a", 1, 0), ("b", 0, 0), ("a", 10, 1), ("a", 1, 1)]
    assert len({span_id_of(*place) for place in places}) == len(places)
    assert len({trace_id_of_place(*place) for place in places}) == len(places)
    # Fixed for good: spans of a replay must be those of the first time.
    assert span_id_of("ingest", "All_Payments", 3, 17) == "8d080416943652eb"
    assert trace_id_of_place("All_Payments", 3, 17) == "7035698ed1928e68c906f17aa841462f"
