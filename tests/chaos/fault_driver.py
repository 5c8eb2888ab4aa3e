"""Carries the plan of faults out, group by group, and measures when the service is back.

Owns the order and the times. What a fault does is in `faults`; a service that does not come back
within anybody's patience is a breach, and the end of the run.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.fault_plan import PlannedFault
from tests.chaos.faults import FaultRecord, Strikes
from tests.chaos.options import FaultKind
from tests.chaos.probes import NotServing

Advance = Callable[[int, int], None]


class FaultDriver:
    """All faults of a run."""

    def __init__(
        self,
        strikes: Strikes,
        plan: Sequence[tuple[PlannedFault, ...]],
        *,
        advance: Advance,
        check: Callable[[], None],
    ) -> None:
        self._strikes = strikes
        self._plan = plan
        self._advance = advance
        self._check = check
        self.records: list[FaultRecord] = []
        self.broken: str = ""

    def run(self) -> None:
        """Strike group after group; `broken` says what did not come back, if anything."""
        total = sum(len(group) for group in self._plan)
        with ThreadPoolExecutor(3, thread_name_prefix="fault") as threads:
            for group in self._plan:
                self._check()
                records = [
                    FaultRecord(index=each.index, kind=each.kind, alone=len(group) == 1)
                    for each in group
                ]
                self.records.extend(records)
                try:
                    self._strike_together(threads, group, records)
                except NotServing as error:
                    kinds = ", ".join(each.kind.value for each in group)
                    self.broken = f"after {kinds} (faults from {group[0].index}): {error}"
                    return
                self._advance(len(self.records), total)

    def _strike_together(
        self,
        threads: ThreadPoolExecutor,
        group: Sequence[PlannedFault],
        records: Sequence[FaultRecord],
    ) -> None:
        begin_s = time.monotonic()
        ended = threading.Event()

        def strike(fault: PlannedFault, record: FaultRecord) -> None:
            ended.wait(max(0.0, begin_s + fault.after_s - time.monotonic()))
            self._strikes.strike(fault, record)

        struck = [
            threads.submit(strike, fault, record)
            for fault, record in zip(group, records, strict=True)
        ]
        for each in struck:
            each.result()
        if all(each.kind is FaultKind.KILL_CALLER for each in group):
            return
        probes = self._strikes.probes
        serving_ns = probes.await_serving()
        whole_ns = probes.await_whole()
        for record in records:
            record.serving_ns = record.serving_ns or serving_ns
            record.whole_ns = record.whole_ns or whole_ns
