"""Verify at a time: what the service was then, proven from the log alone.

Owns the folding up to that time and the money there was. Asks no live store.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.audit.figures import MoneyFigures
from pipelines.rebuild.folding import Workshop, fold_partitions
from pipelines.rebuild.partition_work import FoldResult, Part, result_of
from pipelines.rebuild.stream_word import StreamWord, disagreements, states_of, told_by_the_stream
from pipelines.stores import StoreName, store_named
from state.certificate.record import CertificateState

KEPT: Final = 100

Amounts = Mapping[str, tuple[int, ...]]
"""By currency: how many certificates, and the sums of `_MONEY` in minor units."""

_MONEY: Final = (
    "nominal_minor",
    "refunded_minor",
    "redeemed_minor",
    "annulled_minor",
    "remaining_minor",
    "held_minor",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTask:
    """Fold partitions as of a time, up to these offsets; the stream is read to those ends."""

    store: StoreName
    ends: Mapping[int, int]
    stream_ends: Mapping[int, int]
    marks: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastResult:
    """What came of it. Certificates only: how many agree with the stream, which do not, money."""

    fold: FoldResult
    money: Amounts
    certificates: int = 0
    disagreeing: int = 0
    disagreements: tuple[str, ...] = ()


def fold_past(shop: Workshop, task: PastTask) -> list[PastResult]:
    """Perform one task."""
    folds = fold_partitions(shop, store_named(task.store), task.ends, task.marks)
    certificates = task.store is StoreName.CERTIFICATES
    states = {
        partition: states_of(fold.folded.records) if certificates else {}
        for partition, fold in folds.items()
    }
    words = told_by_the_stream(shop, task.stream_ends, states) if certificates else {}
    return [
        _result(
            result_of(task.store, Part(partition=partition, end=task.ends[partition]), fold),
            states[partition],
            words.get(partition, StreamWord()),
        )
        for partition, fold in folds.items()
    ]


def _result(
    fold: FoldResult, states: Mapping[str, CertificateState], word: StreamWord
) -> PastResult:
    found = list(disagreements(states, word))
    return PastResult(
        fold=fold,
        money=money_of(states),
        certificates=sum(state.certificate is not None for state in states.values()),
        disagreeing=len(found),
        disagreements=tuple(found[:KEPT]),
    )


def money_of(states: Mapping[str, CertificateState]) -> Amounts:
    """The money there is, by currency. A number that was never sold has none."""
    sums: dict[str, Counter[str]] = {}
    for state in states.values():
        certificate = state.certificate
        if certificate is None or certificate.currency is None:
            continue
        row = sums.setdefault(certificate.currency, Counter())
        row["certificates"] += 1
        for name in _MONEY:
            row[name] += getattr(certificate, name)
    return {
        currency: (row["certificates"], *(row[name] for name in _MONEY))
        for currency, row in sums.items()
    }


def money_figures(parts: Sequence[Amounts]) -> tuple[MoneyFigures, ...]:
    """The money of all partitions together."""
    sums: dict[str, list[int]] = {}
    for amounts in parts:
        for currency, row in amounts.items():
            known = sums.setdefault(currency, [0] * len(row))
            sums[currency] = [one + other for one, other in zip(known, row, strict=True)]
    return tuple(
        MoneyFigures(
            currency=currency,
            pool=None,
            certificates=row[0],
            **dict(zip(_MONEY, row[1:], strict=True)),
        )
        for currency, row in sorted(sums.items())
    )
