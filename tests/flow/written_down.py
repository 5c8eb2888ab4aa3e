"""All that a service wrote anywhere, and all that it must not write, to search one for the other.

Owns the places (topics, files of stores and the records in them, logs, figures, the description of
the API) and the secrets in every form they could be written in. What may be where is the tests'.
"""

import base64
import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import httpx
from rocksdict import AccessType, Options, Rdict

from pipelines.local.development_tokens import issuer_directory
from pipelines.topics import ALL_SALES_ORDER, STREAM
from tests.flow.service_under_test import Service

Place = tuple[str, bytes]
"""Where, and what is written there."""

_ABOUT_ITSELF: Final = ("/metrics", "/healthz", "/readyz", "/openapi.json", "/docs")
_LATEST_STATE: Final = "CURRENT"
"""The file that makes a directory a store."""


# Places


def on_topics(service: Service) -> Iterator[Place]:
    """Every byte of every record, decompressed by the consumer; changelogs are topics too."""
    for topic, records in service.log.records.items():
        for record in records:
            headers = b"".join(name.encode() + value for name, value in record.headers)
            yield topic, (record.key or b"") + (record.value or b"") + headers


def in_store_files(service: Service) -> Iterator[Place]:
    """Every byte of every file the workers keep their stores in."""
    return _files(service.data_dir / "state")


def in_store_records(service: Service) -> Iterator[Place]:
    """Every record of every store as it is, decompressed; read beside the worker that has it."""
    for found in sorted((service.data_dir / "state").rglob(_LATEST_STATE)):
        store = Rdict(str(found.parent), Options(raw_mode=True), access_type=AccessType.read_only())
        try:
            for key, value in store.items():
                assert isinstance(key, bytes), "a raw store holds bytes"
                assert isinstance(value, bytes), "a raw store holds bytes"
                yield str(found.parent), key + value
        finally:
            store.close()


def in_logs(service: Service) -> Iterator[Place]:
    """What every process said, the issuer too."""
    return _files(service.data_dir / "logs")


def told_to_anybody(service: Service) -> Iterator[Place]:
    """What every process answers without a token: its figures, and what there is to ask."""
    for url in (*service.stack.http_urls, service.stack.correlator_url):
        for path in _ABOUT_ITSELF:
            answer = httpx.get(f"{url}{path}", trust_env=False)
            yield f"{url}{path}", answer.content + str(answer.headers).encode()


def _files(folder: Path) -> Iterator[Place]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()


# Secrets


def keys_of_codes(service: Service, numbers: Iterable[str]) -> list[bytes]:
    """The master keys, and what was derived from them for these certificates."""
    path = Path(service.stack.environment["GIFTCERT_CVC_KEY_FILE"])
    texts: dict[str, str] = json.loads(path.read_text(encoding="ascii"))
    masters = [base64.b64decode(text) for text in texts.values()]
    derived = [
        hmac.digest(master, number.encode(), "sha256") for master in masters for number in numbers
    ]
    return [form for key in (*masters, *derived) for form in _forms(key)]


def tokens_and_their_keys(service: Service, others: Iterable[str] = ()) -> list[bytes]:
    """What was shown to the service, whole and in parts, and what tokens are made and asked with.

    `others` are tokens that a test made itself.
    """
    secrets = service.secrets()
    shown = {secret.decode() for secret in secrets if secret.count(b".") == 2}
    return [*secrets, *_parts_of_tokens(shown.union(others)), *_keys_of_tokens(service)]


def _keys_of_tokens(service: Service) -> list[bytes]:
    """The issuer's private key, and the secrets that its clients show it."""
    directory = issuer_directory(service.data_dir)
    key: dict[str, str] = json.loads((directory / "signing-key.json").read_text(encoding="ascii"))
    kept: dict[str, str] = json.loads(
        (directory / "client-secrets.json").read_text(encoding="ascii")
    )
    private = base64.urlsafe_b64decode(key["d"] + "=" * (-len(key["d"]) % 4))
    return [*_forms(private), *(text.encode() for text in kept.values())]


def _parts_of_tokens(tokens: Iterable[str]) -> list[bytes]:
    """What a token claims and its signature. The header is the same in all and says nothing."""
    return [part.encode() for token in tokens for part in token.split(".")[1:] if len(part) > 20]


def _forms(key: bytes) -> list[bytes]:
    """As it is, in hexadecimal, and in both base64 alphabets, whatever follows it there."""
    plain, web = base64.b64encode(key), base64.urlsafe_b64encode(key)
    return [
        key,
        key.hex().encode(),
        key.hex().upper().encode(),
        plain.rstrip(b"="),
        web.rstrip(b"="),
    ]


def sold_or_loaded(service: Service) -> list[bytes]:
    """Every certificate number that the stream has told of so far."""
    events = service.log.of(STREAM.name)
    numbers = {event.header("certificateId") for event in events}
    return [number.encode() for number in sorted(filter(None, numbers))]


# The search

_BETWEEN: Final = b"\n\x00\n"
"""In no secret, so that none is found where one record ends and the next begins."""


def found_in(places: Iterable[Place], hidden: Sequence[bytes]) -> list[str]:
    """Where something of this is written, once each. It does not say what it found."""
    # Joined, each secret is looked for once in each place and not once in each of its records.
    texts: dict[str, bytearray] = {}
    for name, content in places:
        texts.setdefault(name, bytearray()).extend(content + _BETWEEN)
    return sorted(name for name, text in texts.items() if any(secret in text for secret in hidden))


def disclosed(service: Service, hidden: Sequence[bytes], addresses: Sequence[bytes]) -> list[str]:
    """Where something is written that must not be: nowhere, when all is well.

    `hidden` must be nowhere at all, `addresses` only in the orders they came with, and of a
    certificate's number logs and figures have the last four.
    """
    said = [*in_logs(service), *told_to_anybody(service)]
    orders: list[Place] = []
    ours: list[Place] = []
    for place in on_topics(service):
        (orders if place[0] == ALL_SALES_ORDER.name else ours).append(place)
    kept = [*ours, *in_store_files(service), *in_store_records(service)]
    return [
        *found_in([*said, *kept, *orders], hidden),
        *found_in([*said, *kept], addresses),
        *found_in(said, sold_or_loaded(service)),
    ]
