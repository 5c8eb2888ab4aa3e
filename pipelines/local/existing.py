"""Owns the use of a broker that somebody else runs: asks whether it answers, and leaves it alone.

Must not start, stop or change it.
"""

from pipelines.local.probe import await_cluster
from pipelines.local.running_broker import Broker, BrokerUnavailableError, LocalError

_ANSWER_TIMEOUT_S = 5.0


class ExistingBroker(Broker):
    """A broker at `bootstrap` that answered."""

    kind = "existing"

    def __init__(self, bootstrap: str, *, timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        self.bootstrap = bootstrap
        self.why = "the broker that was named"
        found = await_cluster(bootstrap, brokers=1, timeout_s=timeout_s)
        if found is None:
            message = f"no Kafka broker answers on {bootstrap} within {timeout_s:g} s"
            raise BrokerUnavailableError(message)
        self.cluster_id = found.cluster_id

    def process_ids(self) -> tuple[int, ...]:
        return ()

    def failure(self) -> LocalError | None:
        return None

    def stop(self, timeout_s: float = 10.0) -> bool:  # noqa: ARG002 - it is not ours to stop
        return True
