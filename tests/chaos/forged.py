"""A small run that never happened: topics and journals made in memory, right in every point.

Owns the making, through the real stages, so that it is what a run leaves behind; tests then forge
one thing in it. Nothing here knows what the checks look for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from http_edge.asking.asking import request_id_of
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import Framing, framing_for
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.settings import Settings, load_settings
from pipelines.stages.record import Incoming, Outgoing
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    POOL,
    REPLIES,
    STREAM,
    TOPICS,
    Topic,
    topic_name,
)
from state.certificate.commands import Action, Channel, Command, Load, Origin
from state.pool.commands import PoolCommand, TakeNext
from tests.chaos.evidence import Evidence, Standing, minor
from tests.chaos.fleet import PARTITIONS
from tests.chaos.journal import Answered, Invoked, LifeEnded, Line, Started, Telling, Told
from tests.chaos.law_outputs import Store, stages
from tests.chaos.live_reader import Seen
from tests.chaos.teller import shown
from tests.flow.source_messages import Delivery, Order, Payment

POOL_NAME: Final = "ELECTRONIC"
_AT_MS: Final = 1_760_000_000_000
_STEP_NS: Final = 1_000_000_000
_REPLY_TO: Final = "edge"
_STATUS: Final[Mapping[str, int]] = {
    "INSUFFICIENT_BALANCE": 402,
    "WRONG_CVC": 403,
    "LOCKED": 423,
}


@dataclass(kw_only=True)
class Forged:
    """The topics as they fill, and the journal of the one caller."""

    settings: Settings = field(default_factory=lambda: load_settings({"partitions": PARTITIONS}))
    records: dict[str, list[Incoming]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.framing: Framing = framing_for(self.settings)
        self._stages = stages(self.settings, self.framing)
        self._stores: dict[tuple[str, int], Store] = {}
        self._performed: dict[tuple[str, int], int] = {}
        self._now_ns = _STEP_NS
        self._calls = 0
        self.records = {topic.name: [] for topic in TOPICS}
        self.lines.append(Started(at_ns=self._tick(), process=1))

    # What the world does

    def load(self, number: str) -> None:
        self.command(number, Load(pool=POOL_NAME), f"load/{number}", Origin.LOADER)

    def take(self, key: str, order_id: str, *, life: str = "C0-000001") -> str:
        """A store takes the next number; the number."""
        take = TakeNext(
            request_id=request_id_of("store", key),
            body_digest="digest",
            channel=Channel.ONLINE_STORE,
            order_id=order_id,
            reserved_until_ms=_AT_MS + 60_000,
            low_mark=0,
            reply_to=_REPLY_TO,
            actor="store",
        )
        command = PoolCommand(pool=POOL_NAME, at_ms=_AT_MS, action=take)
        call = self._invoked("takeNext", "store", key, None, {"orderId": order_id}, life)
        value = self.framing.encode(RecordName.POOL_COMMAND, pool_command_to_record(command))
        self._write(Outgoing(topic=POOL, key=POOL_NAME.encode(), value=value))
        fields = self._reply(take.request_id)
        until = datetime.fromtimestamp(fields["reservedUntil"] / 1_000, UTC).isoformat()
        content = {"certificateId": fields["certificateId"], "reservedUntil": until}
        self._answered(call, 201, content, fields)
        return str(fields["certificateId"])

    def call(
        self,
        operation: str,
        client: str,
        key: str,
        number: str,
        action: Action,
        body: Mapping[str, Any] | None = None,
        *,
        told: bool = True,
        wrong_code: bool = False,
    ) -> int:
        """A call about a certificate, answered unless `told` is False; its number."""
        call = self._invoked(operation, client, key, number, body or {}, wrong_code=wrong_code)
        request = request_id_of(client, key)
        self.command(number, action, request, Origin.HTTP)
        if not told:
            return call
        fields = self._reply(request)
        rejection = fields["rejection"]
        if rejection is not None:
            code = rejection["code"]
            status = _STATUS.get(code, 409)
            self._answered(call, status, {}, fields, code.lower().replace("_", "-"))
            return call
        money = {name: minor(fields[name] or b"") for name in ("remainingBalance", "held")}
        content = {name: _text(amount) for name, amount in money.items()}
        content |= {"version": fields["sequence"], "certificateId": number}
        self._answered(call, 200, content, fields)
        return call

    def command(self, number: str, action: Action, command_id: str, origin: Origin) -> None:
        """A record of the topic of commands, performed at once."""
        command = Command(
            command_id=command_id,
            at_ms=_AT_MS,
            certificate_id=number,
            origin=origin,
            action=action,
            actor="forged",
            reply_to=_REPLY_TO if origin is Origin.HTTP else None,
            body_digest="digest" if origin is Origin.HTTP else None,
        )
        value = self.framing.encode(RecordName.COMMAND, command_to_record(command))
        self._write(Outgoing(topic=COMMANDS, key=number.encode(), value=value))

    def tell(self, event: str, told: Order | Payment | Delivery) -> None:
        """A source record, performed at once."""
        fields = told.record(event, _AT_MS)
        kept = {name: shown(value) for name, value in fields.items()}
        kind = type(told).__name__
        self.lines.append(
            Telling(at_ns=self._tick(), life="C0-000001", event=event, kind=kind, fields=kept)
        )
        topic, record, key = {
            "Order": (ALL_SALES_ORDER, RecordName.SALES_ORDER, fields.get("orderId")),
            "Payment": (ALL_PAYMENTS, RecordName.PAYMENT, fields.get("orderId")),
            "Delivery": (ALL_CLIENTS, RecordName.CLIENT, "client"),
        }[kind]
        value = self.framing.encode(record, fields)
        self._write(Outgoing(topic=topic, key=str(key).encode(), value=value))
        self.lines.append(Told(at_ns=self._tick(), event=event))

    def read(self, number: str, *, position: str | None = None) -> None:
        """A read of the balance as it is now."""
        state = self.standing(number)
        call = self._invoked("readBalance", "support", None, number, {}, position=position)
        content = {
            "lifecycle": state.lifecycle,
            "status": state.status,
            "locked": state.locked,
            "remainingBalance": _text(state.remaining_minor),
            "held": _text(state.held_minor),
            "available": _text(state.available_minor),
        }
        self._answered(call, 200, content, None)

    def end_life(self) -> None:
        self.lines.append(LifeEnded(at_ns=self._tick(), life="C0-000001", how="spent"))

    # What it left behind

    def evidence(self) -> Evidence:
        """What the topics tell, all of it performed."""
        return Evidence(
            settings=self.settings,
            records={name: list(records) for name, records in self.records.items()},
            performed=dict(self._performed),
            decode_with=self.framing,
        )

    def seen(self) -> list[Seen]:
        """What a reader saw that was there all the time."""
        return [
            Seen(partition=event.partition, offset=event.offset, key=event.key.encode(), value=b"")
            for event in self.evidence().events
        ]

    def standing(self, number: str) -> Standing:
        """A certificate as it is now."""
        return self.evidence().standings[number][-1]

    @property
    def stores(self) -> Mapping[tuple[str, int], Store]:
        """What each stage keeps."""
        return self._stores

    def last_position(self) -> str:
        """The position of the last change that a caller was told of."""
        told = [line.position for line in self.lines if isinstance(line, Answered)]
        return next(position for position in reversed(told) if position is not None)

    # What tests forge

    def lose(self, topic: Topic, meant: Callable[[Incoming], bool]) -> None:
        """Take the last record out of a topic that is meant; the others stay where they are."""
        records = self.records[topic.name]
        records.remove(next(record for record in reversed(records) if meant(record)))

    def lose_event(self, kind: str) -> None:
        """Take the last event of a type out of the stream."""
        self.lose(STREAM, lambda record: self._type(record) == kind)

    def write_again(self, topic: Topic, meant: Callable[[Incoming], bool]) -> None:
        """Write the last record of a topic that is meant once more behind all others."""
        records = self.records[topic.name]
        found = next(record for record in reversed(records) if meant(record))
        records.append(replace(found, offset=self._next(topic, found.partition)))

    def event_again(self, kind: str, **changes: Any) -> None:
        """Write an event of a type once more, as another one with other fields."""
        records = self.records[STREAM.name]
        found = next(record for record in reversed(records) if self._type(record) == kind)
        fields = self.framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, found.value)
        value = self.framing.encode(RecordName.GIFT_CERTIFICATE_EVENT, {**fields, **changes})
        records.append(replace(found, value=value, offset=self._next(STREAM, found.partition)))

    def performed_again(self, kind: str) -> None:
        """A command is in the log once more, and caused an event of that type there too."""
        records = self.records[COMMANDS.name]
        event = next(event for event in reversed(self.evidence().events) if event.type == kind)
        found = next(
            record
            for record in reversed(records)
            if self.framing.decode(RecordName.COMMAND, record.value)["commandId"] == event.cause
        )
        again = replace(found, offset=self._next(COMMANDS, found.partition))
        records.append(again)
        self._performed[again.topic, again.partition] = again.offset + 1
        self.event_again(kind, eventId=again.event_id(0))

    def _type(self, record: Incoming) -> str:
        fields = self.framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value)
        return str(fields["eventType"])

    def _next(self, topic: Topic, partition: int) -> int:
        records = self.records[topic.name]
        return 1 + max(record.offset for record in records if record.partition == partition)

    # The log

    def _write(self, output: Outgoing) -> None:
        """Append a record, and perform it where it is an input, with all that comes of it."""
        partition = output.partition
        if partition is None:
            partition = partition_of(output.key or b"", PARTITIONS)
        name = output.topic.name
        record = Incoming(
            topic=topic_name(output.topic, self.settings),
            partition=partition,
            offset=sum(each.partition == partition for each in self.records[name]),
            key=output.key,
            value=output.value,
            headers=output.headers,
            timestamp_ms=_AT_MS,
        )
        self.records[name].append(record)
        perform = self._stages.get(output.topic)
        if perform is not None:
            self._performed[record.topic, partition] = record.offset + 1
            for each in perform(record, self._stores.setdefault((name, partition), {})):
                self._write(each)

    def _reply(self, request: str) -> dict[str, Any]:
        decoded = (
            self.framing.decode(RecordName.REPLY, record.value)
            for record in reversed(self.records[REPLIES.name])
        )
        return next(fields for fields in decoded if fields["requestId"] == request)

    def _tick(self) -> int:
        self._now_ns += _STEP_NS
        return self._now_ns

    def _invoked(
        self,
        operation: str,
        client: str,
        key: str | None,
        number: str | None,
        body: Mapping[str, Any],
        life: str = "C0-000001",
        *,
        position: str | None = None,
        wrong_code: bool = False,
    ) -> int:
        self._calls += 1
        self.lines.append(
            Invoked(
                at_ns=self._tick(),
                call=self._calls,
                life=life,
                step=operation,
                operation=operation,
                client=client,
                key=key,
                number=number,
                body=body,
                edge=0,
                position=position,
                wrong_code=wrong_code,
            )
        )
        return self._calls

    def _answered(
        self,
        call: int,
        status: int,
        content: Mapping[str, Any],
        fields: Mapping[str, Any] | None,
        problem: str | None = None,
    ) -> None:
        position = None
        if fields is not None and problem is None:
            place = fields["position"]
            position = f"{place['partition']}.{place['offset']}"
        self.lines.append(
            Answered(
                at_ns=self._tick(),
                call=call,
                status=status,
                problem=problem,
                content=content,
                position=position,
                version=None,
            )
        )


def _text(amount_minor: int) -> str:
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"
