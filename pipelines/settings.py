"""Every setting of the program: its name, type, default and meaning.

Owns `Settings`, the one source of truth, read from environment variables `GIFTCERT_<NAME>`, and
`load_settings`, which refuses an unknown or wrong one in a line. Must not talk to a broker, read
secret files before they are asked for, or be imported by the domain: a rule takes plain numbers.
"""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from pipelines import kafka_settings
from pipelines.addresses import is_loopback
from pipelines.faults import SettingsError
from pipelines.kafka_settings import KafkaSettings, WebAddress
from pipelines.settings_faults import is_of_others
from pipelines.settings_reading import read_settings
from pipelines.state_directory import outside_sources

ENV_PREFIX: Final = kafka_settings.ENV_PREFIX
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - named to be noticed


def _own_name() -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:100] or "worker"


def _correlator_group(earlier: dict[str, str]) -> str:
    return f"{earlier['topic_prefix']}giftcert-correlator"


def _processor_group(earlier: dict[str, str]) -> str:
    return f"{earlier['topic_prefix']}giftcert-processor"


_ALGORITHM: Final = r"(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA)"
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$", max_length=100)]
"""What may stand in the name of a topic, a group or a transaction."""
RateLimit = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,6}/(second|minute|hour|day)$")]
StateDirectory = Annotated[Path, AfterValidator(outside_sources)]


class Settings(KafkaSettings):
    """All settings, checked; a wrong one cannot be built. Nothing secret shows in its repr."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    # Topics and contracts
    topic_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$", max_length=60)] = (
        Field(
            "",
            description="Put before the name of every topic (also All_*) and of both groups: "
            "several installations on one Kafka keep apart by it.",
        )
    )
    partitions: int = Field(
        6,
        ge=1,
        le=10_000,
        description="Partitions of each topic of ours, changelogs included. Fixed for good when "
        "the topics are made: keys would move away from their state.",
    )
    replication_factor: int = Field(
        1, ge=1, le=32, description="Copies of each partition. Production: 3."
    )
    min_insync_replicas: int = Field(
        1,
        ge=1,
        le=32,
        description="Copies that must have a record before it counts. Production: 2.",
    )
    schema_registry_url: WebAddress | None = Field(
        None,
        description="Confluent-compatible schema registry. Unset: records carry the fingerprint of "
        "their schema (Avro single-object encoding) and no registry is needed.",
    )
    schema_registry_username: str | None = Field(
        None, min_length=1, description="Who we are for the registry, where it asks."
    )
    schema_registry_password_file: Path | None = Field(
        None,
        description="The file whose whole content is that password. A changed one is taken up "
        "without a restart.",
    )
    schema_registry_token_file: Path | None = Field(
        None,
        description="Instead of a password: the file with a bearer token, read for each question.",
    )
    schema_registry_ca_location: Path | None = Field(
        None,
        description="PEM file of the authorities that vouch for the registry.",
        json_schema_extra={"default_text": "those of `SSL_CERT_FILE`, else the public ones"},
    )

    # A worker: who it is, what it keeps, how it commits
    worker_id: Name = Field(
        default_factory=_own_name,
        description="Fixed name of this worker, the same after a restart, different for each "
        "(a StatefulSet's pod name). Fences the worker's own earlier life.",
        json_schema_extra={"default_text": "the host's name"},
    )
    state_dir: StateDirectory | None = Field(
        None,
        description="Absolute directory for the worker's RocksDB, outside the program's own source "
        "tree. A worker does not start without it; what is in it can always be rebuilt.",
    )
    correlator_group: Name = Field(
        default_factory=_correlator_group,
        description="Consumer group of the correlators. Another name starts from empty state.",
        json_schema_extra={"default_text": "`<topic_prefix>giftcert-correlator`"},
    )
    processor_group: Name = Field(
        default_factory=_processor_group,
        description="Consumer group of the processors. Another name starts from empty state.",
        json_schema_extra={"default_text": "`<topic_prefix>giftcert-processor`"},
    )
    processing_guarantee: Literal["exactly-once", "UNSAFE-at-least-once-for-tests"] = Field(
        "exactly-once",
        description="The other value gives up the promise that no number is sold twice: it is "
        "there for tests that measure what the promise costs.",
    )
    transaction_timeout_ms: int = Field(
        10_000,
        ge=1_000,
        le=900_000,
        description="After this long Kafka gives up a dead worker's open transaction; readers "
        "wait behind it until then.",
    )
    session_timeout_ms: int = Field(
        6_000,
        ge=1_000,
        le=1_800_000,
        description="A worker silent for this long loses its partitions to the others. Kafka's "
        "own lower limit is 6000 unless a broker allows less.",
    )
    on_stop: Literal["return", "leave"] = Field(
        "return",
        description="What a worker that is asked to stop does with its partitions. `return`: they "
        "wait for it, for a session at most; for restarts of a few seconds. `leave`: the others "
        "take them at once; where a pod is away for longer.",
    )
    commit_interval_ms: int = Field(
        200,
        ge=1,
        le=60_000,
        description="Longest time between commits while records keep coming. With an empty inbox "
        "a worker commits at once, whatever this says.",
    )
    commit_max_records: int = Field(
        2_000,
        ge=1,
        le=1_000_000,
        description="A commit comes after this many records at the latest.",
    )
    poll_timeout_ms: int = Field(
        100, ge=1, le=10_000, description="How long an idle worker waits for a record at a time."
    )
    timer_interval_ms: int = Field(
        200, ge=10, le=60_000, description="How often a worker looks for deadlines that have come."
    )
    block_cache_bytes: int = Field(
        64 * 1024 * 1024,
        ge=1024 * 1024,
        description="Memory for RocksDB's block cache. Keep it well below the pod's limit.",
    )

    # The HTTP edge
    http_host: str = Field(
        "127.0.0.1", min_length=1, description="Address the edge listens on; an auditor, too."
    )
    http_port: int = Field(
        8080, ge=1, le=65_535, description="Port the edge listens on; an auditor, too."
    )
    advertised_url: WebAddress | None = Field(
        None,
        description="Address under which other workers reach this one's edge. "
        "Needed where the edge listens on every address.",
        json_schema_extra={"default_text": "`http(s)://<http_host>:<http_port>`"},
    )
    auditor_url: WebAddress | None = Field(
        None, description="Where an auditor listens: `giftcert status` asks it about the laws."
    )
    reply_timeout_ms: int = Field(
        5_000, ge=1, le=120_000, description="How long the edge waits for an answer before a 504."
    )

    tls_certificate_location: Path | None = Field(
        None,
        description="PEM file of the edge's certificate and its chain. With it the edge speaks "
        "HTTPS only; a changed file is taken up without a restart.",
    )
    tls_key_location: Path | None = Field(
        None, description="PEM file of that certificate's private key."
    )
    tls_ca_location: Path | None = Field(
        None,
        description="PEM file of the authorities that vouch for other workers' edges and for the "
        "token issuer.",
        json_schema_extra={"default_text": "the system's own"},
    )
    rate_limit: RateLimit = Field(
        "1200/minute",
        description="Calls that one client may make at each worker, like `1200/minute`.",
    )
    rejected_rate_limit: RateLimit = Field(
        "60/minute",
        description="Calls without a valid token that one address may make at each worker.",
    )

    # Who may call: tokens of an OAuth2 issuer
    token_issuer: WebAddress | None = Field(
        None,
        description="The OAuth2 issuer whose tokens are accepted; their `iss` must be this text. "
        "A worker does not start without it. `http://` only where everything is on this machine.",
    )
    token_audience: str = Field(
        "gift-certificates", min_length=1, description="What `aud` of a token must name."
    )
    token_jwks_url: WebAddress | None = Field(
        None,
        description="Where the issuer's public keys are.",
        json_schema_extra={"default_text": "what the issuer's own discovery document says"},
    )
    token_algorithms: Annotated[
        str, StringConstraints(pattern=rf"^{_ALGORITHM}(,{_ALGORITHM})*$")
    ] = Field(
        "RS256,PS256,ES256,EdDSA",
        description="Signature algorithms that are accepted, comma-separated. Never `none` and "
        "never a shared secret.",
    )
    token_leeway_s: int = Field(
        30, ge=0, le=120, description="How far the issuer's clock and ours may be apart."
    )
    clients_file: Path | None = Field(
        None,
        description="Which clients there are and the channel each sells and spends for: JSON "
        '`{"till": {"channel": "POS"}, "support": {"channel": null}}`. A worker does not start '
        "without it.",
    )

    # Rules
    reservation_minutes: int = Field(
        30, ge=1, le=43_200, description="How long a number stays reserved for one checkout."
    )
    hold_minutes: int = Field(
        15, ge=1, le=43_200, description="How long an authorization holds money when not captured."
    )
    half_missing_hours: int = Field(
        24,
        ge=1,
        le=8_760,
        description="How long an order or a payment waits for its other half "
        "before ORDER_MISSING or PAYMENT_MISSING.",
    )
    forget_ordinary_days: int = Field(
        7,
        ge=1,
        le=365,
        description="After this an order that concerns no certificate leaves nothing behind.",
    )
    accept_unmarked_payments: bool = Field(
        True,
        description="Take payments that do not say whether they concern a certificate (version 1) "
        "and find out from the order. Off: only marked ones count.",
    )
    pool_low_mark: int = Field(
        100, ge=0, description="A pool with fewer free numbers than this raises POOL_LOW, once."
    )

    # One-time codes
    cvc_digits: int = Field(6, ge=6, le=8, description="Digits of a CVC.")
    cvc_key_file: Path | None = Field(
        None, description='Secret file with the master keys: JSON `{"key id": "base64", …}`.'
    )
    cvc_keys: SecretStr | None = Field(
        None, description="The same JSON itself, where a secret comes as a variable. Secret."
    )
    cvc_current_key_id: str | None = Field(
        None,
        min_length=1,
        description="The key new certificates get; the others stay for older ones. "
        "May be left out while there is one key.",
    )

    # An auditor
    audit_compare_s: int = Field(
        900,
        ge=1,
        le=86_400,
        description="How often an auditor that was given a token compares the live stores with the "
        "stream.",
    )

    # Traces and logs
    traces_url: WebAddress | None = Field(
        None,
        description="OTLP/HTTP address of a collector that traces go to, like "
        "`http://collector:4318/v1/traces`. Unset: there are none, and they cost nothing.",
    )
    traces_headers_file: Path | None = Field(
        None,
        description="The file of headers for that collector, one `name: value` a line, where it "
        "wants to know who sends. A changed one is taken up without a restart.",
    )
    traces_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="How many of the traces that begin here are kept, from 0 to 1. One that a "
        "caller or a source began is kept as its own flag says.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least important line that is still written."
    )
    log_format: Literal["json", "console"] = Field(
        "console", description="`json` for machines, `console` for people. To standard error."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse settings that are right one by one and wrong together."""
        if self.min_insync_replicas > self.replication_factor:
            raise ValueError("min_insync_replicas must not be above replication_factor")
        if self.correlator_group == self.processor_group:
            raise ValueError("correlator_group and processor_group must differ")
        if self.commit_interval_ms >= self.transaction_timeout_ms:
            raise ValueError("commit_interval_ms must be below transaction_timeout_ms")
        if self.http_host in _EVERY_ADDRESS and self.advertised_url is None:
            raise ValueError(f"advertised_url is needed where http_host is {self.http_host}")
        if self.cvc_keys is not None and self.cvc_key_file is not None:
            raise ValueError("cvc_keys and cvc_key_file are two sources of one thing: unset one")
        if (self.tls_certificate_location is None) != (self.tls_key_location is None):
            raise ValueError("tls_certificate_location and tls_key_location go together")
        return self

    @model_validator(mode="after")
    def _registry_login_fits_together(self) -> Self:
        """Refuse half a login, two of them, and one that strangers could listen to."""
        url, token = self.schema_registry_url, self.schema_registry_token_file
        password = self.schema_registry_password_file
        if (self.schema_registry_username is None) != (password is None):
            raise ValueError(
                "schema_registry_username and schema_registry_password_file go together"
            )
        if password is None and token is None:
            return self
        if password is not None and token is not None:
            raise ValueError("schema_registry_token_file and a password are two logins: unset one")
        if url is None:
            raise ValueError("a login to the schema registry needs schema_registry_url")
        if not url.startswith("https://") and not is_loopback(url):
            raise ValueError("schema_registry_url must be https://: our secret goes there")
        return self

    @model_validator(mode="after")
    def _trusts_no_stranger(self) -> Self:
        """Keys fetched in the clear can be anybody's: only between processes of one machine."""
        for name in ("token_issuer", "token_jwks_url"):
            address = getattr(self, name)
            if address is None or address.startswith("https://"):
                continue
            host = f"[{self.http_host}]" if ":" in self.http_host else self.http_host
            ours = (f"http://{host}", self.advertised_url or f"http://{host}")
            if not all(is_loopback(each) for each in (address, *ours)):
                raise ValueError(
                    f"{name} must be https:// (http:// is for a development issuer, where it, "
                    "http_host and advertised_url are all loopback)"
                )
        return self

    def edge_url(self) -> str:
        """Address under which this worker's edge is reached, without a closing slash."""
        if self.advertised_url is not None:
            return self.advertised_url
        host = f"[{self.http_host}]" if ":" in self.http_host else self.http_host
        scheme = "http" if self.tls_certificate_location is None else "https"
        return f"{scheme}://{host}:{self.http_port}"

    def token_algorithm_list(self) -> list[str]:
        """The accepted signature algorithms, one by one."""
        return self.token_algorithms.split(",")

    def required_state_dir(self) -> Path:
        """The state directory, or a SettingsError: no worker may fall back to one by chance."""
        if self.state_dir is None:
            raise SettingsError(
                f"{ENV_PREFIX}STATE_DIR is not set: give an absolute directory for the state"
            )
        return self.state_dir

    def quix_guarantee(self) -> Literal["exactly-once", "at-least-once"]:
        """The guarantee in the stream library's words."""
        return "exactly-once" if self.processing_guarantee == "exactly-once" else "at-least-once"


def load_settings_of(environment: Mapping[str, str]) -> Settings:
    """Settings as a process has them that is started with such an environment."""
    return load_settings(
        {
            name.removeprefix(ENV_PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(ENV_PREFIX) and not is_of_others(name.removeprefix(ENV_PREFIX))
        }
    )


def load_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """Settings from the environment, and over them `overrides` (None there: not given).

    SettingsError, in one line, for every unknown `GIFTCERT_*` variable and every wrong value.
    """
    return read_settings(Settings, ENV_PREFIX, overrides)
