"""The sampler of a running worker: which of its stores are looked into.

Owns that choice alone, so that neither the sampler nor the list of figures knows a worker.
"""

from pipelines.local_stores import WorkerStore
from pipelines.metrics.sampler import Sampler
from pipelines.runtime import Worker
from pipelines.topics import STATEFUL


def sampler_of(worker: Worker) -> Sampler:
    """It looks into every store that the worker has."""
    return Sampler(
        {topic: WorkerStore(worker, topic) for topic in STATEFUL[worker.role]},
        lambda: worker.tally.assignment,
        low_mark=worker.settings.pool_low_mark,
    )
