"""A service at one moment, as tests judge and show it: all is well, but for what a test changes."""

from typing import Any

from pipelines.status.status import (
    Alerts,
    Group,
    Laws,
    Letters,
    Pending,
    Pool,
    Status,
    TopicLag,
    Worker,
)
from pipelines.topics import Role

AT_MS = 1_772_361_000_000


def worker(**changes: Any) -> Worker:
    given: dict[str, Any] = {
        "name": "processor-0",
        "role": Role.PROCESSOR,
        "url": "http://10.0.0.1:8080",
        "partitions": {"GiftCertificates.Commands": (0, 1, 2), "GiftCertificates.Pool": (0, 1, 2)},
        "alive": True,
        "ready": True,
        "loop_age_s": 0.1,
        "version": "1.0.0",
        "commit": "a" * 40,
        "schemas": "5d62d0a7c7cd",
    }
    return Worker(**{**given, **changes})


def pool(**changes: Any) -> Pool:
    given: dict[str, Any] = {
        "name": "ELECTRONIC",
        "free": 12_345,
        "low_mark": 1_000,
        "taken_per_hour": 10.0,
        "empty_in_s": 4_444_200.0,
    }
    return Pool(**{**given, **changes})


def lag(**changes: Any) -> TopicLag:
    given: dict[str, Any] = {
        "topic": "GiftCertificates.Commands",
        "role": Role.PROCESSOR,
        "partitions": 3,
        "behind": 0,
    }
    return TopicLag(**{**given, **changes})


def letters(**changes: Any) -> Letters:
    given: dict[str, Any] = {"open": 0, "by_code": {}, "first_deleted_ms": None, "whole": True}
    return Letters(**{**given, **changes})


def alerts(**changes: Any) -> Alerts:
    given: dict[str, Any] = {"since_ms": AT_MS - 3_600_000, "by_code": {}, "whole": True}
    return Alerts(**{**given, **changes})


def seen(**changes: Any) -> Status:
    given: dict[str, Any] = {
        "at_ms": AT_MS,
        "bootstrap": "kafka:9092",
        "prefix": "",
        "groups": (
            Group(role=Role.CORRELATOR, name="giftcert-correlator"),
            Group(role=Role.PROCESSOR, name="giftcert-processor"),
        ),
        "workers": (worker(name="correlator-0", role=Role.CORRELATOR), worker()),
        "lags": (lag(),),
        "pools": (pool(),),
        "pending": (Pending(name="holds", open=3, overdue=0, oldest_overdue_s=0.0),),
        "letters": letters(),
        "alerts": alerts(),
        "laws": Laws(asked=True, events=12_345, caught_up=True, behind=0, compared=500),
        "version": "1.0.0",
        "commit": "a" * 40,
        "schemas": "5d62d0a7c7cd",
    }
    return Status(**{**given, **changes})
