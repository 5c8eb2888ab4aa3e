"""A load file is read as it is meant, and every row that cannot go in is named with its line."""

from pathlib import Path

import pytest

from pipelines.loader.rows import LoadFile, LoadFileFault, RowCode, RowFault, read_load_file


def file_with(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "numbers.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def loaded(tmp_path: Path, content: str | bytes, pool: str = "ELECTRONIC") -> LoadFile:
    return read_load_file(file_with(tmp_path, content), pool)


TWO_ROWS = {"GC-0001": (2, "ELECTRONIC"), "GC-0002": (3, "PHYSICAL")}

GOOD_FILES = [
    (
        "header and a default pool",
        "certificateId,pool\nGC-0001,\nGC-0002,PHYSICAL\n",
        TWO_ROWS,
    ),
    ("columns the other way", "pool,certificateId\n,GC-0001\nPHYSICAL,GC-0002\n", TWO_ROWS),
    ("another case", "CERTIFICATEID,Pool\nGC-0001,\nGC-0002,PHYSICAL\n", TWO_ROWS),
    ("semicolons", "certificateId;pool\nGC-0001;\nGC-0002;PHYSICAL\n", TWO_ROWS),
    ("a byte order mark", "\ufeffcertificateId,pool\nGC-0001,\nGC-0002,PHYSICAL\n", TWO_ROWS),
    ("Windows line ends", "certificateId,pool\r\nGC-0001,\r\nGC-0002,PHYSICAL\r\n", TWO_ROWS),
    (
        "quotes and spaces",
        '"certificateId","pool"\n"GC-0001 "," "\n GC-0002 , PHYSICAL \n',
        TWO_ROWS,
    ),
    (
        "empty cells at the end",
        "certificateId,pool,,\nGC-0001,,,\nGC-0002,PHYSICAL,,\n",
        TWO_ROWS,
    ),
    ("no pool column", "certificateId\nGC-0001\n", {"GC-0001": (2, "ELECTRONIC")}),
    (
        "bare numbers",
        "GC-0001\nGC-0002",
        {"GC-0001": (1, "ELECTRONIC"), "GC-0002": (2, "ELECTRONIC")},
    ),
    ("blank lines", "\ncertificateId\n\nGC-0001\n  \n", {"GC-0001": (4, "ELECTRONIC")}),
]


@pytest.mark.parametrize(
    ("content", "rows"),
    [pytest.param(content, rows, id=name) for name, content, rows in GOOD_FILES],
)
def test_read_of_a_file_in_any_usual_shape_gives_numbers_with_line_and_pool(
    tmp_path: Path, content: str, rows: dict[str, tuple[int, str]]
) -> None:
    file = loaded(tmp_path, content)
    assert (file.rows, file.faults) == (rows, ())
    assert list(file.rows) == list(rows)


FAULTY_ROWS = [
    ("lower case", "gc-0001", RowCode.FORM, "holds something else"),
    ("too short", "GC-01", RowCode.FORM, "5 characters"),
    ("too long", "1" * 33, RowCode.FORM, "33 characters"),
    ("no digit", "ELECTRONIC", RowCode.FORM, "no digit"),
    ("no number", ",PHYSICAL", RowCode.FORM, "is empty"),
    ("a pool with a digit", "GC-0001,POOL1", RowCode.POOL_NAME, "the pool is not"),
    ("a number twice", "GC-0000", RowCode.DUPLICATE_IN_FILE, "on line 2 already"),
    ("one column more", "GC-0001,PHYSICAL,5000", RowCode.COLUMNS, "in the row 3, in the header 2"),
    ("one column fewer", "GC-0001", RowCode.COLUMNS, "in the row 1, in the header 2"),
]


@pytest.mark.parametrize(
    ("row", "code", "text"),
    [pytest.param(row, code, text, id=name) for name, row, code, text in FAULTY_ROWS],
)
def test_read_of_one_faulty_row_names_its_line_and_keeps_the_others(
    tmp_path: Path, row: str, code: RowCode, text: str
) -> None:
    row = row if "," in row or code is RowCode.COLUMNS else f"{row},"
    file = loaded(tmp_path, f"certificateId,pool\nGC-0000,\n{row}\nGC-0009,\n")
    (fault,) = file.faults
    assert (fault.line, fault.certificate_id, fault.code) == (3, row.split(",")[0], code)
    assert text in fault.text
    assert list(file.rows) == ["GC-0000", "GC-0009"]
    assert file.total == 3


def test_read_of_a_number_three_times_names_the_first_line_each_time(tmp_path: Path) -> None:
    file = loaded(tmp_path, "GC-0001\nGC-0001\nGC-0001\n")
    assert file.faults == tuple(
        RowFault(
            line=line,
            certificate_id="GC-0001",
            code=RowCode.DUPLICATE_IN_FILE,
            text="the number is on line 1 already",
        )
        for line in (2, 3)
    )


FAULTY_FILES: list[tuple[str, str | bytes, str]] = [
    ("empty", "", "has no rows"),
    ("a header alone", "certificateId,pool\n", "has no rows"),
    ("not UTF-8", "certificateId\n\u0413\u0421-0001\n".encode("cp1251"), "is not UTF-8"),
    ("an unknown column", "certificateId,pol\nGC-0001,PHYSICAL\n", "certificateId, pol"),
    ("a column twice", "certificateId,certificateId\nGC-0001,GC-0001\n", "once each"),
    ("columns without a header", "GC-0001,PHYSICAL\n", "no header"),
    ("a quote that never ends", 'certificateId\n"GC-0001\n', "line 2 is not CSV"),
]


@pytest.mark.parametrize(
    ("content", "said"),
    [pytest.param(content, said, id=name) for name, content, said in FAULTY_FILES],
)
def test_read_of_a_file_that_is_wrong_as_a_whole_is_refused_in_one_line(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    with pytest.raises(LoadFileFault, match=said):
        loaded(tmp_path, content)


def test_read_of_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadFileFault, match="cannot be read: No such file"):
        read_load_file(tmp_path / "none.csv", "ELECTRONIC")


def test_read_with_a_wrong_default_pool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadFileFault, match="pool 'electronic' is not"):
        loaded(tmp_path, "GC-0001\n", pool="electronic")


def test_load_id_of_the_same_rows_in_another_dress_is_the_same(tmp_path: Path) -> None:
    plain = loaded(tmp_path, "GC-0001\nGC-0002\n")
    dressed = loaded(
        tmp_path, "\ufeffpool;certificateId\r\n;GC-0001\r\n\r\nELECTRONIC; GC-0002\r\n"
    )
    assert plain.load_id == dressed.load_id
    assert len(plain.load_id) == 16


@pytest.mark.parametrize(
    ("content", "pool"),
    [
        ("GC-0001\nGC-0002\n", "PHYSICAL"),
        ("GC-0002\nGC-0001\n", "ELECTRONIC"),
        ("GC-0001\n", "ELECTRONIC"),
        ("GC-0001\nGC-0002\nGC-0003\n", "ELECTRONIC"),
    ],
)
def test_load_id_of_other_rows_is_another(tmp_path: Path, content: str, pool: str) -> None:
    first = loaded(tmp_path, "GC-0001\nGC-0002\n")
    assert loaded(tmp_path, content, pool).load_id != first.load_id
