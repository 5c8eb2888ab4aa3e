"""The paced phase: every sale is paid for, also where the service is slow to give its number."""

import threading
from pathlib import Path

import pytest

from pipelines.demo import paced
from pipelines.demo.paced import PacedPhase, paced_baskets
from pipelines.demo.records import Outgoing
from pipelines.demo.schedule import Schedule
from pipelines.demo.steps import Shop
from pipelines.demo.stock import plan_supply
from pipelines.demo.storefront import Reservation
from pipelines.demo.verdict import disagreements
from pipelines.demo.witness import Witness
from tests.pipelines.demo.service_in_memory import ServiceInMemory, cast_of
from tests.pipelines.demo.specimens import gift_card

_SALES = 3


class SlowService(ServiceInMemory):
    """Gives no number before it is released; its callers come from several threads."""

    def __init__(self, witness: Witness) -> None:
        super().__init__(witness)
        self.released = threading.Event()
        self._one_at_a_time = threading.RLock()

    def reserve(self, *, pool: str, shop: Shop, order_id: str, request_id: str) -> Reservation:
        assert self.released.wait(10)
        with self._one_at_a_time:
            return super().reserve(pool=pool, shop=shop, order_id=order_id, request_id=request_id)

    def send(self, record: Outgoing, *, at_ms: int | None = None) -> None:
        with self._one_at_a_time:
            super().send(record, at_ms=at_ms)


def test_sale_whose_number_comes_after_its_payment_is_due_is_paid_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced, "_CAPTURED_AFTER_S", 0.0)
    service = SlowService(Witness())
    card = gift_card(500, "MASTERCARD GIFT CARD")
    baskets = paced_baskets([card], first=0, count=_SALES, seed=1)
    actors = cast_of(service, plan_supply({}, {card.pool: _SALES}), tmp_path)
    schedule = Schedule(seed=1)
    actors.stock.deliver()
    late = threading.Timer(0.2, service.released.set)
    late.start()
    PacedPhase(actors=actors, schedule=schedule, baskets=baskets, seed=1).run()
    late.join()
    service.let_crm_answer()

    assert service.witness.events()["activate"] == _SALES
    found = disagreements(
        schedule.book, actors.numbers, service.witness, loaded=actors.stock.loaded, refills=0
    )
    assert found == []
