"""An audit that cannot reach Kafka says so, whatever else it was asked."""

import pytest

from pipelines.audit.run_audit import run_audit
from pipelines.faults import BrokerUnreachable
from pipelines.settings import Settings

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize("stream_only", [True, False])
def test_run_audit_without_a_broker_says_where_it_looked(stream_only: bool) -> None:
    with pytest.raises(BrokerUnreachable, match=f"no Kafka at {NOBODY}"):
        run_audit(Settings(bootstrap=NOBODY), stream_only=stream_only)
