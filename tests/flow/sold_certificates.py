"""Certificates that are sold without a shop: by commands alone, a chosen number of a chosen place.

Owns the commands and the reading of the code. For tests that are about something else than a sale.
"""

from collections.abc import Iterator
from itertools import count

from pipelines.partitioning import partition_of
from state.certificate.commands import (
    Action,
    Activate,
    Channel,
    Issue,
    Load,
    Origin,
    ReserveNumber,
)
from state.certificate.money import Money
from tests.flow.scenario import HOUR_MS, NOMINAL_MINOR, Scenario
from tests.flow.service_under_test import now_ms


def sold_in_each_partition(scenario: Scenario) -> list[str]:
    """One certificate in each partition, in their order, with 5000.00 to spend."""
    partitions = scenario.service.settings.partitions
    numbers = [_number_in(scenario.tag, each, partitions) for each in range(partitions)]
    for number in numbers:
        for action in _sale(scenario, number):
            scenario.command(number, action, origin=Origin.LOADER)
    for number in numbers:
        scenario.await_story(number, "issue", "notification.requested", "activate")
    return numbers


def _number_in(tag: str, partition: int, partitions: int) -> str:
    numbers = (f"{tag}-S{index:03d}" for index in count())
    return next(each for each in numbers if partition_of(each.encode(), partitions) == partition)


def _sale(scenario: Scenario, number: str) -> Iterator[Action]:
    order_id, channel = scenario.new_order_id(), Channel.ONLINE_STORE
    yield Load(pool=f"{scenario.pool}_SOLD")
    yield ReserveNumber(channel=channel, order_id=order_id, until_ms=now_ms() + HOUR_MS)
    yield Issue(
        order_id=order_id,
        channel=channel,
        client_id=None,
        nominal=Money(amount_minor=NOMINAL_MINOR, currency="RUB"),
        notification_channel=None,
    )
    yield Activate(order_id=order_id)
