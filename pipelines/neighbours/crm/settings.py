"""What the CRM is told: whom it asks for codes and addresses, and how its messages go out.

Owns `CrmSettings`, read from `GIFTCERT_CRM_<NAME>`. How Kafka is reached, where state and figures
are stays in the service's own settings. Must not open anything but a secret's file when asked to.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.addresses import is_loopback
from pipelines.kafka_settings import WebAddress
from pipelines.neighbours.crm.filled_text import filled_text, header_templates
from pipelines.secret_files import read_secret
from pipelines.settings import Name, Settings
from pipelines.settings_reading import read_settings

ENV_PREFIX: Final = "GIFTCERT_CRM_"
_TOKEN: Final = "{token}"  # noqa: S105 - the place of an address token in a web address
_HEADERS: Final = (
    '{"Authorization": "Bearer {{ secret }}", "Content-Type": "application/json", '
    '"Idempotency-Key": "{{ id }}"}'
)
_BODY: Final = '{"id": {{ id | tojson }}, "to": {{ to | tojson }}, "text": {{ text | tojson }}}'


def _gateway_address(value: str) -> str:
    """A web address, perhaps with parts to be filled in behind its host."""
    parts = urlsplit(value)
    host = parts.netloc
    if parts.scheme not in {"http", "https"} or not host or "{" in host or "@" in host:
        raise ValueError("it must be an address like https://host/path")
    filled_text(value)
    return value


def _directory_address(value: str) -> str:
    if _TOKEN not in value:
        raise ValueError(f"it must have {_TOKEN} where the order's token goes")
    return _gateway_address(value)


def _unseen(check: Callable[[str], object]) -> Callable[[SecretStr], SecretStr]:
    """The same check of a text that nobody is shown: a key may stand in it."""

    def checked(value: SecretStr) -> SecretStr:
        check(value.get_secret_value())
        return value

    return checked


def _pem_or_none(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("there is no such file")
    return value


GatewayAddress = Annotated[SecretStr, AfterValidator(_unseen(_gateway_address))]
Template = Annotated[SecretStr, AfterValidator(_unseen(filled_text))]
HeaderTemplates = Annotated[SecretStr, AfterValidator(_unseen(header_templates))]
Statuses = Annotated[str, StringConstraints(pattern=r"^[1-5]\d\d(,[1-5]\d\d)*$")]


class CrmSettings(BaseSettings):
    """All settings of the CRM, checked. Nothing secret shows in its repr."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    # The service
    service_url: WebAddress = Field(
        "http://127.0.0.1:8080", description="The edge of any processor, or the balancer's."
    )
    token_url: WebAddress | None = Field(
        None,
        description="Where the OAuth2 issuer gives tokens (client credentials). Needed unless "
        "`GIFTCERT_TOKEN_FILE` or `GIFTCERT_TOKEN` gives the token itself.",
    )
    client_id: Name = Field("crm", description="The CRM's client at the issuer, scope `cvc:read`.")
    client_secret_file: Path | None = Field(
        None, description="Secret file: the client's secret at the issuer."
    )
    group: Name | None = Field(
        None,
        description="Consumer group. Another name reads the stream from its start, and delivers "
        "what is still open on it.",
        json_schema_extra={"default_text": "`<topic_prefix>giftcert-crm`"},
    )
    promise_s: int = Field(
        300,
        ge=1,
        le=86_400,
        description="How long after the request a message may still go out. Then it has failed.",
    )

    # Messages
    language: Literal["ru", "en"] = Field(
        "ru", description="Language of customers whose address does not come with one."
    )
    templates_dir: Path | None = Field(
        None,
        description="Directory with texts of your own: `sms.ru.txt`, `sms.en.txt`, `email.ru.txt`, "
        "`email.en.txt`. What is not there is ours.",
        json_schema_extra={"default_text": "ours"},
    )
    default_channel: Literal["SMS", "EMAIL"] = Field(
        "SMS", description="How to reach the buyer where the order does not say."
    )

    # Addresses
    address_file: Path | None = Field(
        None,
        description="Secret file of the directory: lines `token=address` or "
        "`token=address language`. A changed file is read again.",
    )
    address_url: Annotated[str, AfterValidator(_directory_address)] | None = Field(
        None,
        description="The same as a call: a `GET` there answers "
        '`{"address": "…", "language": "ru"}` or 404.',
    )
    address_secret_file: Path | None = Field(
        None, description="Secret file: the bearer token that the directory asks for."
    )

    # SMS
    sms_url: GatewayAddress | None = Field(
        None, description="Where the SMS gateway takes a message. Unset: no SMS goes out."
    )
    sms_method: Literal["POST", "PUT", "GET"] = Field("POST", description="How.")
    sms_headers: HeaderTemplates = Field(
        SecretStr(_HEADERS),
        description="Headers as a JSON object, filled in like the body.",
        json_schema_extra={"default_text": f"`{_HEADERS}`"},
    )
    sms_body: Template = Field(
        SecretStr(_BODY),
        description="Body as a Jinja2 template of `id`, `to`, `text` and `secret`. The address may "
        "have the same.",
        json_schema_extra={"default_text": f"`{_BODY}`"},
    )
    sms_secret_file: Path | None = Field(
        None, description="Secret file: what `secret` in those templates is."
    )
    sms_success_statuses: Statuses = Field(
        "200,201,202,204", description="Which HTTP statuses mean that the message was taken."
    )
    sms_success_field: Name | None = Field(
        None, description="Where 200 alone says nothing: the field of the JSON answer to look at."
    )
    sms_success_value: str = Field(
        "OK", description="What that field says when the message was taken."
    )
    sms_deduplicates: bool = Field(
        False,
        description="Set `true` where the gateway promises to deliver a message once, however "
        "often it comes under one `id`. Then one that it may have taken is sent again.",
    )

    # E-mail
    smtp_host: str | None = Field(
        None, min_length=1, description="The mail server. Unset: no e-mail goes out."
    )
    smtp_port: int = Field(587, ge=1, le=65_535, description="Its port.")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="How the way there is protected; `none` only to a server on this machine.",
    )
    smtp_user: str | None = Field(None, min_length=1, description="User, where it asks for one.")
    smtp_password_file: Path | None = Field(None, description="Secret file: that user's password.")
    smtp_from: str | None = Field(
        None, min_length=3, description="Sender, like `Gift certificates <gifts@shop.example>`."
    )
    smtp_deduplicates: bool = Field(
        False, description="The mail system drops a second message of one `Message-ID`."
    )

    # Sending
    ca_location: Annotated[Path, AfterValidator(_pem_or_none)] | None = Field(
        None,
        description="PEM file of the authorities that vouch for gateways and directory.",
        json_schema_extra={"default_text": "the system's own"},
    )
    send_timeout_s: float = Field(
        10.0, gt=0, le=60, description="How long one attempt to send may take."
    )
    parallel_sends: int = Field(
        16, ge=1, le=256, description="Attempts at a time, for SMS and e-mail each."
    )
    retry_first_s: float = Field(
        0.5, gt=0, le=60, description="Pause before the second attempt; each is twice as long."
    )
    retry_longest_s: float = Field(15.0, gt=0, le=300, description="The longest pause.")
    when_unsure: Literal["give-up", "send-again"] = Field(
        "give-up",
        description="When a gateway that does not deduplicate may have taken a message: report it "
        "as failed, or send it again and perhaps twice.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse settings that are right one by one and wrong together."""
        if (self.smtp_user is None) != (self.smtp_password_file is None):
            raise ValueError("smtp_user and smtp_password_file go together")
        if self.smtp_host is not None and self.smtp_from is None:
            raise ValueError("smtp_host needs smtp_from")
        if (self.token_url is None) != (self.client_secret_file is None):
            raise ValueError("token_url and client_secret_file go together")
        if self.address_file is not None and self.address_url is not None:
            raise ValueError("address_file and address_url are two sources of one thing: unset one")
        return self

    @model_validator(mode="after")
    def _tells_no_stranger(self) -> Self:
        """A code, an address or a secret that goes out in the clear can be anybody's."""
        for name in ("sms_url", "address_url", "token_url"):
            told = getattr(self, name)
            address = told.get_secret_value() if isinstance(told, SecretStr) else told
            if address is not None and not _is_private(address):
                raise ValueError(f"{name} must be https:// (http:// only on this machine)")
        if self.smtp_host is not None and self.smtp_tls == "none":
            host = f"[{self.smtp_host}]" if ":" in self.smtp_host else self.smtp_host
            if not is_loopback(f"smtp://{host}"):
                raise ValueError("smtp_tls must be starttls or tls (none only on this machine)")
        return self

    def group_of(self, settings: Settings) -> str:
        """The consumer group."""
        return self.group or f"{settings.topic_prefix}giftcert-crm"

    def secret(self, name: str) -> str | None:
        """What the file of a setting holds now; None where the setting is not set."""
        path = getattr(self, name)
        return None if path is None else read_secret(path, f"{ENV_PREFIX}{name.upper()}")


def _is_private(address: str) -> bool:
    return address.startswith("https://") or is_loopback(address)


def load_crm_settings() -> CrmSettings:
    """The CRM's settings from the environment. SettingsError, in one line, for all wrong ones."""
    return read_settings(CrmSettings, ENV_PREFIX)
