"""A load file is read as it is meant, and every row that cannot go in is named with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.loader.row import LoadFileFault
from pipelines.loader.rows import LoadFile, RowCode, RowFault, read_load_file
from pipelines.loader.text_lines import LONGEST_LINE


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
    (
        "blank lines before semicolons",
        "\n \ncertificateId;pool\nGC-0001;PHYSICAL\n",
        {"GC-0001": (4, "PHYSICAL")},
    ),
    ("tabs", "certificateId\tpool\nGC-0001\t\nGC-0002\tPHYSICAL\n", TWO_ROWS),
    (
        "a spreadsheet's separator told on the first line",
        "sep=;\r\ncertificateId;pool\r\nGC-0001;PHYSICAL\r\n",
        {"GC-0001": (3, "PHYSICAL")},
    ),
    ("an old line end", "certificateId,pool\rGC-0001,\rGC-0002,PHYSICAL\r", TWO_ROWS),
    ("no line end at the end", "certificateId,pool\nGC-0001,\nGC-0002,PHYSICAL", TWO_ROWS),
    (
        "UTF-16 with its mark, as a spreadsheet's Unicode text",
        "certificateId\tpool\r\nGC-0001\t\r\nGC-0002\tPHYSICAL\r\n".encode("utf-16"),
        TWO_ROWS,
    ),
    (
        "UTF-16 of the other order",
        b"\xfe\xff" + "certificateId;pool\nGC-0001;\nGC-0002;PHYSICAL\n".encode("utf-16-be"),
        TWO_ROWS,
    ),
]


@pytest.mark.parametrize(
    ("content", "rows"),
    [pytest.param(content, rows, id=name) for name, content, rows in GOOD_FILES],
)
def test_read_of_a_file_in_any_usual_shape_gives_numbers_with_line_and_pool(
    tmp_path: Path, content: str | bytes, rows: dict[str, tuple[int, str]]
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
            pool="ELECTRONIC",
            code=RowCode.DUPLICATE_IN_FILE,
            text="the number is on line 1 already",
        )
        for line in (2, 3)
    )


CYRILLIC = "\u0413\u0421-0001"
FAULTY_FILES: list[tuple[str, str | bytes, str]] = [
    ("empty", "", "has no rows"),
    ("blank", "\n \n\n", "has no rows"),
    ("a mark alone", b"\xef\xbb\xbf", "has no rows"),
    ("a header alone", "certificateId,pool\n", "has no rows"),
    (
        "not UTF-8",
        f"certificateId\nGC-0001\n\n{CYRILLIC}\n".encode("cp1251"),
        r'line 4 is not UTF-8: save it as "CSV UTF-8"',
    ),
    (
        "not UTF-8 far below",
        b"certificateId\r\n" + b"GC-0001\r\n" * 20_000 + b"GC-0002\xff\r\n",
        r"line 20002 is not UTF-8",
    ),
    ("UTF-16 cut in half", "\ufeffGC-0001\nG".encode("utf-16-le")[:-1], "line 2 is not UTF-16"),
    (
        "not UTF-16 far below",
        ("\ufeff" + "GC-0001\r\n" * 20_000).encode("utf-16-be") + b"\xd8\x00\x00\x0a",
        "line 20001 is not UTF-16",
    ),
    ("UTF-16 without its mark", "GC-0001\nGC-0002\n".encode("utf-16-le"), "line 1 holds a zero"),
    ("zero bytes", b"GC-0001\nGC-0002\nGC\x00\n", "line 3 holds a zero byte"),
    ("a workbook", b"PK\x03\x04\x14\x00\x06\x00", "is a workbook or a zip archive: save it as"),
    ("an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook: save it as"),
    ("compressed", b"\x1f\x8b\x08\x00", r"compressed \(gzip\): unpack"),
    ("a PDF", b"%PDF-1.7", "is a PDF: ask for"),
    ("an unknown column", "certificateId,pol\nGC-0001,PHYSICAL\n", "line 1 .*certificateId, pol"),
    ("a column that acts on a terminal", "certificateId,\x1b[31m\nGC-0001,A\n", r"\?\[31m:"),
    ("a column twice", "certificateId,certificateId\nGC-0001,GC-0001\n", "once each"),
    ("another's header", "\nnumber;amount\nGC-0001;500\n", "line 2 .*does not name certificateId"),
    ("another's header of one column", "number\nGC-0001\n", "line 1 .*does not name certifi"),
    ("a separator nobody knows", "certificateId|pool\nGC-0001|A\n", "line 1 .*commas, semicolons"),
    ("columns without a header", "GC-0001,PHYSICAL\n", "line 1 .*no header"),
    ("a quote that never ends", 'certificateId\nGC-0001\n"GC-0002\n', "line 3 is not CSV"),
    (
        "a quote that never ends, far above the end",
        'certificateId\nGC-0001\n"GC-0002\n' + "GC-0003\n" * 30_000,
        "line 3 is not CSV",
    ),
    ("a quote inside", 'certificateId\nGC-0001\n"GC"-0002\n', "line 3 is not CSV"),
    ("no lines", "GC-0001," * 10_000, f"line 1 has more than {LONGEST_LINE:,} characters"),
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


def test_read_of_something_else_than_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadFileFault, match="cannot be read: Is a directory"):
        read_load_file(tmp_path, "ELECTRONIC")


def test_read_of_a_file_with_too_many_rows_is_refused_before_it_is_held(tmp_path: Path) -> None:
    path = file_with(tmp_path, "GC-0001\nGC-0002\nbad2\n")
    assert read_load_file(path, "ELECTRONIC", most_rows=3).total == 3
    with pytest.raises(LoadFileFault, match="more than 2 rows: split it"):
        read_load_file(path, "ELECTRONIC", most_rows=2)


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


@given(
    st.lists(st.integers(0, 999_999), min_size=1, max_size=30, unique=True),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
    st.booleans(),
)
def test_read_of_any_dress_of_the_same_rows_gives_the_same_load(
    tmp_path_factory: pytest.TempPathFactory,
    numbers: list[int],
    separator: str,
    line_end: str,
    encoding: str,
    quoted: bool,
    pool_first: bool,
) -> None:
    path = tmp_path_factory.mktemp("dress") / "numbers.csv"
    rows = [("certificateId", "pool")] + [
        (f"GC-{number:06d}", ("", "PHYSICAL")[number % 2]) for number in numbers
    ]
    lines = [
        separator.join(
            f'"{cell}"' if quoted else cell for cell in (reversed(row) if pool_first else row)
        )
        for row in rows
    ]
    path.write_bytes(line_end.join(lines).encode(encoding))
    file = read_load_file(path, "ELECTRONIC")
    assert file.rows == {
        number: (line, pool or "ELECTRONIC")
        for line, (number, pool) in enumerate(rows[1:], start=2)
    }
    assert file.faults == ()
    plain = path.with_name("plain.csv")
    plain.write_text("".join(f"{number},{pool}\n" for number, pool in rows))
    assert read_load_file(plain, "ELECTRONIC").load_id == file.load_id
