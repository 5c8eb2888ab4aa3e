"""Pool commands as records: nothing is lost on the way, and what is not allowed is broken."""

from typing import get_args

import pytest

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.pool_record import pool_command_from_record, pool_command_to_record
from pipelines.contracts.schemas import RecordName
from state.pool.commands import Add, PoolAction, TakeNext
from tests.contracts.actions import POOL_ACTIONS, pool_command
from tests.contracts.violations import WRONG_IDS, WRONG_INSTANTS, assert_refused

FRAMING = SingleObjectFraming()
TAKE = next(action for action in POOL_ACTIONS if isinstance(action, TakeNext))


def test_every_kind_of_action_has_a_specimen() -> None:
    assert {type(action) for action in POOL_ACTIONS} == set(get_args(PoolAction))


@pytest.mark.parametrize("action", POOL_ACTIONS, ids=lambda action: type(action).__name__)
def test_pool_command_survives_the_round_trip(action: PoolAction) -> None:
    sent = pool_command(action)
    framed = FRAMING.encode(RecordName.POOL_COMMAND, pool_command_to_record(sent))
    assert pool_command_from_record(FRAMING.decode(RecordName.POOL_COMMAND, framed)) == sent


def test_request_id_may_be_a_made_one() -> None:
    """A number offered and refused comes back under the id of its command."""
    record = {**pool_command_to_record(pool_command(TAKE)), "requestId": "r" * 1_000}
    assert pool_command_from_record(record).action != TAKE


@pytest.mark.parametrize(
    ("action", "name", "wrong"),
    [
        *((TAKE, "pool", wrong) for wrong in ("", "electronic", "GC-0001", "A|c", "A" * 33)),
        *((TAKE, "at", wrong) for wrong in WRONG_INSTANTS.values()),
        *((TAKE, "reservedUntil", wrong) for wrong in (None, *WRONG_INSTANTS.values())),
        *((TAKE, "orderId", wrong) for wrong in WRONG_IDS.values()),
        (TAKE, "requestId", None),
        (TAKE, "requestId", ""),
        (TAKE, "requestId", "r" * 1_001),
        (TAKE, "bodyDigest", ""),
        (TAKE, "channel", None),
        (TAKE, "channel", "UNKNOWN"),
        (TAKE, "lowMark", None),
        (TAKE, "lowMark", -1),
        (TAKE, "replyTo", ""),
        (TAKE, "actor", "a\nb"),
        (TAKE, "insteadOf", ""),
        (TAKE, "type", "UNKNOWN"),
        (Add(certificate_id="GC-0001"), "certificateId", None),
        (Add(certificate_id="GC-0001"), "certificateId", "GC\x000001"),
    ],
)
def test_wrong_field_is_broken(action: PoolAction, name: str, wrong: object) -> None:
    record = pool_command_to_record(pool_command(action))
    assert_refused(pool_command_from_record, {**record, name: wrong}, name)
