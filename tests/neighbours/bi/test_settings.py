"""What the mart is told is checked when it is told, and every wrong word has its line."""

from pathlib import Path

import pytest

from pipelines.faults import SettingsError
from pipelines.neighbours.bi.duckdb_target import DuckDbTarget
from pipelines.neighbours.bi.settings import load_bi_settings
from pipelines.neighbours.bi.target import MartFault
from pipelines.neighbours.bi.targets import target_for


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MART", "mart.duckdb", "it must be an absolute path, or postgresql://"),
        ("MART", "/", "it is a directory; the mart is one file"),
        ("MART", "mysql://host/db", "it must be an absolute path, or postgresql://"),
        ("MART", "postgresql://bi:pass@host/db", "the password belongs in password_file"),
        ("MART", "postgresql://bi:my@pass@host/db", "the password belongs in password_file"),
        ("MART", "postgresql://host/db?password=pass@x", "the password belongs in password_file"),
        ("MART", "postgresql://host/db?a=b&password=pass", "the password belongs in password_file"),
        ("MART_SCHEMA", "Bi; DROP", "it must match pattern"),
        ("TIME_ZONE", "Moscow", "this machine knows no time zone Moscow"),
        ("TIME_ZONE", "../etc/passwd", "this machine knows no time zone"),
        ("BREAKAGE_DAYS", "0", "greater than or equal to 1"),
        ("MORT", "x", "unknown setting GIFTCERT_BI_MORT: did you mean GIFTCERT_BI_MART?"),
    ],
)
def test_load_of_a_wrong_setting_says_which_and_what_is_expected(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"GIFTCERT_BI_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_bi_settings()
    assert said in str(caught.value)
    assert "pass" not in str(caught.value).replace("password", "").replace("etc/passwd", "")


def test_load_of_a_mart_in_postgresql_keeps_its_password_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    secret.write_text("pg-secret\n")
    monkeypatch.setenv("GIFTCERT_BI_MART", "postgresql://bi@db.example:5433/reports")
    monkeypatch.setenv("GIFTCERT_BI_PASSWORD_FILE", str(secret))
    settings = load_bi_settings()
    assert settings.password() == "pg-secret"
    assert "pg-secret" not in repr(settings)
    target = target_for(settings)
    assert target.label == "db.example/reports, schema giftcert_bi"
    assert target.has_keys


def test_target_of_settings_without_a_mart_says_how_to_give_one() -> None:
    with pytest.raises(SettingsError, match="GIFTCERT_BI_MART is not set"):
        target_for(load_bi_settings())


def test_target_of_a_file_needs_its_directory(tmp_path: Path) -> None:
    assert isinstance(
        target_for(load_bi_settings({"mart": str(tmp_path / "mart.duckdb")})), DuckDbTarget
    )
    with pytest.raises(MartFault, match="there is no directory"):
        target_for(load_bi_settings({"mart": str(tmp_path / "missing" / "mart.duckdb")}))
