"""A stack of stand-ins on the embedded broker: what it is made of, and how one is asked."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from pipelines.local.neighbours import Neighbour
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions

FAKE_WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))
FAKE_ISSUER = (*FAKE_WORKER, "issuer")


def no_topics(environment: Mapping[str, str]) -> None:
    """Stands in for the creation of topics."""


def options(
    data_dir: Path,
    *,
    processors: int = 1,
    auditor: bool = False,
    neighbours: tuple[Neighbour, ...] = (),
    shop_port: int | None = None,
    fake_worker: str = "",
    http_port: int | None = None,
    topic_prefix: str | None = None,
    apply_topics: Callable[[Mapping[str, str]], None] = no_topics,
    ready_timeout_s: float = 20.0,
    environment: Mapping[str, str] | None = None,
) -> StackOptions:
    return StackOptions(
        data_dir=data_dir,
        broker="embedded",
        processors=processors,
        auditor=auditor,
        neighbours=neighbours,
        shop_port=shop_port,
        http_port=http_port,
        topic_prefix=topic_prefix,
        environment={"FAKE_WORKER": fake_worker, **(environment or {})},
        worker_command=FAKE_WORKER,
        issuer_command=FAKE_ISSUER,
        apply_topics=apply_topics,
        ready_timeout_s=ready_timeout_s,
    )


def asked(url: str) -> tuple[int, dict[str, str]]:
    """A stand-in's process id and settings."""
    answer = httpx.get(url, trust_env=False).json()
    return answer["pid"], answer["settings"]


def answers(url: str) -> bool:
    """Whether a stand-in says yes there."""
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def correlator_is_up(stack: Stack) -> bool:
    return answers(f"{stack.correlator_url}/readyz")
