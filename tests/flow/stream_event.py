"""One event of GiftCertificates.Stream as tests read it: decoded, with amounts in minor units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.contracts.amounts import amount_to_minor
from tests.flow.source_messages import CURRENCY
from tests.flow.topic_log import LogRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """An event; `fields` is the decoded record, `record` where it lay and with which headers."""

    record: LogRecord
    fields: Mapping[str, Any]

    @property
    def key(self) -> str:
        return (self.record.key or b"").decode()

    @property
    def type(self) -> str:
        return str(self.fields["eventType"])

    @property
    def status(self) -> str:
        return str(self.fields["status"])

    @property
    def reason(self) -> str | None:
        """The reason's code."""
        reason = self.fields["reason"]
        return None if reason is None else str(reason["code"])

    @property
    def payload(self) -> Mapping[str, Any]:
        payload = self.fields["payload"]
        assert payload is not None, f"{self.type} has no snapshot"
        found: Mapping[str, Any] = payload
        return found

    @property
    def remaining_minor(self) -> int:
        """The remaining balance in the snapshot."""
        return amount_to_minor(self.payload["remainingBalance"], CURRENCY)

    @property
    def entry(self) -> tuple[str, int, int, int] | None:
        """The ledger entry: kind, signed amount, balance after, held after; None without one."""
        entry = self.fields["entry"]
        if entry is None:
            return None
        amount_minor, remaining_minor, held_minor = (
            amount_to_minor(entry[name], CURRENCY, negative=True)
            for name in ("amount", "remainingBalance", "held")
        )
        return str(entry["kind"]), amount_minor, remaining_minor, held_minor
