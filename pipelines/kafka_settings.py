"""The settings that say where Kafka is and how this process gets in.

Owns `KafkaSettings`, the part of `Settings` about the connection, and its translation into the
Kafka client's words. Reads secret files only when the translation is asked for, each time anew.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings

from pipelines.addresses import broker_list, is_loopback, web_address
from pipelines.faults import SettingsError
from pipelines.secret_files import read_secret

ENV_PREFIX: Final = "GIFTCERT_"

BrokerList = Annotated[str, AfterValidator(broker_list)]
WebAddress = Annotated[str, AfterValidator(web_address)]

_OAUTH: Final = "OAUTHBEARER"
_STREAM_LIBRARY_LACKS: Final = frozenset({"https.ca.location"})
"""Options of the client that the stream library's own list of connection options does not have."""


class KafkaSettings(BaseSettings):
    """Where Kafka is and how to get in: one of no login, TLS with a certificate, SASL."""

    bootstrap: BrokerList = Field(
        "127.0.0.1:9092", description="The Kafka brokers to ask first: `HOST:PORT,HOST:PORT`."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How a connection to Kafka is protected."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = (
        Field(None, description="How we log in to Kafka. Needed with the two SASL protocols.")
    )
    sasl_username: str | None = Field(
        None, description="Who we are for Kafka. Not with OAUTHBEARER: there the token says it."
    )
    sasl_password_file: Path | None = Field(
        None,
        description="The file whose whole content is the Kafka password. A changed one is taken up "
        "without a restart.",
    )
    sasl_token_url: WebAddress | None = Field(
        None,
        description="OAUTHBEARER: the token endpoint of the OAuth2 issuer that Kafka trusts. "
        "`http://` only on this machine.",
    )
    sasl_client_id: str | None = Field(
        None, min_length=1, description="OAUTHBEARER: as which client tokens are asked for."
    )
    sasl_client_secret_file: Path | None = Field(
        None, description="OAUTHBEARER: the file whose whole content is that client's secret."
    )
    sasl_scope: str | None = Field(
        None, min_length=1, description="OAUTHBEARER: the scope to ask for, where one is needed."
    )
    sasl_ca_location: Path | None = Field(
        None,
        description="OAUTHBEARER: PEM file of the authorities that vouch for that issuer.",
        json_schema_extra={"default_text": "the system's own"},
    )
    ssl_ca_location: Path | None = Field(
        None, description="PEM file of the authorities we trust to vouch for a broker."
    )
    ssl_certificate_location: Path | None = Field(
        None, description="PEM file of our client certificate, where Kafka wants one."
    )
    ssl_key_location: Path | None = Field(
        None, description="PEM file of that certificate's private key."
    )

    acl_principals_file: Path | None = Field(
        None,
        description="Which Kafka principals each of ours is, for `giftcert acls`: JSON "
        '`{"processor": ["User:CN=processor"], "till": []}`.',
        json_schema_extra={"default_text": "`User:` and the principal's name"},
    )

    @model_validator(mode="after")
    def _login_fits_together(self) -> Self:
        """Refuse half a login, and one that the protocol or the mechanism has no use for."""
        password = (self.sasl_username, self.sasl_password_file)
        needed = (self.sasl_token_url, self.sasl_client_id, self.sasl_client_secret_file)
        oauth = (*needed, self.sasl_scope, self.sasl_ca_location)
        if not self.security_protocol.startswith("SASL"):
            if {self.sasl_mechanism, *password, *oauth} != {None}:
                raise ValueError("sasl_* need security_protocol SASL_SSL or SASL_PLAINTEXT")
        elif self.sasl_mechanism == _OAUTH:
            if None in needed:
                raise ValueError(
                    f"sasl_mechanism {_OAUTH} needs sasl_token_url, sasl_client_id and "
                    "sasl_client_secret_file"
                )
            if set(password) != {None}:
                raise ValueError(f"sasl_mechanism {_OAUTH} has no user name and no password")
        elif self.sasl_mechanism is None or None in password:
            raise ValueError(
                f"security_protocol {self.security_protocol} needs sasl_mechanism, "
                "sasl_username and sasl_password_file"
            )
        elif set(oauth) != {None}:
            raise ValueError(
                "sasl_token_url, sasl_client_*, sasl_scope and sasl_ca_location need "
                f"sasl_mechanism {_OAUTH}"
            )
        if (self.ssl_certificate_location is None) != (self.ssl_key_location is None):
            raise ValueError("ssl_certificate_location and ssl_key_location go together")
        return self

    @model_validator(mode="after")
    def _tells_no_stranger_its_secret(self) -> Self:
        url = self.sasl_token_url
        if url is not None and not url.startswith("https://") and not is_loopback(url):
            raise ValueError("sasl_token_url must be https://: our secret goes there")
        return self

    def logs_in(self) -> bool:
        """Whether Kafka knows who we are, so that there are rights to speak of."""
        return self.security_protocol != "PLAINTEXT"

    def kafka_config(self) -> dict[str, str]:
        """How to reach Kafka, in librdkafka's words. Holds the secrets: never log it.

        SettingsError when a file it names cannot be read.
        """
        config: dict[str, str] = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security_protocol,
        }
        for option, name in (
            ("sasl.mechanism", "sasl_mechanism"),
            ("sasl.username", "sasl_username"),
            ("ssl.ca.location", "ssl_ca_location"),
            ("ssl.certificate.location", "ssl_certificate_location"),
            ("ssl.key.location", "ssl_key_location"),
            ("sasl.oauthbearer.token.endpoint.url", "sasl_token_url"),
            ("sasl.oauthbearer.client.id", "sasl_client_id"),
            ("sasl.oauthbearer.scope", "sasl_scope"),
            ("https.ca.location", "sasl_ca_location"),
        ):
            value: str | Path | None = getattr(self, name)
            if isinstance(value, Path) and not value.is_file():
                raise SettingsError(f"{ENV_PREFIX}{name.upper()}: there is no file {value}")
            if value is not None:
                config[option] = str(value)
        if self.sasl_password_file is not None:
            config["sasl.password"] = self.sasl_password()
        if self.sasl_client_secret_file is not None:
            config["sasl.oauthbearer.method"] = "oidc"
            config["sasl.oauthbearer.client.secret"] = read_secret(
                self.sasl_client_secret_file, f"{ENV_PREFIX}SASL_CLIENT_SECRET_FILE"
            )
        return config

    def sasl_password(self) -> str:
        """The password as its file has it now. SettingsError when that cannot be read."""
        assert self.sasl_password_file is not None, "only a login by password has one"
        return read_secret(self.sasl_password_file, f"{ENV_PREFIX}SASL_PASSWORD_FILE")

    def stream_library_config(self) -> dict[str, str]:
        """The same, as far as the stream library's own list of connection options goes."""
        return {
            name: value
            for name, value in self.kafka_config().items()
            if name not in _STREAM_LIBRARY_LACKS
        }

    def beside_stream_library(self) -> dict[str, str]:
        """The rest, for the options of its clients."""
        config = self.kafka_config()
        return {name: config[name] for name in _STREAM_LIBRARY_LACKS & config.keys()}
