"""TLS from files: a right pair or none, changes are taken up whole, strangers are refused."""

import asyncio
import re
import ssl
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
import trustme
from structlog.testing import capture_logs

from pipelines import tls as module
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from pipelines.tls import (
    FollowedFiles,
    ServedContext,
    shown_certificate,
    trusted_authorities,
)
from tests.http_edge.authority import SwappedVolume, TlsFiles, shake_hands

Lines = list[MutableMapping[str, Any]]
DEADLINE_S = 30
SECRET = re.compile(rb"[A-Za-z0-9+/]{20}")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def stranger() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> TlsFiles:
    return TlsFiles(tmp_path / "tls").write(authority)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    monkeypatch.setattr(module, "_log", structlog.get_logger())
    with capture_logs() as lines:
        yield lines


def shown_by(settings: Settings) -> FollowedFiles:
    shown = shown_certificate(settings)
    assert shown is not None
    return shown


def test_listener_without_files_speaks_plain_http() -> None:
    assert shown_certificate(Settings()) is None


def test_worker_is_believed_by_those_who_trust_its_authority(files: TlsFiles) -> None:
    settings = files.settings()
    server, client = shown_by(settings), trusted_authorities(settings)
    assert shake_hands(server.context(), client.context())


def test_worker_of_a_foreign_authority_is_refused(files: TlsFiles, stranger: trustme.CA) -> None:
    server = shown_by(files.settings())
    files.authorities.write_bytes(stranger.cert_pem.bytes())
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        shake_hands(server.context(), trusted_authorities(files.settings()).context())


def test_worker_at_another_name_than_its_certificate_says_is_refused(files: TlsFiles) -> None:
    settings = files.settings()
    server, client = shown_by(settings), trusted_authorities(settings)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(server.context(), client.context(), "10.0.0.1")


def test_without_a_file_of_authorities_those_of_the_system_are_trusted(
    files: TlsFiles,
) -> None:
    server, client = shown_by(files.settings()), trusted_authorities(Settings())
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server.context(), client.context())


def test_contexts_take_nothing_older_than_tls_1_2_and_only_forward_secret_ciphers(
    files: TlsFiles,
) -> None:
    settings = files.settings()
    for context in (shown_by(settings).context(), trusted_authorities(settings).context()):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        names = {cipher["name"] for cipher in context.get_ciphers()}
        assert {name for name in names if not name.startswith(("TLS_", "ECDHE-"))} == set()
        assert [name for name in names if "CBC" in name or name.endswith("-SHA")] == []
    assert shown_by(settings).context().options & ssl.OP_NO_RENEGOTIATION


UNUSABLE: list[tuple[str, Callable[[TlsFiles], object], str]] = [
    (
        "no certificate",
        lambda files: files.certificate.unlink(),
        "TLS_CERTIFICATE_LOCATION: cannot",
    ),
    ("no key", lambda files: files.key.unlink(), "TLS_KEY_LOCATION: cannot read"),
    ("empty", lambda files: files.certificate.write_bytes(b""), "are not a certificate and its"),
    (
        "key of another pair",
        lambda files: files.key.write_bytes(trustme.CA().issue_cert("x").private_key_pem.bytes()),
        "KEY_VALUES_MISMATCH",
    ),
    ("key with a password", TlsFiles.encrypt_key, "the key has a password"),
    ("swapped", lambda files: files.certificate.rename(files.key), "TLS_CERTIFICATE_LOCATION"),
]


@pytest.mark.parametrize(
    ("damage", "said"), [pytest.param(damage, said, id=name) for name, damage, said in UNUSABLE]
)
def test_files_that_are_no_pair_are_told_at_the_start_in_one_line(
    files: TlsFiles, damage: Callable[[TlsFiles], object], said: str
) -> None:
    damage(files)
    with pytest.raises(SettingsError) as caught:
        shown_certificate(files.settings())
    text = str(caught.value)
    assert said in text
    assert text.startswith("GIFTCERT_TLS_")
    assert "\n" not in text
    assert "BEGIN" not in text
    assert caught.value.__cause__ is None, "what a library quotes of a file is not chained"


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_authorities_that_are_none_are_told_at_the_start(
    files: TlsFiles, content: bytes | None
) -> None:
    files.authorities.unlink()
    if content is not None:
        files.authorities.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        trusted_authorities(files.settings())
    assert str(caught.value).startswith("GIFTCERT_TLS_CA_LOCATION: ")


def test_listener_shows_a_replaced_pair_in_the_next_handshake(
    files: TlsFiles, authority: trustme.CA, lines: Lines
) -> None:
    settings = files.settings()
    shown, client = shown_by(settings), trusted_authorities(settings).context()
    listening = ServedContext.of(shown)
    before = shake_hands(listening, client)
    assert shown.look() is False
    files.write(authority)
    assert shake_hands(listening, client) == before, "files are looked at now and then only"
    assert shown.look() is True
    assert shake_hands(listening, client) != before
    assert [(line["event"], line["what"]) for line in lines] == [
        ("renewed", "the certificate that is shown")
    ]


def test_volume_whose_links_are_swapped_is_taken_up(tmp_path: Path, authority: trustme.CA) -> None:
    """No file that the settings name changes by itself: all lead through one link."""
    volume = SwappedVolume(tmp_path / "secret")
    settings = volume.publish(authority).settings()
    shown, client = shown_by(settings), trusted_authorities(settings).context()
    before = shake_hands(shown.context(), client)
    volume.publish(authority)
    assert shown.look() is True
    assert shake_hands(shown.context(), client) != before


def test_broken_new_pair_is_told_once_and_the_one_before_stays_until_it_is_mended(
    files: TlsFiles, authority: trustme.CA, lines: Lines
) -> None:
    settings = files.settings()
    shown, client = shown_by(settings), trusted_authorities(settings).context()
    before = shake_hands(shown.context(), client)
    files.key.write_bytes(authority.issue_cert("x").private_key_pem.bytes())
    assert [shown.look() for _ in range(3)] == [False] * 3
    assert shake_hands(shown.context(), client) == before
    [line] = lines
    assert line["log_level"] == "error"
    assert "KEY_VALUES_MISMATCH" in line["why"]
    assert not SECRET.search(str(line).encode())
    files.write(authority)
    assert shown.look() is True
    assert shake_hands(shown.context(), client) != before


def test_file_that_is_gone_for_a_while_changes_nothing(files: TlsFiles, lines: Lines) -> None:
    shown = shown_by(files.settings())
    before, content = shown.context(), files.key.read_bytes()
    files.key.unlink()
    assert shown.look() is False
    assert [line["why"] for line in lines] == [
        f"GIFTCERT_TLS_KEY_LOCATION: cannot read {files.key}: No such file or directory"
    ]
    assert shown.context() is before
    files.key.write_bytes(content)
    assert shown.look() is True


def test_files_that_change_while_they_are_read_are_no_fault(tmp_path: Path, lines: Lines) -> None:
    """Certificate and key are two files: at times half of the old pair and half of the new."""
    file = tmp_path / "file"
    file.write_text("old")
    whole = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    halves = 0

    def make() -> ssl.SSLContext:
        nonlocal halves
        if file.read_text() == "half":
            halves += 1
            file.write_text("new")
            raise SettingsError("the halves do not fit")
        return whole

    followed = FollowedFiles("a pair", [file], make)
    file.write_text("half")
    assert followed.look() is False
    assert (halves, lines) == (1, [])
    assert followed.look() is True


def test_authority_that_was_replaced_vouches_for_nobody_any_more(
    files: TlsFiles, tmp_path: Path, stranger: trustme.CA
) -> None:
    of_old = shown_by(files.settings()).context()
    of_new = shown_by(TlsFiles(tmp_path / "new").write(stranger).settings()).context()
    trusted = trusted_authorities(files.settings())
    assert shake_hands(of_old, trusted.context())
    files.authorities.write_bytes(stranger.cert_pem.bytes())
    assert trusted.look() is True
    assert shake_hands(of_new, trusted.context())
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(of_old, trusted.context())


@pytest.mark.anyio
async def test_watch_takes_up_what_changes_until_it_is_cancelled(
    files: TlsFiles, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.001)
    shown = shown_by(files.settings())
    watching = asyncio.ensure_future(shown.watch())
    for _ in range(2):
        before = shown.context()
        files.write(authority)
        async with asyncio.timeout(DEADLINE_S):
            while shown.context() is before:
                await asyncio.sleep(0)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


@pytest.mark.anyio
async def test_watch_of_no_file_ends_at_once() -> None:
    await asyncio.wait_for(trusted_authorities(Settings()).watch(), DEADLINE_S)
