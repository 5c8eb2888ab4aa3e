"""When the alerts of laws.yaml fire, and when they do not."""

from typing import Final

from tests.observability.promtool_cases import Case, fires, quiet

_UP: Final = 'up{job="gift-certificates",component="auditor",instance="auditor-0"}'
_BREACHES: Final = 'giftcert_audit_breaches_total{law="2",kind="MONEY"}'
_UNEXPLAINED: Final = 'giftcert_audit_money_minor_units{currency="RUB",part="unexplained"}'
_REMAINING: Final = 'giftcert_audit_money_minor_units{currency="RUB",part="remaining"}'
_FAILED: Final = 'giftcert_audit_store_comparisons_total{result="failed"}'
_DONE: Final = 'giftcert_audit_store_comparisons_total{result="done"}'
_COMPARED: Final = "giftcert_audit_compared_timestamp_seconds"

CASES: Final[tuple[Case, ...]] = (
    fires("LawBroken", "one breach", {_BREACHES: "0x30 1x30"}, labels='law="2"'),
    quiet("LawBroken", "none", {_BREACHES: "0x60"}),
    fires("MoneyUnexplained", "a kopeck too much", {_UNEXPLAINED: "1x60"}, labels='currency="RUB"'),
    fires("MoneyUnexplained", "a kopeck is missing", {_UNEXPLAINED: "-1x60"}),
    quiet("MoneyUnexplained", "it adds up", {_UNEXPLAINED: "0x60", _REMAINING: "150000x60"}),
    fires("AuditorGone", "there is none", {'up{job="gift-certificates",component="crm"}': "1x60"}),
    fires("AuditorGone", "it is down", {_UP: "1x40 0x20"}),
    quiet("AuditorGone", "it was restarted", {_UP: "1x40 0 1x20"}),
    fires("AuditorBehind", "it is far behind", {"giftcert_audit_lag_offsets": "50000x60"}),
    fires("AuditorBehind", "it reads the past", {"giftcert_audit_caught_up": "0x60"}),
    quiet(
        "AuditorBehind",
        "it read the past in five minutes",
        {"giftcert_audit_caught_up": "0x5 1x60", "giftcert_audit_lag_offsets": "20000x5 3x60"},
    ),
    fires("AlertNotRaised", "nobody raises it", {"giftcert_audit_alerts_awaited": "1x60"}),
    quiet(
        "AlertNotRaised",
        "it was raised within a minute",
        {"giftcert_audit_alerts_awaited": "0x55 1 0x10"},
    ),
    fires(
        "StoreComparisonsFailing", "each of them", {_FAILED: "0x30 1x15 2x15 3x15 4x40"}, at="2h"
    ),
    quiet(
        "StoreComparisonsFailing", "one during a restart", {_FAILED: "0x30 1x90", _DONE: "0+1x120"}
    ),
    # promtool's clock begins at 0, so a comparison "at 600" was ten minutes after that.
    fires("StoresNotCompared", "the last was two hours ago", {_COMPARED: "600x300"}, at="4h"),
    quiet("StoresNotCompared", "it never did: it has no token", {_COMPARED: "0x300"}, at="4h"),
    quiet("StoresNotCompared", "it does every minute", {_COMPARED: "0+60x300"}, at="4h"),
)
