"""What callers were told, held against the log: acknowledged is decided, repeated is the same.

Owns the judging of answers, of reads, and of codes. A caller who was told something definite was
told what the log says of that request; who has not been told at all is still to be told.
"""

from collections.abc import Mapping
from typing import Any, Final

from http_edge.api import models
from http_edge.api.problems import REFUSALS
from pipelines.settings import Settings
from pipelines.simulation.actors import Breach
from pipelines.simulation.callers import Callers
from pipelines.simulation.errands import Answered, Errand
from pipelines.simulation.laws_log import Fields, Findings, ReadLog
from pipelines.simulation.laws_outcomes import Outcomes
from pipelines.simulation.reference_words import Answer, Told, parts
from pipelines.simulation.told_amounts import parts_of_text
from pipelines.topics import COMMANDS, POOL

_HTTP: Final = "HTTP"
_CODES: Final[Mapping[str, str]] = {kind.name: code.value for code, kind in REFUSALS.items()}
"""The refusal behind each name of a problem."""

_HIDDEN: Final = frozenset({"NOT_FOUND", "NOT_AVAILABLE", "LOCKED", "REQUEST_REUSED"})
"""What the edge may say by itself, or in place of another: it hides what a number is."""


def judge_calls(callers: Callers, log: ReadLog, outcomes: Outcomes) -> list[Breach]:
    """Every answer that the log does not bear out."""
    acknowledged, repeat = Findings("acknowledged"), Findings("repeat")
    for errand in callers.errands:
        if not errand.answers:
            if errand.tries:
                acknowledged.add(f"{_name(errand)} was never answered in {errand.tries} tries")
            continue
        for answered in errand.answers:
            if errand.key is not None:
                _judge_answer(acknowledged, errand, answered, outcomes)
        _judge_repeat(repeat, errand)
    _judge_names(repeat, callers)
    reads = _judge_reads(callers, outcomes)
    return acknowledged.breaches + repeat.breaches + reads + _judge_codes(callers, log, outcomes)


def _name(errand: Errand) -> str:
    return f"{errand.operation} {errand.key} of {errand.caller.client_id} on {errand.number}"


def _judge_answer(law: Findings, errand: Errand, answered: Answered, outcomes: Outcomes) -> None:
    decided = _decided(errand, answered, outcomes)
    if answered.content is not None:
        if not any(each.code is None for each in decided):
            law.add(f"{_name(errand)} was told of something that is not in the log")
        elif not any(_tells(answered.content, each) for each in decided if each.code is None):
            law.add(f"{_name(errand)} was told {answered.content}, the log has {decided}")
        return
    code = _CODES.get(answered.problem or "")
    if code is None or code in _HIDDEN:
        return
    if not any(each.code == code for each in decided):
        law.add(f"{_name(errand)} was told {code}, which is not in the log")


def _decided(errand: Errand, answered: Answered, outcomes: Outcomes) -> list[Answer]:
    """What the log came to for the request: of its number, or of any that the pool offered."""
    request = (_HTTP, errand.request_id or "")
    number = errand.number or str(getattr(answered.content, "certificate_id", ""))
    if not number:
        pool = getattr(errand.body or errand.path, "pool", "")
        given = outcomes.pools[pool].given if pool in outcomes.pools else {}
        if errand.request_id not in given:
            return []
        digest, number = given[errand.request_id][0], given[errand.request_id][1] or ""
        if not number:
            return [Answer("POOL_EMPTY", 0)] if digest else []
    account = outcomes.reference.accounts.get(number)
    known = None if account is None else account.answers.get(request)
    return [] if known is None or known[1] is None else [known[1]]


def _tells(content: models.Told, answer: Answer) -> bool:
    """Whether a content says what the log came to."""
    match content:
        case models.Reservation():
            return content.reservation_id == answer.reservation_id
        case models.Standing():
            shown = (content.status.value, content.version, *_money(content))
            return shown == (answer.status, answer.sequence, answer.remaining, answer.held)
        case models.Authorization() | models.Captured():
            shown_id = (content.authorization_id, content.version, parts_of_text(content.amount))
            told = (answer.authorization_id, answer.sequence, answer.amount)
            return shown_id == told and _money(content) == (answer.remaining, answer.held)
        case models.RevealedCode():
            return answer.cvc_version is not None
        case _:
            return True


def _money(content: Any) -> tuple[int | None, int | None]:
    return parts_of_text(content.remaining_balance), parts_of_text(content.held)


def _judge_repeat(law: Findings, errand: Errand) -> None:
    """The same request has the same answer; a key that is taken in vain is refused."""
    if errand.key is None:
        return
    first = errand.same_as.answer if errand.same_as is not None else errand.answer
    for answered in errand.answers:
        done = first is not None and first.content is not None
        if first is not None and done and answered.asked_at > first.told_at:
            told = (answered.problem, answered.content)
            law.compare(f"{_name(errand)} asked again", told, (None, first.content))
        if errand.instead_of is not None and answered.content is not None:
            law.add(f"{_name(errand)} is another's key, and was done")


def _judge_names(law: Findings, callers: Callers) -> None:
    """One client's key never meets another's."""
    owners: dict[str | None, str] = {}
    for errand in callers.errands:
        if errand.key is not None:
            client = errand.caller.client_id
            owner = owners.setdefault(errand.request_id, client)
            law.compare(f"the owner of request {errand.key}", client, owner)


def _judge_reads(callers: Callers, outcomes: Outcomes) -> list[Breach]:
    """Who reads is told of a moment that was, not before the one he knows of."""
    law = Findings("reads")
    for errand in callers.errands:
        content = None if errand.answer is None else errand.answer.content
        if isinstance(content, models.Snapshot):
            events = outcomes.events.get(errand.number, [])
            if not 0 < content.version <= len(events):
                law.add(f"{errand.number} was read at version {content.version}")
                continue
            told = events[content.version - 1].told
            assert isinstance(told, Told), "a certificate's event"
            _compare_read(law, errand, content, told)
            if content.version < errand.at_least:
                law.add(f"{errand.number} was read at {content.version} after {errand.at_least}")
        elif isinstance(content, models.Balance):
            _judge_balance(law, errand, content, outcomes)
    return law.breaches


def _compare_read(law: Findings, errand: Errand, read: models.Snapshot, told: Told) -> None:
    none = told.currency is None
    shown = (read.lifecycle.value, read.status.value, read.currency, read.lock is not None)
    law.compare(
        f"{errand.number} as it was read",
        (*shown, *_money(read), parts_of_text(read.nominal)),
        (
            told.lifecycle,
            told.headline,
            told.currency,
            told.locked,
            None if none else told.remaining,
            None if none else told.held,
            None if none else told.nominal,
        ),
    )


def _judge_balance(
    law: Findings, errand: Errand, content: models.Balance, outcomes: Outcomes
) -> None:
    shown = (content.lifecycle.value, *_money(content), parts_of_text(content.available))
    for event in outcomes.events.get(errand.number, []):
        told = event.told
        if isinstance(told, Told):
            money = (told.remaining, told.held, told.remaining - told.held)
            if shown == (told.lifecycle, *(money if told.currency else (None, None, None))):
                return
    law.add(f"{errand.number}: its balance was never {shown}")


def _judge_codes(callers: Callers, log: ReadLog, outcomes: Outcomes) -> list[Breach]:
    """A code opens exactly as long as it is the last that was told."""
    law = Findings("codes")
    versions: dict[tuple[str, int], str] = {}
    for errand in callers.errands:
        content = None if errand.answer is None else errand.answer.content
        if isinstance(content, models.RevealedCode):
            version = _version_of(errand, outcomes)
            known = versions.setdefault((errand.number, version), content.cvc)
            law.compare(
                f"{errand.number}: the code of version {version}", content.cvc == known, True
            )
    tries = {errand.request_id: errand for errand in callers.errands if errand.code is not None}
    seen: set[tuple[str, str]] = set()
    for line in log.lines(COMMANDS):
        fields = line.fields
        errand_of = tries.get(fields["commandId"]) if fields["type"] == "AUTHORIZE" else None
        once = (fields["certificateId"], fields["commandId"])
        if errand_of is None or once in seen or errand_of.same_as or errand_of.instead_of:
            continue
        seen.add(once)
        _judge_try(law, errand_of, fields, versions, outcomes)
    return law.breaches


def _judge_try(
    law: Findings,
    errand: Errand,
    fields: Fields,
    versions: Mapping[tuple[str, int], str],
    outcomes: Outcomes,
) -> None:
    compared = fields["cvcVersion"]
    code = versions.get((errand.number, compared))
    if compared == 0 or code is not None:
        law.compare(
            f"{_name(errand)}: the code matches version {compared}",
            fields["cvcMatches"],
            compared > 0 and code == errand.code,
        )
    if errand.newest_code is not None:
        newest = _version_of(errand.newest_code[0], outcomes)
        if compared < newest and not fields["cvcMatches"]:
            law.add(f"{_name(errand)} was compared with code {compared}, the customer has {newest}")


def _version_of(errand: Errand, outcomes: Outcomes) -> int:
    account = outcomes.reference.accounts.get(errand.number)
    known = None if account is None else account.answers.get((_HTTP, errand.request_id or ""))
    answer = None if known is None else known[1]
    return 0 if answer is None or answer.cvc_version is None else answer.cvc_version


def judge_asked_by_callers(callers: Callers, log: ReadLog, settings: Settings) -> list[Breach]:
    """Nothing is asked over HTTP that no caller asked, and it says what the caller said.

    What is asked for a time is asked for the time that the settings give.
    """
    law = Findings("acknowledged")
    requests: dict[str | None, list[Errand]] = {}
    for errand in callers.errands:
        requests.setdefault(errand.request_id, []).append(errand)
    for line in log.lines(COMMANDS):
        fields = line.fields
        if fields["origin"] == _HTTP:
            known = requests.get(fields["commandId"], [])
            if not any(_says(errand, fields) for errand in known):
                law.add(f"{fields['type']} {fields['commandId']} is in the log, nobody asked so")
            _judge_until(law, fields, settings)
    for line in log.lines(POOL):
        request = line.fields["requestId"]
        if request is not None and request not in requests:
            law.add(f"TAKE_NEXT {request} is in the log, nobody asked so")
        _judge_until(law, line.fields, settings)
    return law.breaches


def _judge_until(law: Findings, fields: Fields, settings: Settings) -> None:
    for name, minutes in (
        ("expiresAt", settings.hold_minutes),
        ("reservedUntil", settings.reservation_minutes),
    ):
        until = fields.get(name)
        if until is not None:
            subject = f"{name} of {fields['type']}, after it was asked"
            law.compare(subject, until - fields["at"], minutes * 60_000)


def _says(errand: Errand, fields: Fields) -> bool:
    """Whether a command is what the errand wanted, to the amount."""
    if errand.number not in ("", fields["certificateId"]):
        return False
    body = errand.body
    if isinstance(body, models.AuthorizeBody):
        asked = (parts_of_text(body.amount), body.currency, body.order_id, body.accept_partial)
        told = (parts(fields["amount"]), fields["currency"], fields["orderId"])
        return asked == (*told, fields["acceptPartial"])
    if isinstance(body, models.CaptureBody):
        given = None if fields["amount"] is None else parts(fields["amount"])
        return parts_of_text(body.amount) == given
    return True
