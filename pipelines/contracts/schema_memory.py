"""What the schema registry said before, kept on a worker's volume for when it says nothing.

Owns one small file and when it is believed: the registry is asked first, always; only where it does
not answer, or not sensibly, its earlier word is taken. Ids and schemas of a registry never change,
so that word is as good, for as long as it is the same registry. The file may be lost or deleted at
any time: what it held is then asked for again.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import structlog

from pipelines.contracts.registry import RegistryFault, RegistryRefused, RegistryUnreachable
from pipelines.contracts.schemas import Schema

FILE_NAME: Final = "schemas.json"
_SILENT_S: Final = 10.0
"""How long a registry that did not answer is not asked again for what is remembered."""

_REST: Final = 9
"""Who waits for a schema nobody remembers asks for a tenth of its time: see `_asked_rarely`."""

_LONGEST_REST_S: Final = 30.0

Known = TypeVar("Known")
Word = TypeVar("Word")
_log = structlog.get_logger(__name__)


class Asked(Protocol):
    """A registry that is asked. RegistryFault."""

    def id_of(self, subject: str, schema: Schema) -> int: ...

    def schema_text(self, schema_id: int) -> str | None: ...

    def close(self) -> None: ...


class SchemaMemory:
    """A registry with a memory. `patient` is asked for what nobody remembers, `hasty` for the rest.

    Both are the same registry under `url`; one waits for it to come up. `waits`: a record's schema
    is asked for without patience and not at every call, because who needs it comes again.
    """

    def __init__(
        self,
        url: str,
        path: Path,
        *,
        patient: Asked,
        hasty: Asked,
        waits: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._path = path
        self._patient = patient
        self._hasty = hasty
        self._waits = waits
        self._clock = clock
        self._silent_until_s = float("-inf")
        self._resting_until_s = float("-inf")
        self._fault: RegistryFault | None = None
        self._ids, self._texts = _read(path, url)

    def id_of(self, subject: str, schema: Schema) -> int:
        """The id to write by; what `Registry.id_of` says, and the same faults."""
        key = f"{subject} {schema.fingerprint.hex()}"
        known = self._ids.get(key)
        if known is None:
            schema_id = self._patient.id_of(subject, schema)
        else:
            schema_id = self._asked_or(known, lambda: self._hasty.id_of(subject, schema))
            if schema_id != known:
                # The registry was made anew: whatever else it said before is not true any more.
                self._ids, self._texts = {}, {}
        if schema_id != known:
            self._ids[key] = schema_id
            self._texts[str(schema_id)] = schema.text
            self._write()
        return schema_id

    def schema_text(self, schema_id: int) -> str | None:
        """The JSON of an Avro schema; what `Registry.schema_text` says, and the same faults."""
        known = self._texts.get(str(schema_id))
        if known is not None:
            # A registry made anew may have no such id; then that is its word.
            return self._asked_or(known, lambda: self._hasty.schema_text(schema_id))
        if self._waits:
            text = self._asked_rarely(lambda: self._hasty.schema_text(schema_id))
        else:
            text = self._patient.schema_text(schema_id)
        if text is not None:
            self._texts[str(schema_id)] = text
            self._write()
        return text

    def close(self) -> None:
        """Give up the connections."""
        self._patient.close()
        self._hasty.close()

    def _asked_or(self, known: Known, ask: Callable[[], Word]) -> Known | Word:
        """The registry's word, or its earlier one while it is silent."""
        if self._clock() < self._silent_until_s:
            return known
        try:
            return ask()
        except (RegistryUnreachable, RegistryRefused) as fault:
            self._silent_until_s = self._clock() + _SILENT_S
            _log.warning(
                "the schema registry does not answer: what it said before is used", fault=str(fault)
            )
            return known

    def _asked_rarely(self, ask: Callable[[], Word]) -> Word:
        """The registry's word; its latest fault once more while it has a rest from us.

        A registry that drops packets takes the asking loop's time. Every partition that waits asks
        for itself, so all of them together get one question and a rest of nine times as long. One
        that refuses at once takes no time, and whoever comes next may hear another answer.
        """
        started_s = self._clock()
        if self._fault is not None and started_s < self._resting_until_s:
            raise self._fault.with_traceback(None)
        try:
            return ask()
        except RegistryFault as fault:
            now_s = self._clock()
            self._fault = fault
            self._resting_until_s = now_s + min(_REST * (now_s - started_s), _LONGEST_REST_S)
            raise

    def _write(self) -> None:
        """Keep it, if that can be: a full disk is no reason to stop."""
        told = {"registry": self._url, "ids": self._ids, "texts": self._texts}
        partial = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(told), encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            _log.warning("schemas cannot be kept for a restart", why=error.strerror)


def _read(path: Path, url: str) -> tuple[dict[str, int], dict[str, str]]:
    """What is remembered of the registry under this address; nothing where it cannot be read."""
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        if told["registry"] != url:
            return {}, {}
        ids = {str(key): int(schema_id) for key, schema_id in told["ids"].items()}
        texts = {str(key): str(text) for key, text in told["texts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, {}
    return ids, texts
