"""What the stores must hold by the log and the reference: certificates, histories, pools, lists.

Owns the reading of the stores' own records. Law 4 says that they are what the topics fold into;
this says that they are what they ought to be, deadlines included.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pipelines.simulation.actors import Breach
from pipelines.simulation.laws_log import Findings, ReadLog
from pipelines.simulation.laws_outcomes import Outcomes
from pipelines.simulation.reference_account import Account
from pipelines.simulation.told_amounts import parts_of
from pipelines.topics import COMMANDS, INDEX, POOL, STREAM
from state.certificate.events import EventType
from state.certificate.headline import event_type
from state.certificate.record import Certificate
from state.stores.codec import (
    CERTIFICATE_STATE,
    HISTORY_ENTRY,
    POOL_HEAD,
    decode_number,
    decode_text,
)
from state.stores.layout import (
    DEADLINES,
    MAIN,
    SEPARATOR,
    deadline_entry,
    history_key,
    position_key,
    stored_key,
)

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

_DEADLINE_PREFIX: Final = DEADLINES + SEPARATOR

Whole = dict[bytes, bytes]


def judge_stores(universe: "Universe", log: ReadLog, outcomes: Outcomes) -> list[Breach]:
    """Where a store does not hold what it ought to."""
    certificates = _whole(universe.stores(COMMANDS))
    return [
        *_judge_certificates(certificates, outcomes),
        *_judge_histories(certificates, log),
        *_judge_deadlines(universe, certificates, outcomes),
        *_judge_pools(_whole(universe.stores(POOL)), outcomes),
        *_judge_index(_whole(universe.stores(INDEX)), log),
    ]


def _whole(stores: Mapping[int, Mapping[bytes, bytes]]) -> Whole:
    return {key: value for records in stores.values() for key, value in records.items()}


def _judge_certificates(stored: Whole, outcomes: Outcomes) -> list[Breach]:
    law = Findings("4")
    for number, account in outcomes.reference.accounts.items():
        value = stored.get(stored_key(number.encode(), MAIN))
        if account.sequence == 0:
            law.compare(f"{number} in its store", value, None)
            continue
        if value is None:
            law.add(f"{number} is not in its store")
            continue
        state = CERTIFICATE_STATE.decode(value)
        law.compare(f"{number}: events counted", state.sequence, account.sequence)
        certificate = state.certificate
        if certificate is None or account.lifecycle is None:
            law.compare(f"{number}: exists", certificate is not None, account.lifecycle is not None)
        else:
            law.compare(f"{number} in its store", _shown(certificate), _expected(account))
    return law.breaches


def _shown(certificate: Certificate) -> dict[str, object]:
    currency, notification = certificate.currency, certificate.notification

    def parts(minor: int) -> int:
        return 0 if currency is None else parts_of(minor, currency)

    return {
        "lifecycle": certificate.lifecycle.value,
        "pool": certificate.pool,
        "owner": certificate.order_id,
        "nominal": parts(certificate.nominal_minor),
        "remaining": parts(certificate.remaining_minor),
        "holds": {key: parts(hold.amount_minor) for key, hold in certificate.holds.items()},
        "captures": {
            key: (parts(each.amount_minor), parts(each.confirmed_minor))
            for key, each in certificate.captures.items()
        },
        "refundable": {
            key: parts(each.redeemed_minor - each.refunded_minor)
            for key, each in certificate.orders.items()
        },
        "reserved by": None
        if certificate.reservation is None
        else certificate.reservation.reservation_id,
        "locked": certificate.lock is not None,
        "message": None if notification is None else notification.notification_id,
        "code": (certificate.cvc.version, certificate.cvc.wrong_tries),
    }


def _expected(account: Account) -> dict[str, object]:
    return {
        "lifecycle": account.lifecycle,
        "pool": account.pool,
        "owner": account.owner,
        "nominal": account.nominal,
        "remaining": account.remaining,
        "holds": {key: hold.amount for key, hold in account.holds.items()},
        "captures": {key: (each.amount, each.told) for key, each in account.taken.items()},
        "refundable": account.spent,
        "reserved by": None if account.booking is None else account.booking.request,
        "locked": account.locked,
        "message": account.message,
        "code": (account.cvc_version, account.wrong_codes),
    }


def _judge_histories(stored: Whole, log: ReadLog) -> list[Breach]:
    """The history of each certificate is what the stream says of it."""
    law = Findings("history")
    expected: defaultdict[str, list[tuple[int | str | None, ...]]] = defaultdict(list)
    pools = {line.key for line in log.lines(POOL)}
    about = {
        (line.fields["certificateId"], line.fields["commandId"]): line.fields["correlationId"]
        for line in log.lines(COMMANDS)
    }
    for line in log.lines(STREAM):
        if line.key not in pools:
            fields = line.fields
            cause = fields["causationId"]
            told = (fields["sequence"], fields["eventType"], fields["occurredAt"], cause)
            expected[line.key].append((*told, about.get((line.key, cause))))
    for key, events in expected.items():
        found = []
        for sequence in range(1, len(events) + 2):
            value = stored.get(stored_key(key.encode(), history_key(sequence)))
            if value is not None:
                entry = HISTORY_ENTRY.decode(value)
                kind: EventType = event_type(entry.event)
                kept = (entry.sequence, kind.value, entry.at_ms, entry.causation_id)
                found.append((*kept, entry.correlation_id))
        law.compare(f"the history of {key}", found, events)
    return law.breaches


def _judge_deadlines(universe: "Universe", stored: Whole, outcomes: Outcomes) -> list[Breach]:
    """Exactly the open reservations and holds have a deadline, and none is overdue."""
    law = Findings("deadlines")
    found = {
        deadline_entry(key[len(_DEADLINE_PREFIX) :])
        for key in stored
        if key.startswith(_DEADLINE_PREFIX)
    }
    expected: dict[tuple[str, str, str], int] = {}
    for number, account in outcomes.reference.accounts.items():
        for hold_id, hold in account.holds.items():
            expected[number, "HOLD", hold_id] = hold.until
        if account.booking is not None:
            expected[number, "RESERVATION", account.booking.request] = account.booking.until
    shown = {(each.message_key, each.kind, each.subject): each.at_ms for each in found}
    for key in sorted(shown.keys() | expected.keys()):
        law.compare(f"the deadline of {key}", shown.get(key), expected.get(key))
    law.compare("how many deadlines", len(found), len(expected))
    overdue = [key for key, until in expected.items() if until <= universe.now_ms]
    law.compare("deadlines that are over and still stand", overdue, [])
    return law.breaches


def _judge_pools(stored: Whole, outcomes: Outcomes) -> list[Breach]:
    """Each queue holds the free numbers in the order in which they came."""
    law = Findings("pool")
    for name, pool in outcomes.pools.items():
        kept = stored.get(stored_key(name.encode(), MAIN))
        if kept is None:
            law.compare(
                f"{name}, of which nothing is kept", (list(pool.free), pool.sequence), ([], 0)
            )
            continue
        head = POOL_HEAD.decode(kept)
        law.compare(f"{name}: how many are free", head.level, len(pool.free))
        law.compare(f"{name}: events counted", head.sequence, pool.sequence)
        places = range(head.first, head.next_position)
        found = [stored.get(stored_key(name.encode(), position_key(place))) for place in places]
        queue = [decode_text(each) for each in found if each is not None]
        law.compare(f"the queue of {name}", queue, list(pool.free))
    queued = {number for pool in outcomes.pools.values() for number in pool.free}
    for queued_number in queued:
        known = outcomes.reference.accounts.get(queued_number)
        if known is None or known.lifecycle is None:
            law.add(f"{queued_number} is in a pool and was never loaded")
    for number, account in outcomes.reference.accounts.items():
        if account.lifecycle == "AVAILABLE" and not account.locked and number not in queued:
            law.add(f"{number} is free, and no pool has it")
    return law.breaches


def _judge_index(stored: Whole, log: ReadLog) -> list[Breach]:
    """Each entry leads to its certificates, once each, in the order in which they came."""
    law = Findings("index")
    expected: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for line in log.lines(INDEX):
        expected[line.key][line.fields["certificateId"]] = None
    for entry, numbers in expected.items():
        key = entry.encode()
        value = stored.get(stored_key(key, MAIN))
        count = 0 if value is None else decode_number(value)
        found = [stored.get(stored_key(key, position_key(place))) for place in range(count)]
        told = [None if each is None else decode_text(each) for each in found]
        law.compare(f"what {entry} leads to", told, list(numbers))
    return law.breaches
