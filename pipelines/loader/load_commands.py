"""The `LOAD` commands of one run, as bytes.

Owns their content: a row asked for again, in this run or a later one, is the same request. The
commands of a pool differ in the number alone, so each pool's is encoded once and taken apart where
the number stands; a million rows are then put together ten times as fast as they are encoded.
"""

import hashlib
from dataclasses import replace
from typing import Final

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from state.certificate.commands import Command, Load, Origin
from state.certificate.numbers import LONGEST

_PROBE: Final = "?" * LONGEST
"""Stands for the number. No other field can hold it."""

_ONE_BYTE: Final = 64
"""Avro tells a text's length in one byte up to here, as twice the length."""


class LoadCommands:
    """All commands of one run: one load id, one time, one place for the answers."""

    def __init__(self, framing: Framing, *, load_id: str, at_ms: int, reply_to: str) -> None:
        self._framing = framing
        self._prefix = f"load:{load_id}:"
        self._at_ms = at_ms
        self._reply_to = reply_to
        self._parts: dict[str, tuple[bytes, bytes, bytes]] = {}
        self._id_start = self._prefix.encode()
        assert len(self._prefix) + LONGEST < _ONE_BYTE, "the id's length takes one byte"

    def command(self, number: str, pool: str) -> Command:
        """The command for one number."""
        return Command(
            command_id=f"{self._prefix}{number}",
            at_ms=self._at_ms,
            certificate_id=number,
            origin=Origin.LOADER,
            action=Load(pool=pool),
            actor="loader",
            reply_to=self._reply_to,
            body_digest=hashlib.sha256(pool.encode()).hexdigest()[:32],
        )

    def encoded(self, number: str, pool: str) -> bytes:
        """The same as a record for Kafka; the number is one that the form allows."""
        parts = self._parts.get(pool)
        if parts is None:
            parts = self._parts[pool] = self._taken_apart(pool)
        before, between, after = parts
        key = number.encode()
        size = len(key)
        id_start = self._id_start
        id_size = size + len(id_start)
        return b"%b%c%b%b%b%c%b%b" % (
            before,
            2 * id_size,
            id_start,
            key,
            between,
            2 * size,
            key,
            after,
        )

    def _taken_apart(self, pool: str) -> tuple[bytes, bytes, bytes]:
        """What stands before the id's length, between the id and the number's, and after."""
        probe = _PROBE.encode()
        command = replace(self.command("", pool), command_id=self._prefix + _PROBE)
        record = command_to_record(replace(command, certificate_id=_PROBE))
        whole = self._framing.encode(RecordName.COMMAND, record)
        before, between, after = whole.split(probe)
        id_mark = bytes([2 * (len(self._id_start) + len(probe))]) + self._id_start
        number_mark = bytes([2 * len(probe)])
        assert before.endswith(id_mark), "the id is told by its length"
        assert between.endswith(number_mark), "the number is told by its length"
        return before.removesuffix(id_mark), between.removesuffix(number_mark), after
