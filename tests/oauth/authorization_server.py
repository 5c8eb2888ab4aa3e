"""A real OAuth2 authorization server for the length of a test: oidc-provider, on loopback.

Owns the locked packages in the user's cache, and the process. Where Node.js or npm is missing it
says so by AuthorizationServerUnavailable, and the tests that need it are skipped with that reason.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx

from pipelines.local.child import Child, stop_all
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import LocalError
from tests.npm_packages import PackagesUnavailable, locked_packages

OLDEST_NODE = 20

_HERE = Path(__file__).parent
_NODE_TIMEOUT_S = 60
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
_PAUSE_S = 0.05
_SECRET = "secret-of-a-client-that-is-made-up"


class AuthorizationServerUnavailable(Exception):
    """There is none to be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What tokens are asked for: whom they are meant for, and how they are signed."""

    audience: str
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPair:
    """The PEM files of a certificate and its key."""

    certificate: Path
    key: Path


class AuthorizationServer:
    """One issuer, which keeps its address when it is started again with other keys."""

    def __init__(
        self,
        directory: Path,
        *,
        clients: Sequence[str],
        scopes: Sequence[str],
        resources: Mapping[str, Resource],
        default_resource: str | None = None,
        tls: TlsPair | None = None,
    ) -> None:
        self._node, self._program = _found_node(), _cached_program()
        self._directory = directory
        self._clients = clients
        self._scopes = scopes
        self._resources = resources
        self._default_resource = default_resource
        self._tls = tls
        self._port, self._secure_port = HeldPort(), HeldPort()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The issuer, as its tokens name it."""
        return f"http://{LOOPBACK}:{self._port.port}"

    @property
    def secure_url(self) -> str:
        """Where the same answers over TLS, if it was given a certificate."""
        assert self._tls is not None, "it speaks HTTP only"
        return f"https://{LOOPBACK}:{self._secure_port.port}"

    @property
    def secret(self) -> str:
        """Every client's."""
        return _SECRET

    def start(self, *keys: Mapping[str, object]) -> None:
        """Run with these private keys (JWKs) and no others."""
        self.stop()
        settings = self._directory / "issuer.json"
        content: dict[str, object] = {
            "port": self._port.port,
            "keys": keys,
            "clients": dict.fromkeys(self._clients, _SECRET),
            "scopes": self._scopes,
            "algorithms": sorted({one.algorithm for one in self._resources.values()}),
            "resources": {
                name: {"audience": one.audience, "algorithm": one.algorithm}
                for name, one in self._resources.items()
            },
        }
        if self._default_resource is not None:
            content["defaultResource"] = self._default_resource
        if self._tls is not None:
            content["tls"] = {
                "port": self._secure_port.port,
                "certificate": str(self._tls.certificate),
                "key": str(self._tls.key),
            }
        settings.write_text(json.dumps(content), encoding="utf-8")
        self._child = Child(
            "oidc-provider",
            [self._node, str(_HERE / "server.mjs"), str(self._program), str(settings)],
            log_path=self._directory / "issuer.log",
        )
        self._await_answer(self._child)

    def token(self, client_id: str, scope: str, resource: str | None) -> str:
        """An access token by the grant `client_credentials`; an opaque one without a resource."""
        form = {"grant_type": "client_credentials", "scope": scope}
        if resource is not None:
            form["resource"] = resource
        answer = httpx.post(
            f"{self.url}/token", data=form, auth=(client_id, _SECRET), trust_env=False
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        text = answer.json()["access_token"]
        assert isinstance(text, str)
        return text

    def stop(self) -> None:
        """End the process; the address stays ours."""
        if self._child is not None:
            stop_all([self._child], _STOP_TIMEOUT_S)
            self._child = None

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self._port.release()
        self._secure_port.release()

    def _await_answer(self, child: Child) -> None:
        deadline = monotonic() + _START_TIMEOUT_S
        url = f"{self.url}/.well-known/openid-configuration"
        while monotonic() < deadline:
            try:
                if httpx.get(url, timeout=_PAUSE_S * 20, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                # Nobody listens yet, which is what waiting for it looks like.
                pass
            if child.wait(_PAUSE_S):
                break
        raise child.failure() or LocalError(
            f"oidc-provider did not answer within {_START_TIMEOUT_S:.0f} s",
            detail=child.log_tail(),
        )


@contextmanager
def authorization_server(
    directory: Path,
    *,
    clients: Sequence[str],
    scopes: Sequence[str],
    resources: Mapping[str, Resource],
    default_resource: str | None = None,
    tls: TlsPair | None = None,
) -> Iterator[AuthorizationServer]:
    """A server for the length of the block, not yet started: it needs keys for that."""
    server = AuthorizationServer(
        directory,
        clients=clients,
        scopes=scopes,
        resources=resources,
        default_resource=default_resource,
        tls=tls,
    )
    try:
        yield server
    finally:
        server.close()


def _found_node() -> str:
    node = shutil.which("node")
    if node is None:
        raise AuthorizationServerUnavailable("Node.js, which runs oidc-provider, is not on PATH")
    answer = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False, timeout=_NODE_TIMEOUT_S
    )
    version = re.match(r"v(\d+)\.", answer.stdout)
    if version is None or int(version[1]) < OLDEST_NODE:
        raise AuthorizationServerUnavailable(
            f"{node} is {answer.stdout.strip() or 'of no version'}, and Node.js {OLDEST_NODE} "
            "is needed"
        )
    return node


def _cached_program() -> Path:
    """The directory of the locked packages."""
    try:
        return locked_packages("oidc-provider", _HERE)
    except PackagesUnavailable as reason:
        raise AuthorizationServerUnavailable(str(reason)) from None
