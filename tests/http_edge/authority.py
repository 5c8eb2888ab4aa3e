"""Certificates of made-up authorities, written as the files that settings name."""

import ssl
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pipelines.settings import Settings

LOCAL = "127.0.0.1"


class TlsFiles:
    """The three files of one worker, in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.certificate = directory / "tls.crt"
        self.key = directory / "tls.key"
        self.authorities = directory / "ca.crt"

    def write(self, authority: trustme.CA, name: str = LOCAL) -> "TlsFiles":
        """A new pair for this name, and the authority itself."""
        pair = authority.issue_cert(name)
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))
        self.key.write_bytes(pair.private_key_pem.bytes())
        self.authorities.write_bytes(authority.cert_pem.bytes())
        return self

    def encrypt_key(self) -> None:
        """Give the key a password."""
        key = load_pem_private_key(self.key.read_bytes(), None)
        self.key.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
        )

    def settings(self, **others: object) -> Settings:
        """The settings of a worker with these files."""
        return Settings.model_validate(
            {
                "tls_certificate_location": self.certificate,
                "tls_key_location": self.key,
                "tls_ca_location": self.authorities,
                **others,
            }
        )


class SwappedVolume:
    """A directory as Kubernetes mounts a secret: files are links through `..data`, which is swapped
    as a whole.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._versions = 0
        directory.mkdir()

    def publish(self, authority: trustme.CA) -> TlsFiles:
        """A new version of all files at once; the paths to them stay the same."""
        self._versions += 1
        version = f"..version-{self._versions}"
        TlsFiles(self._directory / version).write(authority)
        swapped = self._directory / "..data_tmp"
        swapped.symlink_to(version)
        swapped.replace(self._directory / "..data")
        files = TlsFiles(self._directory)
        for path in (files.certificate, files.key, files.authorities):
            if not path.is_symlink():
                path.symlink_to(Path("..data") / path.name)
        return files


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str = LOCAL) -> bytes:
    """The server's certificate as the client gets it, over memory. SSLError when there is none."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asked = server.wrap_bio(to_server, to_client, server_side=True)
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(10):
        done = True
        for side in (asking, asked):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                done = False
        if done:
            break
    shown = asking.getpeercert(binary_form=True)
    assert shown is not None
    return shown
