"""When the alerts of workers.yaml fire, and when they do not."""

from typing import Final

from tests.observability.promtool_cases import Case, fires, quiet

_P: Final = 'job="gift-certificates",component="processor",instance="processor-0"'
_C: Final = 'job="gift-certificates",component="correlator",instance="correlator-0"'
_COMMIT: Final = "giftcert_commit_duration_seconds"


def _commits(quick: str, every: str) -> dict[str, str]:
    """So many commits below a second, of so many in all."""
    return {
        f'{_COMMIT}_bucket{{{_P},le="0.1"}}': quick,
        f'{_COMMIT}_bucket{{{_P},le="1.0"}}': quick,
        f'{_COMMIT}_bucket{{{_P},le="5.0"}}': every,
        f'{_COMMIT}_bucket{{{_P},le="+Inf"}}': every,
    }


def _assigned(count: str) -> dict[str, str]:
    """So many partitions of one input."""
    return {f'giftcert_partitions_assigned{{{_P},topic="GiftCertificates.Commands"}}': count}


CASES: Final[tuple[Case, ...]] = (
    fires(
        "ServiceDown",
        "the processors are gone from the list of targets",
        {f"up{{{_C}}}": "1x60"},
        labels='component="processor"',
    ),
    fires(
        "ServiceDown",
        "the only correlator is down",
        {f"up{{{_P}}}": "1x60", f"up{{{_C}}}": "1x40 0x20"},
        labels='component="correlator"',
    ),
    quiet(
        "ServiceDown",
        "one of two processors is down",
        {
            f"up{{{_P}}}": "0x60",
            'up{job="gift-certificates",component="processor",instance="processor-1"}': "1x60",
            f"up{{{_C}}}": "1x60",
        },
    ),
    fires("WorkerDown", "it has not answered for five minutes", {f"up{{{_P}}}": "1x55 0x5"}),
    quiet("WorkerDown", "it was restarted within a minute", {f"up{{{_P}}}": "1x30 0 1x40"}),
    quiet("WorkerDown", "a mart is down", {'up{job="gift-certificates",component="bi"}': "0x60"}),
    fires(
        "NeighbourDown",
        "a mart is down",
        {'up{job="gift-certificates",component="bi",instance="bi-0"}': "1x50 0x10"},
        labels='component="bi"',
    ),
    fires(
        "NeighbourDown",
        "one CRM of two is down",
        {
            'up{job="gift-certificates",component="crm",instance="crm-0"}': "1x60",
            'up{job="gift-certificates",component="crm",instance="crm-1"}': "1x50 0x10",
        },
        labels='component="crm"',
    ),
    quiet(
        "NeighbourDown",
        "a mart runs, a processor is down, and so is a stranger",
        {
            'up{job="gift-certificates",component="bi"}': "1x60",
            f"up{{{_P}}}": "0x60",
            'up{job="another",component="bi"}': "0x60",
        },
    ),
    fires(
        "WorkerNotServing",
        "no store was recovered",
        {f"giftcert_serving{{{_P}}}": "0x60", **_assigned("3x60")},
    ),
    quiet(
        "WorkerNotServing",
        "it recovered in four minutes",
        {f"giftcert_serving{{{_P}}}": "0x3 1x60", **_assigned("3x60")},
        at="6m",
    ),
    quiet(
        "WorkerNotServing",
        "it is one more than there are partitions",
        {f"giftcert_serving{{{_P}}}": "0x60", **_assigned("0x60")},
    ),
    fires(
        "LoopStalled",
        "it stands still and its age grows",
        {f"giftcert_loop_age_seconds{{{_P}}}": "0x50 0+60x10"},
    ),
    quiet(
        "LoopStalled",
        "it recovers",
        {
            f"giftcert_loop_age_seconds{{{_P}}}": "0+60x60",
            f"giftcert_recovery_stores_left{{{_P}}}": "2x60",
        },
    ),
    quiet("LoopStalled", "it turns", {f"giftcert_loop_age_seconds{{{_P}}}": "0.2x60"}),
    fires(
        "WorkerRestarting",
        "it started every five minutes",
        {f"process_start_time_seconds{{{_P}}}": "1x4 2x4 3x4 4x4 5x4 6x4 7x4"},
        at="34m",
    ),
    quiet(
        "WorkerRestarting",
        "it was upgraded once",
        {f"process_start_time_seconds{{{_P}}}": "1x30 2x40"},
    ),
    fires(
        "RecoveryLong",
        "two stores are left for a quarter of an hour",
        {f"giftcert_recovery_stores_left{{{_P}}}": "2x15"},
        at="15m",
    ),
    quiet(
        "RecoveryLong",
        "all were there after five minutes",
        {f"giftcert_recovery_stores_left{{{_P}}}": "2x4 0x20"},
        at="15m",
    ),
    fires("CommitSlow", "a tenth takes seconds", _commits("0+9x60", "0+10x60")),
    quiet("CommitSlow", "one in a thousand takes seconds", _commits("0+999x60", "0+1000x60")),
    fires(
        "CommitsDropped",
        "one a minute",
        {f'giftcert_commits_total{{{_P},result="dropped"}}': "0+1x60"},
    ),
    quiet(
        "CommitsDropped",
        "two at a rebalance",
        {f'giftcert_commits_total{{{_P},result="dropped"}}': "0x50 2x10"},
    ),
    quiet(
        "CommitsDropped",
        "many that were done",
        {f'giftcert_commits_total{{{_P},result="done"}}': "0+500x60"},
    ),
    fires(
        "StoreWritesStopped",
        "RocksDB has stopped writes",
        {f'giftcert_store_writes_stopped{{{_P},topic="GiftCertificates.Commands"}}': "1x60"},
        labels='topic="GiftCertificates.Commands"',
    ),
    quiet(
        "StoreWritesStopped",
        "it takes them",
        {f'giftcert_store_writes_stopped{{{_P},topic="GiftCertificates.Commands"}}': "0x60"},
    ),
    fires(
        "FileDescriptorsLow",
        "900 of 1,024",
        {f"process_open_fds{{{_P}}}": "900x60", f"process_max_fds{{{_P}}}": "1024x60"},
    ),
    quiet(
        "FileDescriptorsLow",
        "900 of 4,096",
        {f"process_open_fds{{{_P}}}": "900x60", f"process_max_fds{{{_P}}}": "4096x60"},
    ),
    fires(
        "VersionsDiffer",
        "an upgrade was left half way",
        {
            f'giftcert_build_info{{{_P},version="1",commit="a"}}': "1x90",
            f'giftcert_build_info{{{_C},version="2",commit="b"}}': "1x90",
        },
        at="80m",
    ),
    quiet(
        "VersionsDiffer",
        "an upgrade took a quarter of an hour",
        {
            f'giftcert_build_info{{{_P},version="1",commit="a"}}': "1x15 _x60",
            f'giftcert_build_info{{{_C},version="2",commit="b"}}': "1x90",
        },
        at="80m",
    ),
    fires("FiguresStale", "they grow old", {f"giftcert_sample_age_seconds{{{_P}}}": "0+60x60"}),
    quiet("FiguresStale", "they are fresh", {f"giftcert_sample_age_seconds{{{_P}}}": "4x60"}),
)
