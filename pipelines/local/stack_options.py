"""Owns what a local stack is made of, as data.

Starts nothing.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.local.broker import AUTO
from pipelines.local.neighbours import Neighbour
from pipelines.settings import load_settings_of

# A new broker, beside which nothing has to be quick, makes about a hundred partitions.
_TOPICS_TIMEOUT_S = 30.0
_PROGRAM = (sys.executable, "-m", "pipelines.cli")


def apply_topics(environment: Mapping[str, str]) -> None:
    """Create what is missing of the topics, the others' too, as the settings given here say."""
    from pipelines import topics_admin

    settings = load_settings_of(environment)
    topics_admin.apply(settings, with_sources=True, timeout_s=_TOPICS_TIMEOUT_S)


def default_data_dir() -> Path:
    """Where a stack keeps its data unless told otherwise."""
    root = os.environ.get("XDG_DATA_HOME")
    return (Path(root) if root else Path.home() / ".local" / "share") / "giftcert"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What a stack is made of.

    `broker` and `brokers` are those of `start_broker`. `http_port` is the first processor's, the
    next ones count up from it; without it free ports are taken. `auditor`: one runs too, started
    when all others are ready. `neighbours` run beside the service, the shop at `shop_port` or any
    free one. `environment` is added to our own for every process, and may hold any setting that the
    stack does not itself decide. With GIFTCERT_TOKEN_ISSUER in either, that issuer is trusted: no
    development issuer is started, and no neighbour that needs a token.
    """

    data_dir: Path
    broker: str = AUTO
    brokers: int = 1
    processors: int = 1
    auditor: bool = False
    neighbours: tuple[Neighbour, ...] = ()
    shop_port: int | None = None
    http_port: int | None = None
    topic_prefix: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    worker_command: tuple[str, ...] = _PROGRAM
    issuer_command: tuple[str, ...] = (*_PROGRAM, "issuer")
    apply_topics: Callable[[Mapping[str, str]], None] = apply_topics
    ready_timeout_s: float = 120.0
