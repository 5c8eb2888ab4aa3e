"""Command records for tables, as the reference reads them: most of their fields are empty."""

from typing import Any, Final

from pipelines.contracts.schemas import RecordName, current
from pipelines.simulation.told_amounts import amount_bytes

_EMPTY: Final[dict[str, Any]] = {
    field["name"]: None for field in current(RecordName.COMMAND).parsed["fields"]
}
_POOL_EMPTY: Final[dict[str, Any]] = {
    field["name"]: None for field in current(RecordName.POOL_COMMAND).parsed["fields"]
}
NUMBER: Final = "EL-00001"


def rubles(minor: int) -> dict[str, Any]:
    """The fields of an amount."""
    return {"amount": amount_bytes(minor, "RUB"), "currency": "RUB"}


def told(kind: str, command_id: str = "", *, origin: str = "HTTP", **fields: Any) -> dict[str, Any]:
    """A command; one without an id has an id of its kind."""
    return {
        **_EMPTY,
        "type": kind,
        "commandId": command_id or kind.lower(),
        "origin": origin,
        "certificateId": NUMBER,
        "at": 0,
        **fields,
    }


def pool_told(kind: str, **fields: Any) -> dict[str, Any]:
    """A pool's command."""
    return {**_POOL_EMPTY, "type": kind, "pool": "ELECTRONIC", "at": 0, **fields}
