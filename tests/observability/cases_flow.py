"""When the alerts of flow.yaml fire, and when they do not."""

from typing import Final

from tests.observability.promtool_cases import Case, fires, quiet

_ASSIGNED: Final = "giftcert_partitions_assigned"
_LAG: Final = "giftcert_lag_records"
_COMMANDS: Final = 'topic="GiftCertificates.Commands"'
_ORDERS: Final = 'component="correlator",topic="All_SalesOrder",partition="0"'
_LETTERS: Final = "giftcert_dead_letters_total"
_PAYMENTS: Final = 'topic="All_Payments",code="UNKNOWN_SCHEMA"'
_PENDING: Final = 'giftcert_events_total{type="refund.pendingDetails"}'


def _alerts(code: str) -> str:
    return f'giftcert_alerts_total{{component="processor",code="{code}"}}'


CASES: Final[tuple[Case, ...]] = (
    fires(
        "PartitionUnassigned",
        "one of two workers is gone and nobody has its three partitions",
        {
            "giftcert_partitions{instance='a'}": "6x60",
            f"{_ASSIGNED}{{{_COMMANDS},instance='a'}}": "3x60",
            f"{_ASSIGNED}{{{_COMMANDS},instance='b'}}": "3x40 _x20",
        },
        labels=_COMMANDS,
    ),
    quiet(
        "PartitionUnassigned",
        "two workers share them, and a source has fewer",
        {
            "giftcert_partitions{instance='a'}": "6x60",
            f"{_ASSIGNED}{{{_COMMANDS},instance='a'}}": "3x60",
            f"{_ASSIGNED}{{{_COMMANDS},instance='b'}}": "3x60",
            f"{_ASSIGNED}{{topic='All_Clients',instance='a'}}": "1x60",
        },
    ),
    quiet(
        "PartitionUnassigned",
        "they moved within a minute",
        {
            "giftcert_partitions{instance='a'}": "6x60",
            f"{_ASSIGNED}{{{_COMMANDS},instance='a'}}": "6x58 3 6x10",
        },
    ),
    fires(
        "LagHigh",
        "a processor stands still",
        {f'{_LAG}{{component="processor",{_COMMANDS},partition="1"}}': "0+100x60"},
        labels=_COMMANDS,
    ),
    quiet(
        "LagHigh",
        "a burst is over in three minutes",
        {f'{_LAG}{{component="processor",{_COMMANDS},partition="1"}}': "0x50 5000x2 0x20"},
    ),
    quiet(
        "LagHigh",
        "correlators have a backlog, which is theirs",
        {f"{_LAG}{{{_ORDERS}}}": "1000000x60"},
    ),
    fires(
        "LagGrowing",
        "more orders come than are read",
        {f"{_LAG}{{{_ORDERS}}}": "10000+1000x60"},
        labels='topic="All_SalesOrder"',
    ),
    quiet(
        "LagGrowing",
        "a backlog is worked off",
        {f"{_LAG}{{{_ORDERS}}}": "1000000-10000x60"},
    ),
    fires(
        "DeadLetters",
        "one payment cannot be read",
        {f"{_LETTERS}{{{_PAYMENTS}}}": "0x50 1x10"},
        labels='code="UNKNOWN_SCHEMA"',
    ),
    fires(
        "DeadLetters", "its counter appears above 0", {f"{_LETTERS}{{{_PAYMENTS}}}": "_x55 1x10"}
    ),
    quiet(
        "DeadLetters",
        "one that appeared so two hours ago",
        {f"{_LETTERS}{{{_PAYMENTS}}}": "_x10 1x130"},
        at="2h",
    ),
    fires(
        "DeadLetterStorm",
        "its counter appears above 0",
        {f"{_LETTERS}{{{_PAYMENTS}}}": "_x55 150x10"},
    ),
    quiet(
        "DeadLetterStorm",
        "one that appeared so two hours ago",
        {f"{_LETTERS}{{{_PAYMENTS}}}": "_x10 150x130"},
        at="2h",
    ),
    fires(
        "EnrichmentDeadLetters",
        "its counter appears above 0",
        {"giftcert_enrich_dead_letters_total": "_x55 1x10"},
    ),
    quiet(
        "EnrichmentDeadLetters",
        "one that appeared so two hours ago",
        {"giftcert_enrich_dead_letters_total": "_x10 1x130"},
        at="2h",
    ),
    fires("PaidNumberNotGiven", "its counter appears above 0", {_alerts("NOT_FOUND"): "_x55 1x10"}),
    quiet(
        "PaidNumberNotGiven",
        "one that appeared so two hours ago",
        {_alerts("NOT_FOUND"): "_x10 1x130"},
        at="2h",
    ),
    fires("HalvesMissing", "its counter appears above 0", {_alerts("ORDER_MISSING"): "_x55 15x10"}),
    quiet(
        "HalvesMissing",
        "one that appeared so two hours ago",
        {_alerts("ORDER_MISSING"): "_x10 15x130"},
        at="2h",
    ),
    fires("OrdersContradict", "its counter appears above 0", {_alerts("TWO_ORDERS"): "_x55 1x10"}),
    quiet(
        "OrdersContradict",
        "one that appeared so two hours ago",
        {_alerts("TWO_ORDERS"): "_x10 1x130"},
        at="2h",
    ),
    fires("RefundsNeedPeople", "its counter appears above 0", {_PENDING: "_x55 1x10"}),
    quiet(
        "RefundsNeedPeople", "one that appeared so two hours ago", {_PENDING: "_x10 1x130"}, at="2h"
    ),
    quiet("DeadLetters", "none since hours", {f"{_LETTERS}{{{_PAYMENTS}}}": "7x60"}),
    fires(
        "DeadLetterStorm",
        "no payment can be read",
        {f"{_LETTERS}{{{_PAYMENTS}}}": "0x50 0+50x10"},
        labels='topic="All_Payments"',
    ),
    quiet("DeadLetterStorm", "now and then one", {f"{_LETTERS}{{{_PAYMENTS}}}": "0+1x60"}),
    fires(
        "EnrichmentDeadLetters",
        "one record cannot be read",
        {"giftcert_enrich_dead_letters_total": "0x50 1x10"},
    ),
    quiet(
        "EnrichmentDeadLetters", "none since hours", {"giftcert_enrich_dead_letters_total": "4x60"}
    ),
    fires(
        "ReservationsOverdue",
        "a timer stands still",
        {'giftcert_overdue_seconds{kind="RESERVATION"}': "0+60x60"},
    ),
    quiet(
        "ReservationsOverdue",
        "timers are a second late, and a hold is overdue",
        {
            'giftcert_overdue_seconds{kind="RESERVATION"}': "1x60",
            'giftcert_overdue_seconds{kind="HOLD"}': "900x60",
        },
    ),
    fires(
        "HoldsOverdue",
        "a timer stands still",
        {'giftcert_overdue_seconds{kind="HOLD"}': "0+60x60"},
    ),
    quiet("HoldsOverdue", "a second late", {'giftcert_overdue_seconds{kind="HOLD"}': "1x60"}),
    fires(
        "CorrelationsOverdue",
        "a timer stands still for hours",
        {'giftcert_overdue_seconds{kind="CORRELATION"}': "0+600x60"},
    ),
    quiet(
        "CorrelationsOverdue",
        "a backlog of half an hour",
        {'giftcert_overdue_seconds{kind="CORRELATION"}': "1800x60"},
    ),
    fires(
        "PaidNumberNotGiven",
        "a number was gone",
        {_alerts("NUMBER_GONE"): "0x50 1x10"},
        labels='code="NUMBER_GONE"',
    ),
    quiet(
        "PaidNumberNotGiven",
        "other alerts",
        {_alerts("NUMBER_GONE"): "3x60", _alerts("POOL_LOW"): "0+1x60"},
    ),
    fires("HalvesMissing", "a source is silent", {_alerts("PAYMENT_MISSING"): "0+1x60"}),
    quiet("HalvesMissing", "three in an hour", {_alerts("PAYMENT_MISSING"): "0x30 3x30"}),
    fires(
        "OrdersContradict",
        "an order was paid twice",
        {_alerts("OVERPAID"): "0x50 1x10"},
        labels='code="OVERPAID"',
    ),
    quiet("OrdersContradict", "none since hours", {_alerts("OVERPAID"): "9x60"}),
    fires(
        "RefundsNeedPeople",
        "a certificate that is given back was spent in part",
        {_PENDING: "0x50 1x10"},
    ),
    quiet(
        "RefundsNeedPeople",
        "refunds that went through",
        {'giftcert_events_total{type="refund"}': "0+1x60"},
    ),
)
