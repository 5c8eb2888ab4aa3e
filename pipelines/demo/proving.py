"""The demo's last act: everything a worker keeps is lost, made anew from the log, and proven equal.

Owns the order of that, on a stack of the demo's own. What proves and rebuilds is `rebuild`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.kafka_admin import KafkaAdmin
from pipelines.local.stack import Stack
from pipelines.rebuild.crew import usual_processes
from pipelines.rebuild.rebuild import RebuildOptions, RebuildReport, run_rebuild
from pipelines.rebuild.verify import VerifyOptions, VerifyReport, run_verify
from pipelines.settings import Settings
from pipelines.stores import STORES
from pipelines.topics import changelog_name

_ANSWER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """The stores held against the log before and after they were lost, and the rebuilding."""

    before: VerifyReport
    rebuilt: RebuildReport
    after: VerifyReport

    @property
    def holds(self) -> bool:
        """Whether the stores were the log's fold, and are the very same again."""
        return self.before.holds and self.after.holds


def prove(settings: Settings, stack: Stack, folder: Path, say: Callable[[str], None]) -> Proving:
    """Verify, lose changelogs and volumes, rebuild, and verify against the first proof."""
    options = VerifyOptions(processes=usual_processes())

    def token() -> str:
        return stack.token("auditor")

    say("Folding the topics, to compare with every live store")
    before = run_verify(settings, options, token=token)
    workers = list(stack.state_directories)
    say("Killing every worker; deleting every changelog and volume")
    for worker in workers:
        stack.kill(worker)
    names = [changelog_name(store.role, store.topic, settings) for store in STORES]
    KafkaAdmin(settings, timeout_s=_ANSWER_S).delete(names)
    say("Rebuilding from the topics")
    rebuilt = run_rebuild(settings, RebuildOptions(processes=options.processes, spool_dir=folder))
    for worker in workers:
        stack.restart(worker, forget_state=True)
    say("Comparing the rebuilt stores with the log and with the first proof")
    against = replace(options, against=before.proof(settings))
    after = run_verify(settings, against, token=token)
    return Proving(before=before, rebuilt=rebuilt, after=after)
