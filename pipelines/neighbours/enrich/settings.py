"""What the enrichment is told: which topics, how long it waits and keeps, how its group is called.

Owns `EnrichSettings`, read from `GIFTCERT_ENRICH_<NAME>`. How Kafka is reached, how often is
committed and where the state lies stay in the service's own settings. Must not open anything.
"""

from typing import Annotated, Final

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.neighbours.enrich.join import Waits
from pipelines.settings import Name
from pipelines.settings_reading import read_settings
from pipelines.topics import ALL_PAYMENTS, ALL_SALES_ORDER

ENV_PREFIX: Final = "GIFTCERT_ENRICH_"
_MINUTE_MS: Final = 60 * 1000
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
_PREFIXED: Final = "`<topic_prefix>{}`"

TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$", max_length=200)]


class EnrichSettings(BaseSettings):
    """All settings of the enrichment, checked."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    orders_topic: TopicName | None = Field(
        None,
        description="Where the orders are.",
        json_schema_extra={"default_text": _PREFIXED.format(ALL_SALES_ORDER.name)},
    )
    payments_topic: TopicName | None = Field(
        None,
        description="Where the payments are that cannot say what they mean.",
        json_schema_extra={"default_text": _PREFIXED.format(ALL_PAYMENTS.name)},
    )
    output_topic: TopicName | None = Field(
        None,
        description="Where the payments go that say it. Where `payments_topic` is a topic of its "
        "own, this may be the one that the service reads.",
        json_schema_extra={"default_text": _PREFIXED.format(f"{ALL_PAYMENTS.name}.Enriched")},
    )
    group: Name | None = Field(
        None,
        description="Consumer group and transaction. A name that is new begins from the first "
        "record. Each output topic needs its own.",
        json_schema_extra={"default_text": "`<output_topic>.giftcert-enrich`"},
    )
    wait_minutes: int = Field(
        1_440,
        ge=0,
        le=525_600,
        description="How long a payment waits for its order. Then it is told without it, and told "
        "again should the order come within `forget_days`.",
    )
    forget_days: int = Field(
        7,
        ge=1,
        le=3_650,
        description="How long an order without certificates, and a payment that was told without "
        "its order, is kept.",
    )
    keep_days: int = Field(
        1_100,
        ge=1,
        le=36_500,
        description="How long an order with certificates is kept: refunds come months later.",
    )
    tick_s: int = Field(
        30,
        ge=1,
        le=3_600,
        description="How often waiting payments are looked at while nothing else comes.",
    )

    http_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="Where it shows `/metrics`, `/healthz` and `/readyz`, at GIFTCERT_HTTP_HOST. "
        "Unset: nowhere.",
    )

    def waits(self) -> Waits:
        """The delays in milliseconds."""
        return Waits(
            wait_ms=self.wait_minutes * _MINUTE_MS,
            forget_ms=self.forget_days * _DAY_MS,
            keep_ms=self.keep_days * _DAY_MS,
        )


def load_enrich_settings() -> EnrichSettings:
    """The settings from the environment. SettingsError, in one line, for all that is wrong."""
    return read_settings(EnrichSettings, ENV_PREFIX)
