"""What the mart is told: where it is kept, when its days end, how it is filled and shown.

Owns `BiSettings`, read from `GIFTCERT_BI_<NAME>`. How Kafka is reached stays in the service's own
settings. Opens nothing but a secret's file, when it is asked to.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.faults import SettingsError
from pipelines.neighbours.bi.calendar import Calendar
from pipelines.secret_files import read_secret
from pipelines.settings_reading import read_settings

ENV_PREFIX: Final = "GIFTCERT_BI_"
_POSTGRESQL: Final = ("postgresql://", "postgres://")


def _mart_place(value: str) -> str:
    if value.startswith(_POSTGRESQL):
        parts = urlsplit(value)
        if parts.password is not None or "password" in parse_qs(parts.query):
            raise ValueError("the password belongs in password_file, not in the address")
        return value
    path = Path(value)
    if "://" in value or not path.is_absolute():
        raise ValueError("it must be an absolute path, or postgresql://user@host/database")
    if path.is_dir():
        raise ValueError("it is a directory; the mart is one file")
    return value


def _known_zone(value: str) -> str:
    try:
        Calendar(value)
    except SettingsError as error:
        raise ValueError(str(error)) from None
    return value


class BiSettings(BaseSettings):
    """All settings of the mart, checked. Nothing in it is secret: the password is in a file."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    mart: Annotated[str, AfterValidator(_mart_place)] | None = Field(
        None,
        description="Where the mart is kept: the absolute path of a DuckDB file, which is made "
        "where there is none, or `postgresql://user@host/database`.",
    )
    mart_schema: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = Field(
        "giftcert_bi",
        description="In PostgreSQL: the schema of the mart, its own. It is made where there is "
        "none.",
    )
    password_file: Path | None = Field(
        None, description="Secret file: the password in PostgreSQL, where it asks for one."
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC",
        description="The time zone at whose midnight a day of the reports ends, like "
        "`Europe/Moscow`. Fixed when the mart is made.",
    )
    breakage_days: int = Field(
        180,
        ge=1,
        le=36_500,
        description="A certificate with a balance on which no money moved for so many days is "
        "listed as one that may never be spent.",
    )
    settle_minutes: int = Field(
        15,
        ge=0,
        le=10_080,
        description="A difference between stream, orders and payments whose latest record is "
        "younger than this is shown as still under way.",
    )
    batch_records: int = Field(
        20_000, ge=1, le=1_000_000, description="The most records of one transaction."
    )
    batch_ms: int = Field(
        500,
        ge=1,
        le=60_000,
        description="How long records are gathered for one transaction.",
    )
    page_dir: Path | None = Field(
        None,
        description="Directory in which `giftcert bi run` keeps the page `index.html` up to date. "
        "Unset: it writes none.",
    )
    page_s: int = Field(
        15, ge=1, le=86_400, description="How often it writes that page, where something changed."
    )
    http_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="Where `giftcert bi run` shows `/metrics`, `/healthz` and `/readyz`, at "
        "GIFTCERT_HTTP_HOST. Unset: nowhere.",
    )
    wait_s: int = Field(
        30,
        ge=0,
        le=3_600,
        description="How long a command waits for a mart that another program has open.",
    )

    def required_mart(self) -> str:
        """Where the mart is, or a SettingsError."""
        if self.mart is None:
            raise SettingsError(
                f"{ENV_PREFIX}MART is not set: give the absolute path of the mart's file, or "
                "postgresql://user@host/database"
            )
        return self.mart

    def password(self) -> str | None:
        """What the password's file holds now; None where there is none."""
        if self.password_file is None:
            return None
        return read_secret(self.password_file, f"{ENV_PREFIX}PASSWORD_FILE")


def load_bi_settings(overrides: Mapping[str, object] | None = None) -> BiSettings:
    """The settings from the environment, and over them `overrides` (None there: not given).

    SettingsError, in one line, for every unknown `GIFTCERT_BI_*` variable and every wrong value.
    """
    return read_settings(BiSettings, ENV_PREFIX, overrides)
