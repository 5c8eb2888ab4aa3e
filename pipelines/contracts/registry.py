"""A Confluent-compatible schema registry, asked over HTTP.

Owns the few questions we ask of it and what its silence and its noes mean. Must not decide what to
register (`registration` does) nor read records (`framing` does). "It is not there" is an answer
(None); everything else that goes wrong is an OperatorError in one line.
"""

import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self, TypeVar

import httpx
import stamina

from pipelines.contracts.registry_login import login_of
from pipelines.contracts.schemas import Schema
from pipelines.faults import OperatorError, SettingsError
from pipelines.settings import ENV_PREFIX, Settings

FULL_TRANSITIVE: Final = "FULL_TRANSITIVE"
"""Every version reads every other: what our subjects are set to."""

_TIMEOUT_S: Final = 10.0
_RETRYABLE: Final = frozenset({408, 429, 500, 502, 503, 504})
_NOT_LET_IN: Final = frozenset({401, 403})
_ABSENT: Final = range(40400, 40500)
"""The registry's own "no such thing"; a bare 404 rather means that no registry is there."""

Answer = TypeVar("Answer")


class RegistryFault(OperatorError):
    """The schema registry, or what is in it, is not as the flow needs it."""

    exit_code: ClassVar[int] = 5


class RegistryUnreachable(RegistryFault):
    """No registry answered, or not in time."""


class RegistryRefused(RegistryFault):
    """The registry answered, and what it said is no."""


class SchemaMissing(RegistryFault):
    """A schema that is to be written by is not registered."""


class SchemaIncompatible(RegistryFault):
    """What is registered and what we would register cannot read one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSchema:
    """One version of a subject as the registry holds it; `text` is None when it is not Avro."""

    version: int
    schema_id: int
    text: str | None


class Registry:
    """The registry under one address. Closes its connections when used as a context."""

    def __init__(self, url: str, client: Any, attempts: int = 1) -> None:
        self._url = url
        self._client = client
        self._attempts = attempts

    @classmethod
    def of(cls, settings: Settings, *, attempts: int = 1, timeout_s: float | None = None) -> Self:
        """The registry that settings name, with their login. SettingsError when a file is wrong."""
        assert settings.schema_registry_url is not None, "asked for only where there is one"
        return cls.at(
            settings.schema_registry_url,
            attempts=attempts,
            timeout_s=timeout_s,
            login=login_of(settings),
            ca=settings.schema_registry_ca_location,
        )

    @classmethod
    def at(
        cls,
        url: str,
        *,
        attempts: int = 1,
        timeout_s: float | None = None,
        login: httpx.Auth | None = None,
        ca: Path | None = None,
    ) -> Self:
        """The registry under `url`; a silent one is asked `attempts` times before it is a fault."""
        # A library that the client brings along warns of its own imports: the operator can do
        # nothing about it, and on standard error it would be taken for trouble.
        with warnings.catch_warnings(record=True):
            from confluent_kafka.schema_registry import SchemaRegistryClient

        answer_s = timeout_s or _TIMEOUT_S
        # Where packets are dropped, it is the connection that is not made: most of the time that
        # an answer may take need not be waited for.
        timeout = httpx.Timeout(answer_s, connect=answer_s / 3)
        options: dict[str, Any] = {"url": url, "timeout": timeout, "max.retries": 0}
        if ca is not None:
            options["ssl.ca.location"] = str(ca)
        try:
            client = SchemaRegistryClient(options)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"{ENV_PREFIX}SCHEMA_REGISTRY_CA_LOCATION: {ca} is no PEM file of authorities"
            ) from error
        if login is not None:
            # The client's own logins are read once, at its start; a secret changes.
            client._rest_client.session.auth = login
        return cls(url, client, attempts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connections."""
        self._client.__exit__(None, None, None)

    def id_of(self, subject: str, schema: Schema) -> int:
        """The id to write by. SchemaMissing when it is not registered under the subject."""
        schema_id = self.find(subject, schema)
        if schema_id is None:
            raise SchemaMissing(
                f"{schema.record.value} version {schema.version} is not registered under {subject} "
                f"at {self._url}: run `giftcert schemas apply`"
            )
        return schema_id

    def find(self, subject: str, schema: Schema) -> int | None:
        """The id of this very schema under the subject."""
        held = self._ask(lambda: self._client.lookup_schema(subject, _confluent(schema.text)))
        return None if held is None else int(held.schema_id)

    def schema_text(self, schema_id: int) -> str | None:
        """The JSON of an Avro schema; None when the id is unknown or names no Avro schema."""
        schema = self._ask(lambda: self._client.get_schema(schema_id))
        return None if schema is None else _avro_text(schema)

    def held(self, subject: str) -> tuple[HeldSchema, ...]:
        """Every version of a subject, oldest first; none when the subject is not there."""
        versions = self._ask(lambda: self._client.get_versions(subject)) or []
        return tuple(self._held_version(subject, version) for version in sorted(versions))

    def _held_version(self, subject: str, version: int) -> HeldSchema:
        answer = self._ask(lambda: self._client.get_version(subject, version))
        held = self._must_be_there(answer, f"version {version} of {subject}")
        return HeldSchema(
            version=held.version, schema_id=held.schema_id, text=_avro_text(held.schema)
        )

    def compatibility(self, subject: str) -> str | None:
        """The subject's own compatibility level; None when it has none of its own."""
        level = self._ask(lambda: self._client.get_compatibility(subject))
        return None if level is None else str(level)

    def set_full_transitive(self, subject: str) -> None:
        """Have the registry itself refuse, from now on, what would break a reader."""
        answer = self._ask(lambda: self._client.set_compatibility(subject, FULL_TRANSITIVE))
        self._must_be_there(answer, subject)

    def register(self, subject: str, schema: Schema) -> int:
        """Register a schema and give its id. SchemaIncompatible when the registry refuses it."""
        answer = self._ask(lambda: self._client.register_schema(subject, _confluent(schema.text)))
        return int(self._must_be_there(answer, subject))

    def _must_be_there(self, answer: Answer | None, subject: str) -> Answer:
        if answer is None:
            raise RegistryRefused(f"the schema registry at {self._url} says nothing of {subject}")
        return answer

    def _ask(self, question: Callable[[], Answer]) -> Answer | None:
        """Ask, again if there is patience for it; None when the thing asked for is not there."""
        for attempt in stamina.retry_context(
            on=RegistryUnreachable, attempts=self._attempts, timeout=None
        ):
            with attempt:
                return self._ask_once(question)
        raise AssertionError("an attempt gives an answer or raises")

    def _ask_once(self, question: Callable[[], Answer]) -> Answer | None:
        from confluent_kafka.schema_registry import SchemaRegistryError

        try:
            return question()
        except SchemaRegistryError as error:
            if error.http_status_code == 404 and error.error_code in _ABSENT:
                return None
            raise self._fault(error.http_status_code, str(error.error_message)) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise RegistryUnreachable(
                f"no schema registry answers at {self._url} ({why}): "
                "is it running, and is GIFTCERT_SCHEMA_REGISTRY_URL right?"
            ) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # The client trips over an answer that is not a registry's: some other server is there.
            raise RegistryRefused(
                f"what answers at {self._url} is no schema registry: "
                "is GIFTCERT_SCHEMA_REGISTRY_URL right, its path included?"
            ) from error

    def _fault(self, status: int, message: str) -> RegistryFault:
        if status in _RETRYABLE:
            return RegistryUnreachable(
                f"the schema registry at {self._url} is not ready: HTTP {status}"
            )
        if status == 404:
            return RegistryRefused(
                f"no schema registry is found at {self._url}: "
                "is GIFTCERT_SCHEMA_REGISTRY_URL right, its path included?"
            )
        if status in _NOT_LET_IN:
            return RegistryRefused(
                f"the schema registry at {self._url} does not let us in, HTTP {status}: {message} "
                "(check GIFTCERT_SCHEMA_REGISTRY_USERNAME, _PASSWORD_FILE and _TOKEN_FILE)"
            )
        if status == 409:
            return SchemaIncompatible(f"the schema registry at {self._url} says: {message}")
        return RegistryRefused(f"the schema registry at {self._url} says HTTP {status}: {message}")


def _confluent(text: str) -> Any:
    from confluent_kafka.schema_registry import Schema as ConfluentSchema

    return ConfluentSchema(text, "AVRO")


def _avro_text(schema: Any) -> str | None:
    """The JSON of a held schema, if it is Avro and whole: references to others are not followed."""
    if (schema.schema_type or "AVRO") != "AVRO" or schema.references:
        return None
    return str(schema.schema_str)
