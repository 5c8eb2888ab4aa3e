"""What is felt of a replacement, reckoned from forged answers."""

import pytest

from tests.rehearsal.outages import Outage, outages
from tests.rehearsal.prober import Kind, Sample

SECOND_NS = 1_000_000_000


def sample(asked_s: float, told_s: float, status: int, *, partition: int = 0) -> Sample:
    return Sample(
        kind=Kind.READ,
        partition=partition,
        asked_ns=round(asked_s * SECOND_NS),
        told_ns=round(told_s * SECOND_NS),
        status=status,
    )


def felt(*samples: Sample, until_s: float = 10.0) -> Outage:
    (outage,) = outages(samples, 0, round(until_s * SECOND_NS))
    return outage


GOOD = [sample(at, at + 0.01, 200) for at in range(11)]


@pytest.mark.parametrize(
    ("samples", "silent_s", "refused_s", "refused"),
    [
        pytest.param(GOOD, 0.01, 0.0, 0, id="all is well"),
        pytest.param(
            [*GOOD[:3], sample(3, 3.01, 503), sample(5, 5.01, 0), *GOOD[7:]],
            4.01,
            4.0,
            2,
            id="refused until an answer comes",
        ),
        pytest.param(
            [*GOOD[:3], sample(3, 6.01, 200), *GOOD[7:]],
            3.01,
            0.0,
            0,
            id="a caller waits and is answered: silent, not refused",
        ),
        pytest.param(
            [*GOOD[:3], sample(3, 7.7, 503), sample(4, 8.01, 200), *GOOD[9:]],
            5.01,
            0.31,
            1,
            id="only the first one's patience ends before an answer comes",
        ),
        pytest.param([*GOOD[:3]], 0.01, 0.0, 0, id="nobody asks any more"),
        pytest.param(
            [*GOOD[:3], sample(8, 8.5, 504), sample(9, 9.5, 504)],
            2.0,
            1.0,
            2,
            id="nor is anybody answered at the end",
        ),
    ],
)
def test_outage_is_reckoned_from_answers(
    samples: list[Sample], silent_s: float, refused_s: float, refused: int
) -> None:
    outage = felt(*samples)
    assert outage.silent_s == pytest.approx(silent_s)
    assert outage.refused_s == pytest.approx(refused_s)
    assert outage.refused == refused


def test_partitions_and_kinds_are_told_apart() -> None:
    other = [sample(at, at + 0.01, 503, partition=1) for at in range(11)]
    first, second = outages([*GOOD, *other], 0, 10 * SECOND_NS)
    assert (first.partition, first.refused) == (0, 0)
    assert (second.partition, second.refused) == (1, 11)


def test_what_was_asked_before_and_answered_during_counts() -> None:
    outage = felt(sample(-3, 2, 200), *GOOD[3:])
    assert outage.slowest_s == pytest.approx(5.0)
    assert outage.asked == 9
