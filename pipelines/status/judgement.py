"""Whether a person has to act, and about what: a status in, sentences out.

Owns the limits and the words. Pure: the same status gives the same sentences. What passes by itself
(a rebalance, a worker that recovers) is shown on the screen and is no finding.
"""

from collections.abc import Iterator
from typing import Final

from pipelines.status.spans import told_span
from pipelines.status.status import Group, Pool, Status, Worker
from pipelines.topics import Role

BEHIND_AT_MOST: Final = 10_000
"""Records that a group may be behind on one topic; more wait longer than customers do."""

EMPTY_SOON_S: Final = 24 * 60 * 60
"""A pool that will be empty within this is loaded today."""

OVERDUE_AT_MOST_S: Final = 60.0
"""So long after its time a reservation or a hold is still open only if timers do not work."""

LOOP_AGE_AT_MOST_S: Final = 30.0
"""A loop that has not turned for longer hangs."""

LAW_BREACH: Final = "LAW_BREACH"


def findings_of(status: Status) -> tuple[str, ...]:
    """What a person has to look at, the gravest first; none: all is well."""
    return (
        *_laws(status),
        *(each for group in status.groups for each in _group(group, status)),
        *(each for worker in status.workers for each in _worker(worker)),
        *_topics(status),
        *(each for pool in status.pools for each in _pool(pool)),
        *_waiting(status),
    )


def _laws(status: Status) -> Iterator[str]:
    laws = status.laws
    if laws.breaches:
        where = f"{laws.breaches:,} breaches on {laws.in_breach:,} certificates"
        yield f"A law is broken: {where}. Run `giftcert audit`; docs/auditor.md says what to do."
    elif status.alerts.by_code.get(LAW_BREACH):
        yield f"{LAW_BREACH} on the stream in the last hour: run `giftcert audit`."
    if laws.asked and laws.fault:
        yield f"The auditor does not answer ({laws.fault}): nobody watches the laws."


def _group(group: Group, status: Status) -> Iterator[str]:
    if group.fault:
        yield f"Kafka does not describe the group {group.name}: who works is not known."
        return
    if not any(worker.role is group.role for worker in status.workers):
        yield f"No {group.role.value} is running: {_lost(group.role)}."
        return
    missing = {topic: parts for topic, parts in group.unassigned.items() if parts}
    if missing:
        said = "; ".join(f"{topic} {told_partitions(parts)}" for topic, parts in missing.items())
        yield f"No {group.role.value} has {said}: {_lost(group.role)}."


def _lost(role: Role) -> str:
    match role:
        case Role.CORRELATOR:
            return "orders and payments wait"
        case Role.PROCESSOR:
            return "calls for their certificates are refused, and commands wait"


def _worker(worker: Worker) -> Iterator[str]:
    if worker.fault:
        yield f"{worker.name} ({worker.role.value}) does not answer: {worker.fault}."
    elif not worker.alive:
        yield f"{worker.name} ({worker.role.value}) has failed; its log says why. Restart it."
    elif (worker.loop_age_s or 0.0) > LOOP_AGE_AT_MOST_S and worker.ready:
        yield f"{worker.name} hangs: its loop last turned {told_span(worker.loop_age_s)} ago."


def _topics(status: Status) -> Iterator[str]:
    for lag in status.lags:
        if lag.leaderless:
            yield f"{lag.topic} has partitions without a leader: look at the brokers."
        if (lag.behind or 0) > BEHIND_AT_MOST:
            yield f"The {lag.role.value}s are {lag.behind:,} records behind on {lag.topic}."
    if any(lag.behind is None for lag in status.lags):
        yield "Kafka does not say how far behind the workers are."


def _pool(pool: Pool) -> Iterator[str]:
    if pool.free == 0:
        yield f"The pool {pool.name} is empty, nothing can be sold: `giftcert load` now."
    elif pool.free < pool.low_mark:
        yield f"The pool {pool.name} is low ({pool.free:,} free{_left(pool)}): `giftcert load`."
    elif pool.empty_in_s is not None and pool.empty_in_s < EMPTY_SOON_S:
        yield f"The pool {pool.name} will be empty{_left(pool)}: `giftcert load`."


def _left(pool: Pool) -> str:
    return "" if pool.empty_in_s is None else f" in {told_span(pool.empty_in_s)}"


def _waiting(status: Status) -> Iterator[str]:
    for pending in status.pending:
        if pending.oldest_overdue_s > OVERDUE_AT_MOST_S:
            late = told_span(pending.oldest_overdue_s)
            yield f"{pending.overdue or 0:,} {pending.name} are overdue, by up to {late}."
    letters = status.letters
    if letters.open:
        more = "" if letters.whole else " or more"
        yield f"{letters.open:,}{more} dead letters are open: `giftcert dlq list`."
    elif letters.fault:
        yield f"The dead letters could not be read: {letters.fault}."


def told_partitions(parts: tuple[int, ...]) -> str:
    """Partitions with runs drawn together: 0-3, 7."""
    runs: list[list[int]] = []
    for part in sorted(parts):
        if runs and part == runs[-1][1] + 1:
            runs[-1][1] = part
        else:
            runs.append([part, part])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
