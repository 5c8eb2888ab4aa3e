"""A running `giftcert crm` beside a service, and the world around it: gateway, directory, edge.

Owns its process, which a test may kill at any step, and what customers got. The edge is asked
through a middleman, so that a test may act between the service's answer and the CRM.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Condition, Event
from typing import Final

import httpx

from pipelines.local.ports import LOOPBACK, HeldPort
from tests.flow.measured_process import MeasuredProcess, start
from tests.flow.service_under_test import Service, now_ms
from tests.neighbours.crm.local_http import Answer, Got, local_http

GATEWAY_SECRET: Final = "gateway-secret-of-the-tests"
_DEADLINE_S: Final = 60.0
_END_S: Final = 45.0


class Customers:
    """A gateway and a directory, and what customers got by them.

    `steps` are called when something has come to that step and nothing was done about it yet:
    `address`, `code asked`, `code told`, `message lost`, `message taken`. A gateway that is down
    says so, hangs, or hangs up, in turn.
    """

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.messages: dict[str, Mapping[str, str]] = {}
        self.calls: list[Mapping[str, str]] = []
        self.taken_ms: dict[str, int] = {}
        self.steps: dict[str, Callable[[], None]] = {}
        self._came = Condition()
        self._back = Event()
        self._back.set()

    def go_down(self) -> None:
        """Take no message from now on."""
        self._back.clear()

    def come_back(self) -> int:
        """Take messages again; how often the gateway was called by now."""
        with self._came:
            self._back.set()
            return len(self.calls)

    def step(self, name: str) -> bool:
        """Let the test act, once; whether it did."""
        act = self.steps.pop(name, None)
        if act is not None:
            act()
        return act is not None

    def directory(self, got: Got) -> Answer:
        """The address behind a token."""
        self.step("address")
        address = self.addresses.get(got.path.rpartition("/")[2])
        if address is None:
            return Answer(status=404)
        return Answer(body=json.dumps({"address": address}).encode())

    def gateway(self, got: Got) -> Answer:
        """Take a message, once for each id."""
        message = json.loads(got.body)
        with self._came:
            self.calls.append(message)
            trouble = None if self._back.is_set() else len(self.calls) % 3
            self._came.notify_all()
        if self.step("message lost"):
            return Answer(hangs_up=True)
        if trouble is not None:
            return self._trouble(trouble)
        assert got.headers["authorization"] == f"Bearer {GATEWAY_SECRET}"
        assert got.headers["idempotency-key"] == message["id"]
        with self._came:
            known = message["id"] in self.messages
            self.messages.setdefault(message["id"], message)
            self.taken_ms.setdefault(message["to"], now_ms())
            self._came.notify_all()
        self.step("message taken")
        return Answer(status=200 if known else 202, body=b'{"messageId": "1"}')

    def _trouble(self, kind: int) -> Answer:
        match kind:
            case 0:
                return Answer(status=503)
            case 1:
                return Answer(hangs_up=True)
            case _:
                return Answer(hangs_up=True, after=self._back)

    def await_calls(self, count: int) -> None:
        """Wait until the gateway was called so often."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.calls) >= count, _DEADLINE_S), self.calls

    def code_for(self, address: str) -> str:
        """The code in the one message that came to an address."""
        (message,) = [each for each in self.messages.values() if each["to"] == address]
        return max(filter(str.isdecimal, message["text"].replace(".", " ").split()), key=len)


class CrmBench:
    """Everything around CRMs of one service; `start` begins one, as often as a test wants.

    They are a group of their own, which reads the service's stream from its start.
    """

    def __init__(self, service: Service, customers: Customers, urls: Mapping[str, str]) -> None:
        self.service = service
        self.customers = customers
        self._urls = urls
        self._stack = ExitStack()
        self._lives = 0
        self._name = f"crm-{secrets.token_hex(3)}"
        self.folder = service.data_dir / self._name

    def close(self) -> None:
        """Kill what still runs."""
        self._stack.close()

    def start(
        self,
        name: str = "crm-0",
        *,
        ready: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> MeasuredProcess:
        """A CRM that has read all there was; its earlier life under that name has ended."""
        self._lives += 1
        port = HeldPort()
        self._stack.callback(port.release)
        log_path = self.service.data_dir / "logs" / f"{self._name}-{name}-{self._lives}.log"
        told = {
            **os.environ,
            **self.service.stack.environment,
            **self.settings(name),
            "GIFTCERT_HTTP_PORT": str(port.port),
            **(environment or {}),
        }
        process = start("crm", told, log_path)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        crm = MeasuredProcess(
            process,
            f"http://{LOOPBACK}:{port.port}",
            log_path,
            prefix="giftcert_crm_",
            end_s=_END_S,
        )
        if ready:
            crm.until({"caught_up": 1.0})
        return crm

    def settings(self, name: str) -> dict[str, str]:
        """What it is told besides the service's own settings."""
        folder = self.folder
        folder.mkdir(exist_ok=True)
        secrets_file = self.service.stack.client_secrets_file
        assert secrets_file is not None
        own = json.loads(secrets_file.read_text(encoding="ascii"))["crm"]
        (folder / "client-secret").write_text(own, encoding="ascii")
        (folder / "gateway-secret").write_text(GATEWAY_SECRET, encoding="ascii")
        return {
            "GIFTCERT_HTTP_HOST": LOOPBACK,
            "GIFTCERT_WORKER_ID": name,
            "GIFTCERT_LOG_FORMAT": "json",
            "GIFTCERT_STATE_DIR": str(folder / name),
            "GIFTCERT_CRM_GROUP": f"{self.service.prefix}{self._name}",
            "GIFTCERT_CRM_SERVICE_URL": self._urls["edge"],
            "GIFTCERT_CRM_TOKEN_URL": f"{self.service.stack.issuer_url}/token",
            "GIFTCERT_CRM_CLIENT_SECRET_FILE": str(folder / "client-secret"),
            "GIFTCERT_CRM_SMS_URL": f"{self._urls['gateway']}/gateway/messages",
            "GIFTCERT_CRM_SMS_SECRET_FILE": str(folder / "gateway-secret"),
            "GIFTCERT_CRM_SMS_DEDUPLICATES": "true",
            "GIFTCERT_CRM_ADDRESS_URL": f"{self._urls['directory']}/gateway/addresses/{{token}}",
            "GIFTCERT_CRM_ADDRESS_SECRET_FILE": str(folder / "gateway-secret"),
            "GIFTCERT_CRM_SEND_TIMEOUT_S": "2",
            "GIFTCERT_CRM_RETRY_FIRST_S": "0.1",
            "GIFTCERT_CRM_RETRY_LONGEST_S": "1",
        }


@contextmanager
def crm_bench(service: Service) -> Iterator[CrmBench]:
    """A gateway, a directory and a middleman before the service's first edge."""
    customers = Customers()
    with (
        local_http(customers.gateway) as gateway,
        local_http(customers.directory) as directory,
        _middleman(service, customers) as edge,
    ):
        bench = CrmBench(
            service, customers, {"gateway": gateway.url, "directory": directory.url, "edge": edge}
        )
        try:
            yield bench
        finally:
            bench.close()


@contextmanager
def _middleman(service: Service, customers: Customers) -> Iterator[str]:
    """Hands every call on to the edge, and its answer back."""
    with httpx.Client(
        base_url=service.stack.http_urls[0], timeout=_DEADLINE_S, trust_env=False
    ) as client:

        def hand_on(got: Got) -> Answer:
            customers.step("code asked")
            headers = {"Authorization": got.headers["authorization"]}
            told = client.get(got.path, headers=headers)
            if told.status_code == httpx.codes.OK:
                service.revealed.add(str(told.json()["cvc"]))
            customers.step("code told")
            return Answer(status=told.status_code, body=told.content)

        with local_http(hand_on) as server:
            yield server.url
