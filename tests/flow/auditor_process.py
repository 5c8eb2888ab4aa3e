"""A running `giftcert auditor` beside a service, and what its figures say.

Owns its process and port. Knows of the figures only how they are read.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from pipelines.local.ports import LOOPBACK, HeldPort
from tests.flow.measured_process import MeasuredProcess, start
from tests.flow.service_under_test import Service

_END_S: Final = 30.0


@contextmanager
def running_auditor(
    service: Service, name: str = "auditor", environment: Mapping[str, str] | None = None
) -> Iterator[MeasuredProcess]:
    """An auditor that has read all there was; killed at the end where it still runs."""
    port = HeldPort()
    log_path = service.data_dir / "logs" / f"{name}.log"
    told = {
        **os.environ,
        **service.stack.environment,
        "GIFTCERT_HTTP_HOST": LOOPBACK,
        "GIFTCERT_HTTP_PORT": str(port.port),
        "GIFTCERT_WORKER_ID": name,
        "GIFTCERT_LOG_FORMAT": "json",
        **(environment or {}),
    }
    process = start("auditor", told, log_path)
    auditor = MeasuredProcess(
        process, f"http://{LOOPBACK}:{port.port}", log_path, prefix="giftcert_audit_", end_s=_END_S
    )
    try:
        auditor.until({"caught_up": 1.0})
        yield auditor
    finally:
        process.kill()
        process.wait()
        port.release()
