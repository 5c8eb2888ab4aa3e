"""Replies as records: whoever waits gets the outcome as it was decided."""

import pytest

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.reply_record import Position, Reply, reply_from_record, reply_to_record
from pipelines.contracts.schemas import RecordName
from state.certificate.rejections import MEANINGS
from state.certificate.transition import Outcome
from tests.contracts.actions import OUTCOMES
from tests.contracts.samples import wire_amount
from tests.contracts.violations import assert_refused

FRAMING = SingleObjectFraming()
POSITION = Position(topic="GiftCertificates.Commands", partition=3, offset=41)


def reply(outcome: Outcome) -> Reply:
    return Reply(reply_to="0123456789abcdef", outcome=outcome, position=POSITION)


@pytest.mark.parametrize(
    "outcome", OUTCOMES, ids=lambda o: o.rejection.code if o.rejection else "accepted"
)
def test_reply_survives_the_round_trip(outcome: Outcome) -> None:
    framed = FRAMING.encode(RecordName.REPLY, reply_to_record(reply(outcome)))
    assert reply_from_record(FRAMING.decode(RecordName.REPLY, framed)) == reply(outcome)


@pytest.mark.parametrize("outcome", [outcome for outcome in OUTCOMES if outcome.rejection])
def test_refusal_tells_code_meaning_and_detail(outcome: Outcome) -> None:
    """A reader in another language needs no table of ours."""
    told = reply_to_record(reply(outcome))["rejection"]
    assert outcome.rejection is not None
    assert told["code"] == outcome.rejection.code
    assert told["text"].startswith(MEANINGS[outcome.rejection.code])
    assert told["detail"] == outcome.rejection.detail


@pytest.mark.parametrize("digest", ["d" * 32, None])
def test_reply_tells_which_body_it_answers(digest: str | None) -> None:
    """One id may come with two bodies: a late answer to the first is not the second's."""
    kept = Outcome(command_id="r", certificate_id="GC-0001", body_digest=digest, decided_at_ms=1)
    framed = FRAMING.encode(RecordName.REPLY, reply_to_record(reply(kept)))
    read = reply_from_record(FRAMING.decode(RecordName.REPLY, framed))
    assert read.outcome.body_digest == digest


def test_outcome_before_issue_has_no_amounts_to_tell() -> None:
    bare = Outcome(command_id="r", certificate_id="GC-0001", body_digest=None, decided_at_ms=1)
    record = reply_to_record(reply(bare))
    assert [record[name] for name in ("currency", "remainingBalance", "held", "amount")] == [
        None
    ] * 4


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("requestId", "", "requestId"),
        ("replyTo", "", "replyTo"),
        ("status", "UNKNOWN", "status"),
        ("rejection", {"code": "TELEPORTED", "text": "", "detail": ""}, "code"),
        ("held", wire_amount(-10_000), "negative"),
        ("currency", "RUR", "currency"),
    ],
)
def test_wrong_reply_is_broken(name: str, wrong: object, says: str) -> None:
    record = reply_to_record(reply(OUTCOMES[0]))
    assert_refused(reply_from_record, {**record, name: wrong}, says)
