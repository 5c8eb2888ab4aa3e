"""What callers were told can be wrong, and then the laws say so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from http_edge.api import models
from pipelines.simulation.errands import Answered, Errand
from tests.simulation.forged import ForgedUniverse, whole_run


def _done(operation: str, kind: type[models.Told], **wanted: Any) -> Errand:
    """The last errand that was done and told of so."""
    for errand in reversed(whole_run()[1].callers.errands):
        answer = errand.answer
        if errand.operation == operation and answer is not None:
            content = answer.content
            fits = isinstance(content, kind) and errand.same_as is None
            if fits and all(getattr(errand, name) == value for name, value in wanted.items()):
                return errand
    raise AssertionError(f"the run has no {operation} that was done")


def _told(errand: Errand, **changed: Any) -> list[Answered]:
    answer = errand.answer
    assert answer is not None
    assert answer.content is not None
    content = msgspec.structs.replace(answer.content, **changed)
    return [replace(answer, content=content)]


def _refused(errand: Errand, problem: str) -> list[Answered]:
    answer = errand.answer
    assert answer is not None
    return [replace(answer, problem=problem, content=None)]


FORGERIES: list[tuple[str, Callable[[], tuple[Errand, list[Answered]]]]] = [
    (
        "acknowledged",
        lambda: (
            (errand := _done("capture", models.Captured)),
            _told(errand, remaining_balance="123456.78"),
        ),
    ),
    (
        "acknowledged",
        lambda: (
            (errand := _done("authorize", models.Authorization)),
            _told(errand, amount="0.01"),
        ),
    ),
    (
        "acknowledged",
        lambda: (
            (errand := _done("takeNext", models.Reservation)),
            _told(errand, reservation_id="another"),
        ),
    ),
    (
        "acknowledged",
        lambda: (
            (errand := _done("takeNext", models.Reservation)),
            _refused(errand, "pool-empty"),
        ),
    ),
    (
        "acknowledged",
        lambda: (
            (errand := _done("authorize", models.Authorization)),
            _refused(errand, "insufficient-balance"),
        ),
    ),
    ("acknowledged", lambda: (_done("lock", models.Standing), [])),
    (
        "reads",
        lambda: (
            (errand := _done("readCertificate", models.Snapshot)),
            _told(errand, nominal="99999999.99"),
        ),
    ),
    (
        "reads",
        lambda: (
            (errand := _done("readCertificate", models.Snapshot)),
            _told(errand, version=100_000),
        ),
    ),
    (
        "reads",
        lambda: (
            (errand := _done("readBalance", models.Balance)),
            _told(errand, available="99999999.99"),
        ),
    ),
]


@pytest.mark.parametrize(("law", "forgery"), FORGERIES)
def test_an_answer_that_the_log_does_not_bear_out_breaks_its_law(
    law: str,
    forgery: Callable[[], tuple[Errand, list[Answered]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errand, answers = forgery()
    monkeypatch.setattr(errand, "answers", answers)
    assert law in ForgedUniverse().laws_broken()


def test_a_read_that_does_not_show_what_its_reader_did_breaks_a_law(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_done("readCertificate", models.Snapshot), "at_least", 10_000)
    assert "reads" in ForgedUniverse().laws_broken()


def test_a_repeat_with_another_answer_breaks_its_law(monkeypatch: pytest.MonkeyPatch) -> None:
    twins = [
        errand
        for errand in whole_run()[1].callers.errands
        if errand.same_as is not None
        and errand.answer is not None
        and errand.same_as.answer is not None
        and errand.same_as.answer.content is not None
        and errand.answer.asked_at > errand.same_as.answer.told_at
    ]
    monkeypatch.setattr(twins[-1], "answers", _refused(twins[-1], "not-found"))
    assert "repeat" in ForgedUniverse().laws_broken()


def test_a_key_taken_in_vain_that_is_done_breaks_its_law(monkeypatch: pytest.MonkeyPatch) -> None:
    done = _done("takeNext", models.Reservation)
    monkeypatch.setattr(done, "instead_of", done)
    assert "repeat" in ForgedUniverse().laws_broken()


def test_a_code_that_opens_and_was_not_the_last_breaks_its_law(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = _done("authorize", models.Authorization)
    monkeypatch.setattr(right, "code", "00000000")
    assert "codes" in ForgedUniverse().laws_broken()


def test_one_version_with_two_codes_breaks_its_law(monkeypatch: pytest.MonkeyPatch) -> None:
    first = _done("revealCode", models.RevealedCode)
    twin = replace(first, same_as=first, answers=_told(first, cvc="12345678"))
    callers = whole_run()[1].callers
    monkeypatch.setattr(callers, "errands", [*callers.errands, twin])
    assert "codes" in ForgedUniverse().laws_broken()


def test_a_command_that_nobody_asked_for_breaks_a_law(monkeypatch: pytest.MonkeyPatch) -> None:
    callers = whole_run()[1].callers
    locked = _done("lock", models.Standing)
    others = [each for each in callers.errands if each.request_id != locked.request_id]
    monkeypatch.setattr(callers, "errands", others)
    assert "acknowledged" in ForgedUniverse().laws_broken()
