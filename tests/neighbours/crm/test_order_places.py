"""The index of orders: places and progress agree, newer versions win, and one CRM has it alone."""

import sqlite3
from pathlib import Path

import pytest

from pipelines.neighbours.crm.order_places import FILE_NAME, IndexUnusable, OrderPlace, OrderPlaces


def place(version: int, offset: int) -> OrderPlace:
    return OrderPlace(version=version, partition=1, offset=offset)


def test_what_was_noted_is_there_after_a_restart(tmp_path: Path) -> None:
    places = OrderPlaces(tmp_path / "crm")
    assert places.place_of("42") is None
    assert places.next_offsets() == {}
    places.note({"42": place(1, 7), "заказ": place(3, 8)}, {0: 5, 1: 9})
    places.close()
    again = OrderPlaces(tmp_path / "crm")
    assert again.place_of("42") == place(1, 7)
    assert again.place_of("заказ") == place(3, 8)
    assert again.next_offsets() == {0: 5, 1: 9}
    again.close()


def test_newer_version_takes_the_place_of_an_older_and_never_the_other_way(tmp_path: Path) -> None:
    places = OrderPlaces(tmp_path)
    places.note({"42": place(2, 10)}, {})
    places.note({"42": place(1, 11)}, {})
    assert places.place_of("42") == place(2, 10)
    places.note({"42": place(2, 12)}, {})
    assert places.place_of("42") == place(2, 12)
    places.note({"42": place(3, 5)}, {})
    assert places.place_of("42") == place(3, 5)
    places.close()


def test_index_that_began_anew_knows_nothing(tmp_path: Path) -> None:
    places = OrderPlaces(tmp_path)
    places.note({"42": place(2, 10)}, {0: 11})
    places.forget()
    assert (places.place_of("42"), places.next_offsets()) == (None, {})
    places.close()


def test_second_crm_on_the_same_directory_is_told_in_a_line(tmp_path: Path) -> None:
    places = OrderPlaces(tmp_path)
    with pytest.raises(IndexUnusable, match="another CRM may have it"):
        OrderPlaces(tmp_path)
    places.close()


def test_damaged_index_is_told_in_a_line_and_may_be_deleted(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no index " * 100)
    with pytest.raises(IndexUnusable, match="may be deleted"):
        OrderPlaces(tmp_path)


def test_index_holds_no_token(tmp_path: Path) -> None:
    places = OrderPlaces(tmp_path)
    places.note({"42": place(2, 10)}, {0: 11})
    places.close()
    file = sqlite3.connect(tmp_path / FILE_NAME)
    columns = [row[1] for row in file.execute("PRAGMA table_info(places)")]
    file.close()
    assert columns == ["order_id", "version", "partition", "position"]
