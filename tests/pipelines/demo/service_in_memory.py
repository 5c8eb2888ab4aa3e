"""The service as the demo meets it, in one thread and without Kafka: the real rules at once.

A plain fake of what lies between the demo and the rules. Every record written is performed before
the call returns, so whoever still has to wait afterwards waits for ever, and the test says so.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pipelines.contracts.event_record import event_to_record, pool_event_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.contracts.source_records import (
    correlation_key,
    read_delivery,
    read_order,
    read_payment,
)
from pipelines.demo.actors import Actors
from pipelines.demo.held import HeldBack
from pipelines.demo.records import Outgoing, RecordWriter, Source
from pipelines.demo.steps import Shop, Slot
from pipelines.demo.stock import LOW_MARK, Stock, Supply
from pipelines.demo.storefront import PoolEmpty, Reservation
from pipelines.demo.witness import Witness
from pipelines.neighbours.records.clients import (
    Client,
    Delivery,
    DeliveryOutcome,
    NotificationChannel,
)
from state.certificate.commands import (
    Action,
    Channel,
    Command,
    Load,
    Lock,
    Origin,
    Reserve,
    RevealCvc,
    Unlock,
)
from state.certificate.events import EventType
from state.certificate.record import CertificateState, Status
from state.certificate.transition import Outcome, transition
from state.correlation.facts import Fact, Happening, Policy
from state.correlation.fold import fold
from state.correlation.record import Correlation

AT_MS = 1_800_000_000_000
_POLICY = Policy(missing_after_ms=10**9, forget_after_ms=10**9)


class ServiceInMemory:
    """Takes records, HTTP calls and loads; shows every event to the witness.

    `lost` names records that never arrive, for a test of what the demo then says.
    """

    def __init__(self, witness: Witness) -> None:
        self.framing = SingleObjectFraming()
        self.witness = witness
        self.lost: Callable[[Outgoing], bool] = lambda _record: False
        self._requests: deque[tuple[str, str]] = deque()
        self._held = HeldBack()
        self._correlations: dict[str, Correlation] = {}
        self._certificates: defaultdict[str, CertificateState] = defaultdict(CertificateState)
        self._outcomes: dict[str, Outcome] = {}
        self._pools: defaultdict[str, deque[str]] = defaultdict(deque)
        self._pool_events: defaultdict[str, int] = defaultdict(int)
        self._alerted: set[str] = set()

    # What the demo writes.

    def put(self, outgoing: Iterable[Outgoing]) -> None:
        for record in outgoing:
            for free in self._held.take(record):
                self.send(free)
        self.let_crm_answer()

    def next_basket(self) -> None:
        for record in self._held.next_basket():
            self.send(record)

    def release_held(self) -> None:
        for record in self._held.release():
            self.send(record)

    def send(self, record: Outgoing, *, at_ms: int | None = None) -> None:
        if self.lost(record):
            return
        match record.source:
            case Source.ORDERS:
                fields = self.framing.decode(RecordName.SALES_ORDER, record.value)
                self._fold(fields, read_order(fields))
            case Source.PAYMENTS:
                fields = self.framing.decode(RecordName.PAYMENT, record.value)
                self._fold(fields, read_payment(fields))

    # What the demo asks over HTTP.

    def reserve(self, *, pool: str, shop: Shop, order_id: str, request_id: str) -> Reservation:
        free = self._pools[pool]
        if not free:
            self._tell_pool(pool, EventType.ISSUE_BLOCKED, Status.ISSUE_BLOCKED, "POOL_EMPTY")
            raise PoolEmpty
        number = free.popleft()
        if len(free) < LOW_MARK and pool not in self._alerted:
            self._alerted.add(pool)
            self._tell_pool(pool, EventType.ALERT, Status.ALERT, "POOL_LOW")
        action = Reserve(
            pool=pool, channel=Channel(shop.value), order_id=order_id, until_ms=AT_MS + 1
        )
        self._ask(number, request_id, action)
        return Reservation(certificate_id=number, took_ms=1.0)

    def lock(self, certificate_id: str, reason: str) -> None:
        self._ask(certificate_id, f"lock/{certificate_id}", Lock(reason=reason))

    def unlock(self, certificate_id: str, reason: str) -> None:
        self._ask(certificate_id, f"unlock/{certificate_id}", Unlock(reason=reason))

    def load(self, path: Path, pool: str) -> int:
        _, *numbers = path.read_text(encoding="utf-8").split()
        for number in numbers:
            self._ask(number, f"load/{number}", Load(pool=pool))
            self._pools[pool].append(number)
        if len(self._pools[pool]) > LOW_MARK:
            self._alerted.discard(pool)
        return len(numbers)

    # How the demo waits.

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        self.let_crm_answer()
        assert condition(), f"the demo would wait for ever for {what}"

    def pause(self, seconds: float) -> None:
        """No time passes here."""

    def let_crm_answer(self) -> None:
        """Have the CRM do all it was asked to: read each code once, and say that it was sent."""
        while self._requests:
            number, notification_id = self._requests.popleft()
            self._ask(number, f"cvc/{notification_id}", RevealCvc(key_id="k1"))
            told = Delivery(
                certificate_id=number,
                notification_id=notification_id,
                channel=NotificationChannel.SMS,
                outcome=DeliveryOutcome.SENT,
            )
            record = Client(client_id="client-1", at_ms=AT_MS, delivery=told).record()
            fields = self.framing.decode(RecordName.CLIENT, record.encode(self.framing))
            command = read_delivery(fields, AT_MS)
            assert command is not None
            self._perform(command)
            self.witness.see_outcome(fields["delivery"], AT_MS + 1)

    # The rules.

    def _fold(self, fields: dict[str, Any], happening: Happening) -> None:
        key = correlation_key(fields)
        fact = Fact(
            fact_id=fields["eventId"],
            correlation_id=key,
            at_ms=AT_MS,
            policy=_POLICY,
            happening=happening,
        )
        step = fold(self._correlations.get(key), fact)
        if step.state is None:
            self._correlations.pop(key, None)
        else:
            self._correlations[key] = step.state
        for command in step.commands:
            self._perform(command)

    def _ask(self, number: str, request_id: str, action: Action) -> None:
        command = Command(
            command_id=request_id,
            at_ms=AT_MS,
            certificate_id=number,
            origin=Origin.HTTP,
            action=action,
        )
        outcome = self._perform(command)
        assert outcome is not None
        assert outcome.rejection is None, outcome.rejection

    def _perform(self, command: Command) -> Outcome | None:
        number = command.certificate_id
        key = f"{command.origin}/{command.command_id}"
        result = transition(self._certificates[number], self._outcomes.get(key), command)
        self._certificates[number] = result.state
        if result.outcome is not None:
            self._outcomes.setdefault(key, result.outcome)
        for position, published in enumerate(result.published):
            event = event_to_record(published, command, f"{key}/{position}")
            self.witness.see(number, event, AT_MS)
            if event["eventType"] == "notification.requested":
                self.witness.see_request(number, event["payload"], AT_MS)
                self._requests.append((number, event["payload"]["notification"]["id"]))
        return result.outcome

    def _tell_pool(self, pool: str, event_type: EventType, status: Status, code: str) -> None:
        self._pool_events[pool] += 1
        event = pool_event_record(
            event_id=f"{pool}/{self._pool_events[pool]}",
            event_type=event_type,
            status=status,
            channel=None,
            at_ms=AT_MS,
            sequence=self._pool_events[pool],
            causation_id="test",
            actor=None,
            code=code,
            text=code,
        )
        self.witness.see(pool, event, AT_MS)


def cast_of(service: ServiceInMemory, supply: Supply, folder: Path) -> Actors:
    """Actors that play on the service in memory."""
    numbers: dict[Slot, str] = {}
    writer = RecordWriter(service.framing, numbers, lambda _basket: "a-token")
    return Actors(
        run_id="run",
        service=service,
        records=service,
        writer=writer,
        witness=service.witness,
        patience=service,
        stock=Stock(supply=supply, seed=1, folder=folder, load=service.load),
        numbers=numbers,
    )
