"""Where on All_SalesOrder the order of a certificate stands: an index on this machine's disk.

Owns the file that keeps, for each order that sells certificates and says how to reach the buyer,
the place of its record, and how far each partition was read: both in one transaction, so that they
agree after any crash. An address token stays in the order's own record; it is not in here. Nothing
here is a truth: all of it follows from the topic, and whoever deletes the file has it read again.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import ClassVar, Final

from pipelines.faults import OperatorError

FILE_NAME: Final = "orders.sqlite"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS places (
    order_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (
    partition INTEGER PRIMARY KEY,
    position INTEGER NOT NULL
);
"""
_NOTE: Final = """
INSERT INTO places (order_id, version, partition, position) VALUES (?, ?, ?, ?)
ON CONFLICT (order_id) DO UPDATE SET
    version = excluded.version, partition = excluded.partition, position = excluded.position
WHERE excluded.version >= places.version
"""


class IndexUnusable(OperatorError):
    """The file cannot be used: another CRM has it, the disk is full, or it is damaged."""

    exit_code: ClassVar[int] = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlace:
    """Where a version of an order stands."""

    version: int
    partition: int
    offset: int


class OrderPlaces:
    """The index, open until it is closed. Any thread may use it."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME
        self._lock = Lock()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self._path, timeout=1.0, check_same_thread=False)
            # One CRM alone: what two of them note of their reading would not agree.
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.executescript(_TABLES)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def place_of(self, order_id: str) -> OrderPlace | None:
        """The newest version of an order that says how to reach the buyer."""
        asked = "SELECT version, partition, position FROM places WHERE order_id = ?"
        found = self._asked(asked, order_id)
        if not found:
            return None
        ((version, partition, offset),) = found
        return OrderPlace(version=version, partition=partition, offset=offset)

    def next_offsets(self) -> dict[int, int]:
        """Where to go on reading, of each partition that was read at all."""
        return {each[0]: each[1] for each in self._asked("SELECT * FROM progress")}

    def note(self, orders: Mapping[str, OrderPlace], next_offsets: Mapping[int, int]) -> None:
        """Keep what was read, and that it was; an older version of an order changes nothing."""
        places = [
            (order_id, place.version, place.partition, place.offset)
            for order_id, place in orders.items()
        ]
        try:
            with self._lock, self._file:
                self._file.executemany(_NOTE, places)
                self._file.executemany(
                    "INSERT OR REPLACE INTO progress VALUES (?, ?)", next_offsets.items()
                )
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def forget(self) -> None:
        """Begin anew: the topic is not the one that was read."""
        try:
            with self._lock, self._file:
                self._file.execute("DELETE FROM places")
                self._file.execute("DELETE FROM progress")
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Leave the file to the next one."""
        with self._lock:
            self._file.close()

    def _asked(self, question: str, *fields: str) -> list[tuple[int, ...]]:
        try:
            with self._lock:
                return self._file.execute(question, fields).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> IndexUnusable:
        return IndexUnusable(
            f"the index of orders {self._path} cannot be used ({error}): another CRM may have it, "
            "or the disk is full; a damaged one may be deleted, and is read again from Kafka"
        )
