"""Forwarding over TLS: to those whom our authorities vouch for by name, and to nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from http_edge.serving import hop as hop_module
from http_edge.serving.forwarding import Forwarder
from pipelines.tls import ServedContext, shown_certificate, trusted_authorities
from tests.http_edge.authority import LOCAL, TlsFiles
from tests.http_edge.forwarded_calls import SOON_S, a_call, forwarding, refused
from tests.http_edge.raw_owner import KnownPlace, RawOwner, listening, says

pytestmark = pytest.mark.anyio
OWN = "https://10.0.0.1:8080"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def stranger() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ours(tmp_path: Path, authority: trustme.CA) -> TlsFiles:
    """What the process that forwards has been given."""
    return TlsFiles(tmp_path / "ours").write(authority)


@asynccontextmanager
async def owner_with(files: TlsFiles) -> AsyncIterator[RawOwner]:
    shown = shown_certificate(files.settings())
    assert shown is not None
    async with listening(says(), tls=ServedContext.of(shown)) as owner:
        yield owner


async def test_owner_of_our_authority_is_asked_over_one_kept_connection(
    ours: TlsFiles, tmp_path: Path, authority: trustme.CA
) -> None:
    trust = trusted_authorities(ours.settings())
    theirs = TlsFiles(tmp_path / "theirs").write(authority)
    async with owner_with(theirs) as owner, forwarding(OWN, trust.context) as forwarder:
        for _ in range(3):
            assert (await forwarder.forward(a_call(), KnownPlace(owner.url))).status == 200
    assert [each.connection for each in owner.received] == [1, 1, 1]
    assert owner.received[0].headers["authorization"] == "Bearer t"


async def told_nothing(forwarder: Forwarder, owner: RawOwner) -> bool:
    """Whether the owner is taken for nobody, and learns nothing of the call."""
    place = KnownPlace(owner.url)
    problem = await refused(forwarder, a_call(), place)
    return (problem, place.wrong, owner.received) == ((503, "moving"), [owner.url], [])


async def test_owner_of_a_foreign_authority_is_told_nothing(
    ours: TlsFiles, tmp_path: Path, stranger: trustme.CA
) -> None:
    trust = trusted_authorities(ours.settings())
    theirs = TlsFiles(tmp_path / "theirs").write(stranger)
    async with owner_with(theirs) as owner, forwarding(OWN, trust.context) as forwarder:
        assert await told_nothing(forwarder, owner)


async def test_owner_at_another_name_than_its_own_is_told_nothing(
    ours: TlsFiles, tmp_path: Path, authority: trustme.CA
) -> None:
    """Who got the certificate of one worker must not be able to stand in for another."""
    trust = trusted_authorities(ours.settings())
    theirs = TlsFiles(tmp_path / "theirs").write(authority, "worker-2.edge.test")
    async with owner_with(theirs) as owner, forwarding(OWN, trust.context) as forwarder:
        assert LOCAL in owner.url
        assert await told_nothing(forwarder, owner)


async def test_owner_in_plain_http_at_an_https_address_is_told_nothing(
    ours: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hop_module, "CONNECT_S", SOON_S)
    trust = trusted_authorities(ours.settings())
    async with listening(says()) as owner, forwarding(OWN, trust.context) as forwarder:
        owner.url = owner.url.replace("http:", "https:")
        assert await told_nothing(forwarder, owner)


async def test_owner_whose_authority_was_replaced_is_not_asked_over_a_kept_connection(
    ours: TlsFiles, tmp_path: Path, authority: trustme.CA, stranger: trustme.CA
) -> None:
    trust = trusted_authorities(ours.settings())
    theirs = TlsFiles(tmp_path / "theirs").write(authority)
    async with owner_with(theirs) as owner, forwarding(OWN, trust.context) as forwarder:
        assert (await forwarder.forward(a_call(), KnownPlace(owner.url))).status == 200
        ours.authorities.write_bytes(stranger.cert_pem.bytes())
        assert trust.look() is True
        owner.received.clear()
        assert await told_nothing(forwarder, owner)
