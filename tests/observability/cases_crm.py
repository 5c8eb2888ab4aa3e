"""When the alerts of crm.yaml and bi.yaml fire, and when they do not."""

from typing import Final

from tests.observability.promtool_cases import HOURS, Case, fires, quiet

_CRM: Final = 'up{job="gift-certificates",component="crm",instance="crm-0"}'
_BI: Final = 'up{job="gift-certificates",component="bi",instance="bi-0"}'
_FAILED: Final = 'giftcert_crm_failed_total{channel="SMS",reason="NO_ADDRESS"}'
_COMMITS: Final = "giftcert_crm_commits_total"
_DOUBTS: Final = 'giftcert_crm_doubtful_sends_total{after="no-answer"}'
_BEHIND: Final = "giftcert_bi_behind_seconds"

CASES: Final[tuple[Case, ...]] = (
    fires("CrmGone", "there is none", {_BI: "1x60"}),
    quiet("CrmGone", "it was restarted", {_CRM: "1x40 0 1x20"}),
    fires("CrmNotCaughtUp", "it reads the past", {"giftcert_crm_caught_up": "0x60"}),
    quiet("CrmNotCaughtUp", "it read it in a minute", {"giftcert_crm_caught_up": "0 1x60"}),
    fires("CodesLate", "a message waits", {"giftcert_crm_oldest_waiting_seconds": "0x55 0+60x10"}),
    quiet("CodesLate", "seconds", {"giftcert_crm_oldest_waiting_seconds": "3x60"}),
    fires(
        "CustomersWithoutCode",
        "an address is missing",
        {_FAILED: "0x50 1x20"},
        labels='reason="NO_ADDRESS"',
    ),
    fires("CustomersWithoutCode", "its counter appears above 0", {_FAILED: "_x55 1x10"}),
    quiet(
        "CustomersWithoutCode",
        "one that appeared so two hours ago",
        {_FAILED: "_x10 1x130"},
        at="2h",
    ),
    fires(
        "CrmUnreadableRecords",
        "its counter appears above 0",
        {"giftcert_crm_unreadable_records_total": "_x55 1x10"},
    ),
    quiet(
        "CrmUnreadableRecords",
        "one that appeared so two hours ago",
        {"giftcert_crm_unreadable_records_total": "_x10 1x130"},
        at="2h",
    ),
    quiet("CustomersWithoutCode", "none since hours", {_FAILED: "5x60"}),
    fires(
        "GatewayDown",
        "no attempt gets through",
        {'giftcert_crm_gateway_down{channel="SMS"}': "0x50 1x10"},
        labels='channel="SMS"',
    ),
    quiet(
        "GatewayDown",
        "it was away for a moment",
        {'giftcert_crm_gateway_down{channel="SMS"}': "0x58 1 0x5"},
    ),
    fires(
        "CrmUnreadableRecords",
        "one record",
        {"giftcert_crm_unreadable_records_total": "0x50 1x10"},
    ),
    quiet(
        "CrmUnreadableRecords",
        "none since hours",
        {"giftcert_crm_unreadable_records_total": "2x90"},
    ),
    fires("CrmCommitsFailing", "one a minute", {f'{_COMMITS}{{result="failed"}}': "0+1x60"}),
    quiet(
        "CrmCommitsFailing",
        "one at a rebalance, and many that are done",
        {f'{_COMMITS}{{result="failed"}}': "0x55 1x9", f'{_COMMITS}{{result="done"}}': "0+9x60"},
    ),
    fires("CodesDoubtful", "the gateway hangs", {_DOUBTS: "0x40 0+1x20"}),
    quiet("CodesDoubtful", "one restart", {_DOUBTS: "0x40 1x20"}),
    fires("BiGone", "there is none", {_CRM: "1x60"}),
    quiet("BiGone", "it was moved within ten minutes", {_BI: "1x30 0x10 1x30"}),
    fires("BiBehind", "it stands still", {_BEHIND: "0+60x60"}),
    quiet("BiBehind", "seconds", {_BEHIND: "2x60"}),
    fires(
        "BiBudgetBurning",
        "it was an hour behind for two hours of seven",
        {_BEHIND: "2x240 3600x120 2x60"},
        at=HOURS,
    ),
    quiet(
        "BiBudgetBurning",
        "it was never more than twenty minutes behind",
        {_BEHIND: "1200x420"},
        at=HOURS,
    ),
)
