"""What the shop is told: where it listens, whom it asks, what it sells in.

Owns `ShopSettings`, read from `GIFTCERT_SHOP_<NAME>`. How Kafka is reached stays in the service's
own settings. Must not open anything.
"""

import json
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.addresses import is_loopback
from pipelines.contracts.amounts import exponent, text_to_minor
from pipelines.faults import SettingsError
from pipelines.kafka_settings import WebAddress
from pipelines.secret_files import read_secret
from pipelines.settings import Name
from pipelines.settings_reading import read_settings

ENV_PREFIX: Final = "GIFTCERT_SHOP_"


def _currency(value: str) -> str:
    exponent(value)
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("it must be a time zone that this machine knows") from None
    return value


class ShopSettings(BaseSettings):
    """All settings of the shop, checked."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", min_length=1, description="Address the shop listens on.")
    port: int = Field(8090, ge=1, le=65_535, description="Port the shop listens on.")
    public_url: WebAddress | None = Field(
        None,
        description="Address under which browsers reach the shop. Others are turned away. Needed "
        "where it is reached from another machine.",
        json_schema_extra={"default_text": "`http://<host>:<port>`"},
    )

    staff_pages: bool | None = Field(
        None,
        description="Whether there are the till, the stream and the report beside the store. They "
        "ask nobody who they are: away from loopback addresses say `true` only where a log-in of "
        "yours stands before them.",
        json_schema_extra={"default_text": "on loopback addresses only"},
    )

    edge_url: WebAddress = Field(
        "http://127.0.0.1:8080", description="The edge of any processor, or the balancer's."
    )
    token_url: WebAddress | None = Field(
        None, description="Where the OAuth2 issuer gives tokens. The shop does not start without."
    )
    client_secrets_file: Path | None = Field(
        None,
        description='Secret file with the secrets of the clients: JSON `{"store": "…", '
        '"till": "…"}`. The shop does not start without.',
    )
    store_client_id: Name = Field("store", description="The store's client at the issuer.")
    till_client_id: Name = Field("till", description="The till's client at the issuer.")
    patience_s: float = Field(
        12.0,
        gt=0,
        le=60,
        description="How long a call is repeated before a person is asked to press again.",
    )

    shop_id: Name = Field("shop-1", description="`storeId` of the till's orders.")
    currency: Annotated[str, AfterValidator(_currency)] = Field(
        "RUB", description="ISO 4217 code of all prices."
    )
    nominals: Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,8}(,[1-9]\d{0,8}){0,5}$")] = (
        Field("1000,3000,5000", description="Amounts offered for a certificate, in whole units.")
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = Field(
        None,
        description="Time zone of receipts, like `Europe/Moscow`.",
        json_schema_extra={"default_text": "the machine's own"},
    )
    language: Literal["ru", "en"] = Field(
        "ru", description="Language of whoever's browser asks for neither Russian nor English."
    )
    orders_kept: int = Field(
        10_000, ge=10, le=1_000_000, description="How many of the last orders are remembered."
    )

    gateway_secret_file: Path | None = Field(
        None,
        description="Secret file with the word that the CRM shows to the development SMS gateway. "
        "With it there are the gateway and the phone page, on loopback addresses only: everybody "
        "who sees that page sees the codes.",
    )
    bi_page: Path | None = Field(
        None, description="Directory with the page of `giftcert bi report`, shown at `/bi/`."
    )

    @model_validator(mode="after")
    def _shows_codes_to_nobody(self) -> Self:
        """A phone page on a network would hand everybody's codes to everybody."""
        if self.gateway_secret_file is not None and not self._is_at_home():
            raise ValueError(
                "gateway_secret_file is for development: host and public_url must be loopback"
            )
        return self

    def _is_at_home(self) -> bool:
        listening = f"http://[{self.host}]" if ":" in self.host else f"http://{self.host}"
        return is_loopback(listening) and is_loopback(self.url())

    def shows_staff_pages(self) -> bool:
        """Whether whoever reaches the shop may have the till, and see everybody's business."""
        return self._is_at_home() if self.staff_pages is None else self.staff_pages

    def url(self) -> str:
        """Address under which browsers reach the shop, without a closing slash."""
        if self.public_url is not None:
            return self.public_url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def host_names(self) -> list[str]:
        """The names under which the shop answers: any other is somebody's trick with DNS."""
        own = urlsplit(self.url()).hostname or ""
        return [own, "127.0.0.1", "::1", "localhost"] if is_loopback(self.url()) else [own]

    def nominals_minor(self) -> list[int]:
        """The amounts offered for a certificate, in minor units."""
        return [text_to_minor(text, self.currency) for text in self.nominals.split(",")]

    def zone(self) -> ZoneInfo | None:
        """The zone of receipts; None: the machine's own."""
        return None if self.time_zone is None else ZoneInfo(self.time_zone)

    def required_token_url(self) -> str:
        """Where tokens come from, or a SettingsError."""
        if self.token_url is None:
            raise SettingsError(
                f"{ENV_PREFIX}TOKEN_URL is not set: give the issuer's token endpoint"
            )
        return self.token_url

    def client_secret(self, client_id: str) -> str:
        """The secret of a client, as the file has it now. SettingsError when it has none."""
        name = f"{ENV_PREFIX}CLIENT_SECRETS_FILE"
        if self.client_secrets_file is None:
            raise SettingsError(f"{name} is not set: give the file with the clients' secrets")
        try:
            kept = json.loads(read_secret(self.client_secrets_file, name))
        except ValueError:
            # Not chained: that exception carries the text.
            raise SettingsError(f"{name}: {self.client_secrets_file} is not JSON") from None
        secret = kept.get(client_id) if isinstance(kept, dict) else None
        if not isinstance(secret, str) or not secret:
            raise SettingsError(f"{name}: {self.client_secrets_file} has no secret of {client_id}")
        return secret

    def gateway_secret(self) -> str | None:
        """The word that the CRM must show; None: there is no gateway here."""
        if self.gateway_secret_file is None:
            return None
        return read_secret(self.gateway_secret_file, f"{ENV_PREFIX}GATEWAY_SECRET_FILE")


def load_shop_settings() -> ShopSettings:
    """The shop's settings from the environment. SettingsError, in one line, for all that is wrong.

    Called before the service's own settings are, which refuse what they do not know.
    """
    return read_settings(ShopSettings, ENV_PREFIX)
