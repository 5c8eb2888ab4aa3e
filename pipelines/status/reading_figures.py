"""From the figures that processes give to what the screen shows of them.

Owns which figure is which line. A figure that nobody has is not shown as zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pipelines.status.figures import Figures
from pipelines.status.kafka_side import Member
from pipelines.status.processes import Said
from pipelines.status.status import Laws, Pending, Pool, TopicLag, Worker

_NO_ADDRESS: Final = "it names no address in its group"
_PENDING: Final = (
    ("reservations", "giftcert_reservations", "RESERVATION"),
    ("holds", "giftcert_holds", "HOLD"),
)


def worker_of(member: Member, said: Mapping[str, Said]) -> Worker:
    """A member of the group, with what it said of itself."""
    heard = Said(fault=_NO_ADDRESS) if member.url is None else said[member.url]
    figures = heard.figures
    build = figures.labels("giftcert_build_info")
    return Worker(
        name=member.name,
        role=member.role,
        url=member.url,
        partitions=member.partitions,
        fault=heard.fault,
        alive=heard.alive,
        ready=heard.ready,
        loop_age_s=figures.largest("giftcert_loop_age_seconds"),
        records_left=figures.total("giftcert_recovery_records_left"),
        version=build.get("version", ""),
        commit=build.get("commit", ""),
        schemas=build.get("schemas", ""),
    )


def lags_told(lags: Iterable[TopicLag], figures: Sequence[Figures]) -> tuple[TopicLag, ...]:
    """The lags as the workers count them, where all of a topic's partitions are told of.

    Kafka's own offsets count the marks at the end of transactions too, so that an idle service
    would seem to be a little behind for ever.
    """
    return tuple(
        lag if (told := _told_lag(lag, figures)) is None else replace(lag, behind=told)
        for lag in lags
    )


def _told_lag(lag: TopicLag, figures: Sequence[Figures]) -> int | None:
    told: dict[str, float] = {}
    for each in figures:
        for sample in each.samples.get("giftcert_lag_records", ()):
            if sample.labels.get("topic") == lag.topic:
                told[sample.labels.get("partition", "")] = sample.value
    return int(sum(told.values())) if len(told) == lag.partitions else None


def pools_in(figures: Sequence[Figures]) -> tuple[Pool, ...]:
    """Every pool that a processor tells of; while a partition moves, two may tell of it."""
    pools: dict[str, Pool] = {}
    for each in figures:
        low_marks = each.by("giftcert_pool_low_mark", "pool")
        rates = each.by("giftcert_pool_taken_per_hour", "pool")
        empty = each.by("giftcert_pool_empty_in_seconds", "pool")
        for name, free in each.by("giftcert_pool_free_numbers", "pool").items():
            pools[name] = Pool(
                name=name,
                free=int(free),
                low_mark=int(low_marks.get(name, 0)),
                taken_per_hour=rates.get(name, 0.0),
                empty_in_s=empty.get(name),
            )
    return tuple(pools[name] for name in sorted(pools))


def pending_in(figures: Iterable[Figures]) -> tuple[Pending, ...]:
    """Reservations and holds over all processors."""
    read = list(figures)
    return tuple(
        Pending(
            name=name,
            open=_sum(each.total(f"{metric}_open") for each in read),
            overdue=_sum(each.total(f"{metric}_overdue") for each in read),
            oldest_overdue_s=max(
                (each.largest("giftcert_overdue_seconds", kind=kind) or 0.0 for each in read),
                default=0.0,
            ),
        )
        for name, metric, kind in _PENDING
    )


def laws_in(said: Said | None) -> Laws:
    """What the auditor says; None: none is named."""
    if said is None:
        return Laws(asked=False)
    figures = said.figures
    if not said.fault and figures.total("giftcert_audit_events_total") is None:
        return Laws(asked=True, fault="it is no auditor: it has no such figures")
    behind = figures.total("giftcert_audit_lag_offsets")
    return Laws(
        asked=True,
        fault=said.fault,
        events=int(figures.total("giftcert_audit_events_total") or 0),
        breaches=int(figures.total("giftcert_audit_breaches_total") or 0),
        in_breach=int(figures.total("giftcert_audit_certificates_in_breach") or 0),
        caught_up=bool(figures.total("giftcert_audit_caught_up")),
        behind=None if behind is None else int(behind),
        compared=int(figures.total("giftcert_audit_compared_certificates") or 0),
        comparisons_failed=int(
            figures.total("giftcert_audit_store_comparisons_total", result="failed") or 0
        ),
    )


def _sum(values: Iterable[float | None]) -> int | None:
    known = [value for value in values if value is not None]
    return int(sum(known)) if known else None
