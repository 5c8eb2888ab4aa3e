"""What there is to ask about while requests are made up: certificates in every condition.

Owns the stock. It is sold by commands alone, many at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.topics import COMMANDS
from state.certificate.commands import (
    Action,
    Activate,
    Channel,
    Command,
    Issue,
    Load,
    NotificationChannel,
    Origin,
    ReserveNumber,
)
from state.certificate.money import Money
from tests.flow.scenario import HOUR_MS, Scenario, purchase
from tests.flow.service_under_test import Message, now_ms

_SOLD: Final = 60
_FREE: Final = 300
_SCANNED: Final = 40
"""So many of the free ones are asked for by number."""
_NOMINAL: Final = Money(amount_minor=5_000_00, currency="RUB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Numbers by what can be done with them: `codes` are spendable, with the code to spend them."""

    pool: str
    codes: dict[str, str]
    free: list[str]
    others: list[str]
    correlations: list[str]


def stocked(scenario: Scenario) -> Stock:
    """Put everything there and wait until it is."""
    spendable, silent, reserved, free = (
        [f"{scenario.tag}-{kind}{index:04d}" for index in range(count)]
        for kind, count in (("S", _SOLD), ("N", _SOLD), ("R", _SOLD), ("F", _FREE))
    )
    messages = [_command(scenario, number, Load(pool=scenario.pool)) for number in free]
    for number in (*spendable, *silent, *reserved):
        actions = [*_sale(number, f"{number}-order")]
        wanted = actions[:2] if number in reserved else actions
        messages += [_command(scenario, number, action) for action in wanted]
    scenario.service.write(*messages)
    order_id = scenario.new_order_id()
    scenario.tell(purchase(free[-1], order_id))
    scenario.settle()
    return Stock(
        pool=scenario.pool,
        codes={number: _code(scenario, number) for number in spendable},
        free=free[-_SCANNED:],
        others=[*silent, *reserved],
        correlations=[order_id],
    )


def _sale(number: str, order_id: str) -> Iterator[Action]:
    channel = Channel.ONLINE_STORE
    yield Load(pool="POOL_OF_THE_SOLD")
    yield ReserveNumber(channel=channel, order_id=order_id, until_ms=now_ms() + HOUR_MS)
    yield Issue(
        order_id=order_id,
        channel=channel,
        client_id=f"{number}-client",
        nominal=_NOMINAL,
        notification_channel=NotificationChannel.SMS,
    )
    yield Activate(order_id=order_id)


def _command(scenario: Scenario, number: str, action: Action) -> Message:
    command = Command(
        command_id=f"{number}/{type(action).__name__}",
        at_ms=now_ms(),
        certificate_id=number,
        origin=Origin.LOADER,
        action=action,
    )
    value = scenario.service.framing.encode(RecordName.COMMAND, command_to_record(command))
    return Message(topic=COMMANDS, key=number.encode(), value=value)


def _code(scenario: Scenario, number: str) -> str:
    answer = scenario.ask_cvc(number, f"{number}-reveal")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["cvc"])
