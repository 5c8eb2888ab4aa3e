"""`giftcert bi` beside a service on real Kafka: the audit's money, in step, whatever is killed."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.local.running_broker import Broker
from pipelines.topics import STREAM
from tests.flow.bi_process import Report, mart_of, offsets_of
from tests.flow.giftcert_command import giftcert
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Message, Service, running_service
from tests.flow.whole_life import WholeLife, secrets_of
from tests.neighbours.bi.postgres_server import PASSWORD, postgres_server, programs


@pytest.fixture(scope="module")
def quiet(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for marts alone: they read whatever is on its topics, and all of it agrees."""
    prefix = f"bi-{secrets.token_hex(3)}-"
    with running_service(broker.bootstrap, tmp_path_factory.mktemp("bi"), prefix) as service:
        yield service


@pytest.fixture
def shop(quiet: Service) -> Scenario:
    """A pool, numbers and orders of the test's own."""
    return Scenario(quiet)


@pytest.fixture
def own(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Scenario]:
    """A service of its own: what is no event on its stream is on nobody else's."""
    with running_service(broker.bootstrap, tmp_path / "stack", topic_prefix) as service:
        yield Scenario(service)


def audited(service: Service) -> Report:
    done = giftcert(service, "audit", "--stream-only", "--json")
    assert done.code == 0, done
    found: Report = json.loads(done.out)
    return found


def assert_agree(report: Report, audit: Report) -> None:
    """Money and numbers of the mart are the audit's, to the last minor unit."""
    money = {(row["currency"], row["pool"]): row for row in report["money"]}
    for row in audit["money"]:
        if row["pool"] is not None:
            ours = money.pop((row["currency"], row["pool"]))
            assert {name: ours[name] for name in row} == row
    assert money == {}
    assert report["numbers"] == audit["stock"]


def test_mart_of_a_whole_life_has_the_money_of_the_audit_and_no_secret(
    own: Scenario, tmp_path: Path
) -> None:
    life = WholeLife(own)
    life.run()
    own.sell(nominal_minor=700_00)
    own.settle()
    own.service.write(Message(topic=STREAM, key=b"NO-EVENT-1", value=b"no event"))
    with mart_of(own.service, tmp_path / "mart.duckdb") as mart:
        mart.fill()
        report = mart.report()
        # Exit code 1, for the record that is no event: its figures are what counts.
        told_audit = giftcert(own.service, "audit", "--stream-only", "--json")
        assert_agree(report, json.loads(told_audit.out))
        assert report["caughtUp"]
        assert [row["code"] for row in report["broken"]] == ["UNKNOWN_FRAMING"]
        stream = own.service.log.of(STREAM.name)
        for partition, offset in offsets_of(report, STREAM.name).items():
            ours = [record.offset for record in stream if record.partition == partition]
            assert offset > max(ours, default=-1)
        page, files = tmp_path / "page", tmp_path / "files"
        assert mart.command("report", "--page", str(page)).code == 0
        exported = mart.command("export", str(files), "--format", "csv", "--full-numbers")
        assert exported.code == 0, exported
        masked = mart.command("export", str(tmp_path / "masked"), "--format", "csv")
        assert masked.code == 0, masked
        told = [page / "index.html", *files.iterdir(), *(tmp_path / "masked").iterdir()]
        for path in told:
            content = path.read_bytes()
            assert not [each for each in secrets_of(life) if each in content], path
            assert life.address.encode() not in content, path
        for path in (page / "index.html", *(tmp_path / "masked").iterdir()):
            assert life.number.encode() not in path.read_bytes(), path


def test_mart_follows_a_service_at_work_and_survives_being_killed(
    shop: Scenario, tmp_path: Path
) -> None:
    page = tmp_path / "page"
    environment = {"GIFTCERT_BI_PAGE_DIR": str(page), "GIFTCERT_BI_PAGE_S": "1"}
    with mart_of(shop.service, tmp_path / "mart.duckdb", environment) as mart:
        mart.start()
        number = shop.sell(nominal_minor=5_000_00)
        mart.until(lambda report: remaining(report, shop) == "5000.00")
        shop.spend(number, 1_200_00)
        mart.until(lambda report: remaining(report, shop) == "3800.00")
        mart.kill()
        shop.spend(number, 300_00)
        other = shop.sell(nominal_minor=100_00)
        shop.settle()
        mart.start()
        mart.until(lambda report: remaining(report, shop) == "3600.00")
        shop.spend(other, 100_00)
        shop.settle()
        report = mart.until(lambda report: remaining(report, shop) == "3500.00")
        assert_agree(report, audited(shop.service))
        agreed(report)
        shop.service.log.until(
            lambda: "3,500.00" in told_by(page / "index.html"),
            lambda: "the page should have the latest balance",
        )
        assert mart.end() == 0, mart.log()
        assert "Traceback" not in mart.log()
        with mart_of(shop.service, tmp_path / "anew.duckdb") as anew:
            anew.fill()
            assert rows_of(tmp_path / "anew.duckdb") == rows_of(tmp_path / "mart.duckdb")


def told_by(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.exists() else ""


def remaining(report: Report, shop: Scenario) -> str | None:
    """What is on the certificates of a test's own pool."""
    found = [row["remaining"] for row in report["money"] if row["pool"] == shop.pool]
    return found[0] if found else None


def agreed(report: Report) -> None:
    """Stream, orders and payments tell the same of every sale."""
    assert report["differences"] == []
    assert {row["checkName"] for row in report["channels"]} >= {
        "ISSUED_BY_ORDER",
        "ISSUED_BY_PAYMENT",
        "REDEEMED_BY_ORDER",
        "REDEEMED_BY_PAYMENT",
    }


def rows_of(path: Path) -> dict[str, list[str]]:
    """Every row that came from the topics."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}").fetchall()))  # noqa: S608 - names of ours
            for name in ("stream_event", "order_version", "payment_event", "client_record")
        }


def test_second_run_takes_the_mart_over_and_the_first_ends_with_a_line(
    shop: Scenario, tmp_path: Path
) -> None:
    shop.load(3)
    with (
        mart_of(shop.service, tmp_path / "mart.duckdb") as first,
        mart_of(shop.service, tmp_path / "mart.duckdb") as second,
    ):
        first.start()
        first.until(lambda report: report["caughtUp"])
        second.fill()
        assert first.process is not None
        assert first.process.wait(60) == 1
        assert "another `giftcert bi run` began after this one" in first.log()
        assert_agree(second.report(), audited(shop.service))


def test_mart_in_postgresql_has_the_money_of_the_audit(shop: Scenario, tmp_path: Path) -> None:
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL on this machine: there is no initdb")
    number = shop.sell(nominal_minor=5_000_00)
    shop.spend(number, 1_200_00)
    shop.settle()
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    with (
        postgres_server(where) as server,
        mart_of(shop.service, server.address, {"GIFTCERT_BI_PASSWORD_FILE": str(secret)}) as mart,
    ):
        mart.fill()
        report = mart.report()
        assert_agree(report, audited(shop.service))
        assert report["differences"] == []
        done = mart.command("export", str(tmp_path / "files"), "--table", "ledger")
        assert done.code == 0, done
        assert PASSWORD not in done.out + done.err + str(mart.command("report"))


def test_mart_of_other_topics_than_it_was_filled_from_is_refused(
    shop: Scenario, tmp_path: Path
) -> None:
    shop.load(2)
    with mart_of(shop.service, tmp_path / "mart.duckdb") as mart:
        mart.fill()
    with mart_of(
        shop.service, tmp_path / "mart.duckdb", {"GIFTCERT_TOPIC_PREFIX": "elsewhere-"}
    ) as other:
        done = other.command("run", "--until-caught-up")
        assert done.code == 1
        assert "GIFTCERT_TOPIC_PREFIX" in done.err
