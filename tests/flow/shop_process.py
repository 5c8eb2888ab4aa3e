"""A running `giftcert shop`, and the `giftcert crm` that sends its codes, beside a service.

Owns their processes and what they are told of each other.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

import httpx

from pipelines.local.ports import LOOPBACK, HeldPort
from tests.flow.service_under_test import Service

ROOT: Final = Path(__file__).resolve().parents[2]
_DEADLINE_S: Final = 60.0
_AGAIN_S: Final = 0.1
_END_S: Final = 45.0


class RunningShop:
    """A shop's process. It may be ended and started again at the same port, remembering nothing."""

    def __init__(
        self, service: Service, name: str = "shop", told: Mapping[str, str] | None = None
    ) -> None:
        self.service = service
        self._told = told or {}
        self.name = name
        self.port = HeldPort()
        self.url = f"http://{LOOPBACK}:{self.port.port}"
        self.secret_file = service.data_dir / "gateway-secret"
        self.secret_file.write_text("secret-of-the-gateway")
        self.log_path = service.data_dir / "logs" / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """What it is told."""
        stack = self.service.stack
        secrets = stack.client_secrets_file
        assert secrets is not None, "the stack has an issuer of its own"
        return {
            **os.environ,
            **stack.environment,
            "GIFTCERT_WORKER_ID": self.name,
            "GIFTCERT_SHOP_PORT": str(self.port.port),
            "GIFTCERT_SHOP_EDGE_URL": stack.http_urls[0],
            "GIFTCERT_SHOP_TOKEN_URL": f"{stack.issuer_url}/token",
            "GIFTCERT_SHOP_CLIENT_SECRETS_FILE": str(secrets),
            "GIFTCERT_SHOP_GATEWAY_SECRET_FILE": str(self.secret_file),
            "GIFTCERT_SHOP_TIME_ZONE": "Europe/Moscow",
            **self._told,
        }

    def start(self) -> None:
        """Start it and wait until it has read the stream."""
        self._process = started("shop", self.environment(), self.log_path)
        await_ready(self._process, f"{self.url}/readyz", self.log_path)

    def end(self) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None, "it runs"
        self._process.terminate()
        code = self._process.wait(_END_S)
        self._process = None
        return code

    def close(self) -> None:
        """End it, however."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.port.release()

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8")


@contextmanager
def running_shop(service: Service, told: Mapping[str, str] | None = None) -> Iterator[RunningShop]:
    """A shop that is open; `told` are settings beside those that it always gets."""
    shop = RunningShop(service, told=told)
    try:
        shop.start()
        yield shop
    finally:
        shop.close()


@contextmanager
def running_crm(shop: RunningShop) -> Iterator[None]:
    """A CRM that sends through the shop's gateway, by the shop's directory."""
    service, port = shop.service, HeldPort()
    secret = service.data_dir / "crm-secret"
    secret.write_text(client_secret(service, "crm"))
    log_path = service.data_dir / "logs" / "crm.log"
    told = {
        **os.environ,
        **service.stack.environment,
        "GIFTCERT_WORKER_ID": "crm",
        "GIFTCERT_STATE_DIR": str(service.data_dir / "crm-state"),
        "GIFTCERT_HTTP_HOST": LOOPBACK,
        "GIFTCERT_HTTP_PORT": str(port.port),
        "GIFTCERT_CRM_SERVICE_URL": service.stack.http_urls[0],
        "GIFTCERT_CRM_TOKEN_URL": f"{service.stack.issuer_url}/token",
        "GIFTCERT_CRM_CLIENT_SECRET_FILE": str(secret),
        "GIFTCERT_CRM_SMS_URL": f"{shop.url}/gateway/messages",
        "GIFTCERT_CRM_SMS_SECRET_FILE": str(shop.secret_file),
        "GIFTCERT_CRM_SMS_DEDUPLICATES": "true",
        "GIFTCERT_CRM_ADDRESS_URL": f"{shop.url}/gateway/addresses/{{token}}",
        "GIFTCERT_CRM_ADDRESS_SECRET_FILE": str(shop.secret_file),
    }
    process = started("crm", told, log_path)
    try:
        await_ready(process, f"http://{LOOPBACK}:{port.port}/readyz", log_path)
        yield
    finally:
        process.kill()
        process.wait()
        port.release()


def client_secret(service: Service, client_id: str) -> str:
    """A client's secret at the stack's issuer."""
    import json

    path = service.stack.client_secrets_file
    assert path is not None, "the stack has an issuer of its own"
    secrets: dict[str, str] = json.loads(path.read_text())
    return secrets[client_id]


def started(
    command: str, environment: Mapping[str, str], log_path: Path
) -> subprocess.Popen[bytes]:
    """A command of ours in a process of its own."""
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", command],
            cwd=ROOT,
            env=dict(environment),
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def await_ready(process: subprocess.Popen[bytes], url: str, log_path: Path) -> None:
    """Wait until a process says that it is ready; an assertion with its log where it does not."""
    deadline_s, pause = monotonic() + _DEADLINE_S, Event()
    while not _says_yes(url):
        assert process.poll() is None, log_path.read_text()
        assert monotonic() < deadline_s, log_path.read_text()
        pause.wait(_AGAIN_S)


def _says_yes(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
