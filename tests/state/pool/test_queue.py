"""The pool hands out the oldest free number once, knows when it is empty, and warns in time."""

import pytest

from state.certificate.commands import Channel
from state.certificate.rejections import RejectionCode, reject
from state.pool.commands import Add, Forget, PoolCommand, TakeNext
from state.pool.queue import RATE_WINDOW_MS, Blocked, LowLevel, Offered, PoolResult, apply
from tests.state.pool.dict_store import DictStore

HOUR_MS = 60 * 60 * 1000


class Pool:
    """A pool to talk to: each call is one command."""

    def __init__(self, *numbers: str) -> None:
        self.store = DictStore()
        self.add(*numbers)

    def add(self, *numbers: str) -> None:
        for number in numbers:
            assert self._tell(Add(certificate_id=number)) == ()

    def forget(self, number: str) -> None:
        assert self._tell(Forget(certificate_id=number)) == ()

    def take(
        self,
        request_id: str,
        *,
        body: str | None = None,
        instead_of: str | None = None,
        at_ms: int = 0,
        low_mark: int = 0,
    ) -> tuple[PoolResult, ...]:
        action = TakeNext(
            request_id=request_id,
            body_digest=body,
            channel=Channel.POS,
            order_id=None,
            reserved_until_ms=at_ms + HOUR_MS,
            low_mark=low_mark,
            reply_to=None,
            actor=None,
            instead_of=instead_of,
        )
        return self._tell(action, at_ms)

    def _tell(self, action: Add | Forget | TakeNext, at_ms: int = 0) -> tuple[PoolResult, ...]:
        return apply(self.store, PoolCommand(pool="PHYSICAL", at_ms=at_ms, action=action))

    @property
    def level(self) -> int:
        return self.store.head().level


def offered(number: str) -> tuple[PoolResult, ...]:
    return (Offered(certificate_id=number),)


def empty(sequence: int | None) -> tuple[PoolResult, ...]:
    return (Blocked(rejection=reject(RejectionCode.POOL_EMPTY), sequence=sequence),)


def test_take_gives_numbers_in_the_order_in_which_they_came() -> None:
    pool = Pool("A", "B", "C")
    given = [pool.take(request) for request in ("r1", "r2", "r3")]
    assert given == [offered("A"), offered("B"), offered("C")]
    assert pool.level == 0


def test_take_from_an_empty_pool_is_refused_and_published_once_a_request() -> None:
    pool = Pool("A")
    assert pool.take("r1") == offered("A")
    assert pool.take("r2") == empty(1)
    assert pool.take("r3") == empty(2)
    assert pool.take("r2") == empty(None)


def test_take_refused_for_want_of_numbers_stays_refused_after_the_refill() -> None:
    """A request has one outcome, with no time limit; a new request gets the number."""
    pool = Pool()
    assert pool.take("r1") == empty(1)
    pool.add("A")
    assert pool.take("r1") == empty(None)
    assert pool.take("r2") == offered("A")


def test_take_repeated_by_the_same_request_gives_the_same_number() -> None:
    pool = Pool("A", "B")
    assert pool.take("r1", body="digest") == offered("A")
    assert pool.take("r1", body="digest") == offered("A")
    assert pool.level == 1
    assert pool.take("r2") == offered("B")


@pytest.mark.parametrize("numbers", [("A",), ()], ids=["given", "refused"])
def test_take_repeated_with_another_body_is_refused(numbers: tuple[str, ...]) -> None:
    pool = Pool(*numbers)
    pool.take("r1", body="digest")
    reused = (Blocked(rejection=reject(RejectionCode.REQUEST_REUSED), sequence=None),)
    assert pool.take("r1", body="another") == reused


def test_take_instead_of_a_number_that_was_not_free_gives_the_next_one() -> None:
    pool = Pool("A", "B", "C")
    assert pool.take("r1") == offered("A")
    assert pool.take("r1", instead_of="A") == offered("B")
    assert pool.take("r1") == offered("B")
    assert pool.take("r1", instead_of="A") == offered("B"), "the same word came twice"
    assert pool.level == 1


def test_take_instead_of_the_last_number_finds_the_pool_empty() -> None:
    pool = Pool("A")
    assert pool.take("r1") == offered("A")
    assert pool.take("r1", instead_of="A") == empty(1)
    assert pool.take("r1", instead_of="A") == empty(None)


def test_add_of_a_number_already_in_the_pool_leaves_it_in_its_place() -> None:
    pool = Pool("A", "B")
    pool.add("A")
    assert pool.level == 2
    assert pool.take("r1") == offered("A")
    assert pool.take("r2") == offered("B")
    assert pool.take("r3") == empty(1)


def test_add_of_a_number_that_comes_back_puts_it_at_the_end() -> None:
    pool = Pool("A", "B")
    pool.take("r1")
    pool.add("A")
    assert pool.take("r2") == offered("B")
    assert pool.take("r3") == offered("A")


def test_forget_takes_the_number_out_and_skips_its_place() -> None:
    pool = Pool("A", "B", "C", "D")
    for number in ("A", "C", "UNKNOWN", "A"):
        pool.forget(number)
    assert pool.level == 2
    assert pool.take("r1") == offered("B")
    assert pool.take("r2") == offered("D")
    assert pool.take("r3") == empty(1)


def test_forget_of_the_last_number_leaves_an_empty_pool() -> None:
    pool = Pool("A")
    pool.forget("A")
    assert pool.level == 0
    assert pool.take("r1") == empty(1)


def test_level_that_falls_below_the_mark_alerts_once_with_rate_and_estimate() -> None:
    """Three numbers in two hours, three left: about two hours more."""
    pool = Pool(*"ABCDEF")
    assert pool.take("r1", at_ms=0, low_mark=4) == offered("A")
    assert pool.take("r2", at_ms=HOUR_MS, low_mark=4) == offered("B")
    assert pool.take("r3", at_ms=2 * HOUR_MS, low_mark=4) == (
        Offered(certificate_id="C"),
        LowLevel(sequence=1, level=3, taken=3, window_ms=2 * HOUR_MS, empty_in_ms=3 * HOUR_MS),
    )
    assert pool.take("r4", at_ms=3 * HOUR_MS, low_mark=4) == offered("D")


def test_level_below_the_mark_at_the_first_take_alerts_without_an_estimate() -> None:
    pool = Pool("A", "B")
    assert pool.take("r1", at_ms=5, low_mark=9)[1] == LowLevel(
        sequence=1, level=1, taken=1, window_ms=1, empty_in_ms=None
    )


def test_low_alert_is_armed_again_only_once_the_pool_is_above_its_mark() -> None:
    pool = Pool("A", "B", "C")
    assert len(pool.take("r1", low_mark=3)) == 2
    pool.add("A")
    assert len(pool.take("r2", low_mark=3)) == 1, "one number back is no refill"
    pool.add("B", "D")
    assert pool.level == 4
    assert len(pool.take("r3", low_mark=3)) == 1
    assert len(pool.take("r4", low_mark=3)) == 2, "below the mark for the second time"


def test_events_of_the_pool_are_numbered_without_a_gap() -> None:
    pool = Pool("A")
    (_, low) = pool.take("r1", low_mark=1)
    assert isinstance(low, LowLevel)
    assert low.sequence == 1
    assert pool.take("r2", low_mark=1) == empty(2)


def test_rate_begins_anew_after_a_day() -> None:
    pool = Pool(*"ABCDE")
    pool.take("r1", at_ms=0)
    pool.take("r2", at_ms=RATE_WINDOW_MS - 1)
    pool.take("r3", at_ms=RATE_WINDOW_MS)
    (_, low) = pool.take("r4", at_ms=RATE_WINDOW_MS + 10, low_mark=2)
    assert low == LowLevel(sequence=1, level=1, taken=2, window_ms=10, empty_in_ms=10)


def test_take_that_comes_back_from_a_certificate_keeps_the_mark_of_the_last_caller() -> None:
    """It carries none of its own, and must neither silence the alert nor arm it again."""
    pool = Pool("A", "B", "C")
    assert pool.take("r1", low_mark=2) == offered("A")
    results = pool.take("r1", instead_of="A", low_mark=0)
    assert [type(each) for each in results] == [Offered, LowLevel]
    assert pool.store.head().low_mark == 2
