"""The same mart in PostgreSQL: the same tables, the same report, the same files, row for row."""

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psycopg
import pytest

from pipelines.neighbours.bi.export import FileFormat, export
from pipelines.neighbours.bi.postgres_target import PostgresTarget
from pipelines.neighbours.bi.presentation import to_json
from pipelines.neighbours.bi.schema import RELATIONS
from pipelines.neighbours.bi.target import MartAway, MartFault, MartMissing, MartTaken
from tests.neighbours.bi.mart_in_memory import MartUnderTest, filled
from tests.neighbours.bi.postgres_server import (
    PASSWORD,
    PostgresServer,
    postgres_server,
    programs,
)
from tests.neighbours.bi.simulated_topics import simulated_topics
from tests.neighbours.bi.told_topics import NOON_MS, NUMBER, sold

SEEDS, STEPS = (26, 66), 500
_schemas = count()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL on this machine: there is no initdb")
    with postgres_server(where) as running:
        yield running


@pytest.fixture
def target(server: PostgresServer) -> PostgresTarget:
    """A schema of its own."""
    return PostgresTarget(server.address, f"mart_{next(_schemas)}", password=PASSWORD)


@pytest.mark.parametrize("seed", SEEDS)
def test_mart_in_postgresql_has_the_rows_that_one_in_duckdb_has(
    seed: int, target: PostgresTarget
) -> None:
    records = simulated_topics(seed, STEPS)
    whole = filled(records)
    mart = MartUnderTest(target=target, now_ms=whole.now_ms).begin()
    for begin in range(0, len(records), 150):
        mart.feed(records[max(0, begin - 20) : begin + 150])
    assert mart.tables() == whole.tables()
    ours, theirs = to_json(mart.report()), to_json(whole.report())
    for body in (ours, theirs):
        body.pop("mart")
    assert ours == theirs


def test_mart_in_postgresql_has_the_columns_that_the_schema_says(target: PostgresTarget) -> None:
    mart = MartUnderTest(target=target).begin()
    kinds = {
        "VARCHAR": "character varying",
        "BIGINT": "bigint",
        "INTEGER": "integer",
        "DECIMAL(38,0)": "numeric",
        "BOOLEAN": "boolean",
        "DATE": "date",
        "TIMESTAMP": "timestamp without time zone",
    }
    found = mart.rows(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = current_schema ORDER BY ordinal_position"
    )
    for each in RELATIONS:
        # A text that stands in a view itself is of PostgreSQL's own type.
        told = [
            (name, kind.replace("text", "character varying"))
            for table, name, kind in found
            if table == each.name
        ]
        assert told == [(column.name, kinds[column.kind]) for column in each.columns], each.name


def test_database_that_was_told_to_learn_knows_how_much_there_is(target: PostgresTarget) -> None:
    mart = MartUnderTest(target=target).begin().feed(simulated_topics(SEEDS[0], STEPS))
    known = (
        "SELECT CAST(reltuples AS BIGINT) FROM pg_class WHERE relname = 'stream_event' "
        "AND relnamespace = CAST(current_schema AS regnamespace)"
    )
    assert mart.rows(known) == [(-1,)]
    mart.mart.learn()
    assert mart.rows(known) == mart.rows("SELECT count(*) FROM stream_event")


def test_export_from_postgresql_writes_the_files_that_duckdb_writes(
    target: PostgresTarget, tmp_path: Path
) -> None:
    records = simulated_topics(SEEDS[0], STEPS)
    whole = filled(records)
    mart = MartUnderTest(target=target, now_ms=whole.now_ms).begin().feed(records)
    for name, each in (("ours", mart), ("theirs", whole)):
        written = export(
            each.target,
            tmp_path / name,
            names=["ledger", "liability_daily", "reconciliation", "stream_event"],
            file_format=FileFormat.PARQUET,
            full_numbers=False,
        )
        assert all(rows > 0 for _, rows in written)
    for path in (tmp_path / "theirs").iterdir():
        assert _rows(tmp_path / "ours" / path.name) == _rows(path)
    assert not [path for path in (tmp_path / "ours").iterdir() if path.suffix != ".parquet"]


def _rows(path: Path) -> list[str]:
    rows = duckdb.connect().execute(f"SELECT * FROM '{path}'").fetchall()  # noqa: S608 - names of ours
    return sorted(map(repr, rows))


def test_report_while_somebody_writes_is_of_the_moment_before(target: PostgresTarget) -> None:
    told = sold()
    mart = MartUnderTest(target=target).begin().feed(told.records[:2])
    with target.session(writing=True) as session, session.transaction():
        session.rows("UPDATE mart_run SET caught_up = FALSE")
        assert mart.report().caught_up
    assert not mart.report().caught_up


def test_write_whose_connection_is_cut_leaves_the_mart_as_it_was(
    target: PostgresTarget, server: PostgresServer
) -> None:
    told = sold()
    mart = MartUnderTest(target=target).begin().feed(told.records[:2])
    before = mart.tables()

    def cut() -> None:
        with psycopg.connect(server.address, password=PASSWORD, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND application_name = 'giftcert-bi'"
            )

    def write() -> None:
        with target.session(writing=True) as session, session.transaction():
            session.rows("DELETE FROM stream_event")
            cutting = threading.Thread(target=cut)
            cutting.start()
            cutting.join()
            session.rows("SELECT 1")

    with pytest.raises(MartAway, match="does not answer"):
        write()
    assert mart.tables() == before
    mart.feed(told.records[2:])
    assert mart.tables() == filled(told.records).tables()


def test_write_after_another_run_began_is_refused(target: PostgresTarget) -> None:
    told = sold()
    first = MartUnderTest(target=target).begin().feed(told.records[:2])
    MartUnderTest(target=target, writer="run-2").begin()
    with pytest.raises(MartTaken):
        first.feed(told.records[2:])


def test_session_says_what_is_wrong_in_a_line(server: PostgresServer, tmp_path: Path) -> None:
    wrong = PostgresTarget(server.address, "mart", password="wr0ng")
    with pytest.raises(MartAway, match=r"does not let us in: .*password") as refused:
        MartUnderTest(target=wrong).begin()
    assert "wr0ng" not in str(refused.value)
    away = PostgresTarget(f"postgresql://bi@/postgres?host={tmp_path}", "mart", password="x")
    with pytest.raises(MartAway, match=f"PostgreSQL at {tmp_path}/postgres, schema mart does not"):
        MartUnderTest(target=away).begin()
    none_such = PostgresTarget("postgresql://bi@[::1/secret", "mart", password="x")
    with pytest.raises(MartFault, match="is no address of a PostgreSQL") as unknown:
        MartUnderTest(target=none_such).begin()
    assert "secret" not in f"{unknown.value} {none_such.label}"
    none = PostgresTarget(server.address, "nothing_here", password=PASSWORD)
    with pytest.raises(MartMissing, match="run `giftcert bi run` first"):
        MartUnderTest(target=none).report()


@pytest.fixture
def clerk(server: PostgresServer) -> Iterator[str]:
    """A user who may do nothing but what is given to them; their address."""
    name = f"clerk_{next(_schemas)}"
    with psycopg.connect(server.address, password=PASSWORD, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        yield server.address.replace("bi@", f"{name}@")


def user_of(address: str) -> str:
    user = urlsplit(address).username
    assert user is not None
    return user


def test_mart_in_a_schema_that_was_made_for_it_needs_no_right_to_make_one(
    server: PostgresServer, clerk: str
) -> None:
    user = user_of(clerk)
    with pytest.raises(MartFault, match="forbids it"):
        MartUnderTest(target=PostgresTarget(clerk, f"of_{user}", password=PASSWORD)).begin()
    with psycopg.connect(server.address, password=PASSWORD, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA of_{user} AUTHORIZATION {user}")
    told = sold()
    mart = MartUnderTest(target=PostgresTarget(clerk, f"of_{user}", password=PASSWORD)).begin()
    assert mart.feed(told.records).tables() == filled(told.records).tables()


def test_report_needs_only_the_right_to_read(
    server: PostgresServer, clerk: str, target: PostgresTarget
) -> None:
    MartUnderTest(target=target).begin().feed(sold().records)
    schema, user = target.label.rsplit(" ", 1)[-1], user_of(clerk)
    theirs = MartUnderTest(target=PostgresTarget(clerk, schema, password=PASSWORD))
    with pytest.raises(MartFault):
        theirs.report()
    with psycopg.connect(server.address, password=PASSWORD, autocommit=True) as admin:
        admin.execute(f"GRANT USAGE ON SCHEMA {schema} TO {user}")
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user}")
    assert theirs.report().money == MartUnderTest(target=target).report().money


def test_write_to_a_server_that_takes_none_any_more_is_one_that_is_away(
    target: PostgresTarget,
) -> None:
    """As after a failover: who was first is a standby now, and somebody else will answer."""
    told = sold()
    mart = MartUnderTest(target=target).begin().feed(told.records[:2])

    def write() -> None:
        with target.session(writing=True) as session, session.transaction():
            session.rows("SET TRANSACTION READ ONLY")
            session.rows("DELETE FROM stream_event")

    with pytest.raises(MartAway, match="read-only"):
        write()
    assert mart.feed(told.records[2:]).tables() == filled(told.records).tables()


def test_session_with_several_servers_finds_the_one_that_takes_writes(
    server: PostgresServer, tmp_path: Path
) -> None:
    """The first does not answer, so the next is asked: as after a failover."""
    hosts = f"{tmp_path},{server.folder}"
    address = f"postgresql://bi@/postgres?host={hosts}&target_session_attrs=read-write"
    target = PostgresTarget(address, f"mart_{next(_schemas)}", password=PASSWORD)
    mart = MartUnderTest(target=target).begin().feed(sold().records)
    assert mart.report().money == filled(sold().records).report().money


def test_two_runs_that_make_the_mart_at_once_make_one(target: PostgresTarget) -> None:
    told = sold()
    made: list[MartUnderTest] = []
    refused: list[MartFault] = []
    begun = threading.Barrier(2)

    def make(writer: str) -> None:
        begun.wait()
        try:
            made.append(MartUnderTest(target=target, writer=writer).begin())
        except MartFault as fault:
            refused.append(fault)

    runs = [threading.Thread(target=make, args=(f"run-{place}",)) for place in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(made) == 2, refused
    last = MartUnderTest(target=target, writer="run-9").begin().feed(told.records)
    assert last.tables() == filled(told.records).tables()


def test_readings_that_postgresql_could_not_keep_are_kept_all_the_same(
    target: PostgresTarget,
) -> None:
    """A zero byte in a text is one that it refuses."""
    told = sold()
    loaded = told.records[0].value
    assert loaded is not None
    mart = MartUnderTest(target=target, now_ms=NOON_MS).begin()
    mart.feed(
        [
            told.add(
                "GiftCertificates.Stream",
                loaded.replace(b"ELECTRONIC", b"ELEC\x00RONIC"),
                key=NUMBER.encode(),
                partition=1,
            )
        ]
    )
    assert mart.rows("SELECT pool FROM stream_event") == [("ELEC\ufffdRONIC",)]
