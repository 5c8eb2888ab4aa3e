"""Owns the systems around the service on one machine: which there are, and what each is told.

What they do is theirs. Nothing of the service may need one: it runs the same without them.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shutil import which
from typing import Final, assert_never

from pipelines.local.local_keys import kept_client_secret, kept_word
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.worker import Worker, WorkerPlan


class Neighbour(StrEnum):
    """A system that a stack can run beside the service, by the command that is it."""

    SHOP = "shop"
    CRM = "crm"
    BI = "bi"
    ENRICH = "enrich"


ALL: Final = tuple(Neighbour)
"""What `giftcert up` and the demo run unless told otherwise."""

_WITH_TOKENS: Final = frozenset({Neighbour.SHOP, Neighbour.CRM})
_AWAITED: Final = (Neighbour.SHOP, Neighbour.CRM)
"""Those that are ready in a moment. The mart may have years to read, and is looked at meanwhile."""

_BEHIND_OTHERS: Final = ("nice", "-n", "10")
"""What nobody at a till waits for: beside a backlog it would take what customers wait for."""
_PATIENT: Final = frozenset({Neighbour.BI, Neighbour.ENRICH})

_PAGES: Final = ("store", "till", "phone", "stream")
_IN_WORDS: Final = {
    "store": "the internet store",
    "till": "the till",
    "phone": "the customers' phone, with every message of the SMS gateway,",
    "stream": "the stream as it grows",
    "bi": "the report of the mart, as soon as it has caught up,",
    "crm": "the CRM's figures",
}
_CALLERS_OWN: Final = ("GIFTCERT_TOKEN", "GIFTCERT_TOKEN_FILE")
_TLS_OF_WORKERS: Final = ("GIFTCERT_TLS_CERTIFICATE_LOCATION", "GIFTCERT_TLS_KEY_LOCATION")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What of the stack its neighbours are told.

    `environment` is that of the workers. `client_secrets_file` is None with an issuer that is not
    ours. Secrets go into `secrets_dir`, a directory for each into `state_dir`.
    """

    environment: Mapping[str, str]
    edge_url: str
    issuer_url: str
    client_secrets_file: Path | None
    secrets_dir: Path
    state_dir: Path
    logs_dir: Path


class Neighbours:
    """The neighbours of one stack, running or not, with a port held for each until `held` ends.

    Not all of them listen; one that does not is told of a port that nobody else gets.
    """

    def __init__(
        self, names: Iterable[Neighbour], *, shop_port: int | None, held: ExitStack
    ) -> None:
        self._ports: dict[Neighbour, HeldPort] = {}
        self._workers: dict[Neighbour, Worker] = {}
        for name in names:
            port = HeldPort(shop_port if name is Neighbour.SHOP else None)
            held.callback(port.release)
            self._ports[name] = port

    @property
    def workers(self) -> list[Worker]:
        """Those that were started."""
        return list(self._workers.values())

    @property
    def awaited(self) -> list[Worker]:
        """Those of them that whoever starts the stack waits for."""
        return [self._workers[name] for name in _AWAITED if name in self._workers]

    def urls(self) -> dict[str, str]:
        """What a person can open, by name."""
        found = {}
        if Neighbour.SHOP in self._workers:
            shop = self._workers[Neighbour.SHOP].url
            pages = [*_PAGES, "bi"] if Neighbour.BI in self._workers else _PAGES
            found = {"shop": f"{shop}/", **{page: f"{shop}/{page}/" for page in pages}}
        if Neighbour.CRM in self._workers:
            found["crm"] = f"{self._workers[Neighbour.CRM].url}/metrics"
        return found

    def start(self, told: Surroundings, command: tuple[str, ...]) -> None:
        """Start all of them and wait for none."""
        for name in self._ports:
            self._workers[name] = self._planned(name, told, command)
        for worker in self._workers.values():
            worker.start()

    def _planned(self, name: Neighbour, told: Surroundings, command: tuple[str, ...]) -> Worker:
        worker_id = f"{name}-0"
        plan = WorkerPlan(
            role=name.value,
            worker_id=worker_id,
            command=(*_patient(name), *command),
            state_dir=told.state_dir / worker_id,
            log_path=told.logs_dir / f"{worker_id}.log",
            arguments=("run",) if name is Neighbour.BI else (),
        )
        # The person's own token is for commands of that person.
        environment = _without(told.environment, _CALLERS_OWN)
        if name is Neighbour.SHOP:
            # It speaks plain HTTP, whatever the edge does.
            environment = _without(environment, _TLS_OF_WORKERS)
        environment |= self._settings(name, told)
        return Worker(plan, port=self._ports[name], environment=environment)

    def _settings(self, name: Neighbour, told: Surroundings) -> dict[str, str]:
        match name:
            case Neighbour.SHOP:
                return self._shop(told)
            case Neighbour.CRM:
                return self._crm(told)
            case Neighbour.BI:
                return self._bi(told)
            case Neighbour.ENRICH:
                return {"GIFTCERT_ENRICH_HTTP_PORT": str(self._ports[name].port)}
            case _:
                assert_never(name)

    def _shop(self, told: Surroundings) -> dict[str, str]:
        assert told.client_secrets_file is not None, "who has no secret is not started"
        page = {"GIFTCERT_SHOP_BI_PAGE": str(_page_dir(told))} if self._has(Neighbour.BI) else {}
        return page | {
            "GIFTCERT_SHOP_HOST": LOOPBACK,
            "GIFTCERT_SHOP_PORT": str(self._ports[Neighbour.SHOP].port),
            "GIFTCERT_SHOP_EDGE_URL": told.edge_url,
            "GIFTCERT_SHOP_TOKEN_URL": f"{told.issuer_url}/token",
            "GIFTCERT_SHOP_CLIENT_SECRETS_FILE": str(told.client_secrets_file),
            "GIFTCERT_SHOP_GATEWAY_SECRET_FILE": str(gateway_secret(told.secrets_dir)),
        }

    def _crm(self, told: Surroundings) -> dict[str, str]:
        assert told.client_secrets_file is not None, "who has no secret is not started"
        own = told.secrets_dir / "crm-client-secret"
        settings = {
            "GIFTCERT_CRM_SERVICE_URL": told.edge_url,
            "GIFTCERT_CRM_TOKEN_URL": f"{told.issuer_url}/token",
            "GIFTCERT_CRM_CLIENT_SECRET_FILE": str(
                kept_client_secret(own, told.client_secrets_file, Neighbour.CRM.value)
            ),
        }
        if not self._has(Neighbour.SHOP):
            return settings
        shop, secret = self._ports[Neighbour.SHOP].port, str(gateway_secret(told.secrets_dir))
        gateway = f"http://{LOOPBACK}:{shop}/gateway"
        # A person who names a gateway or a directory wants to see that one at work.
        if "GIFTCERT_CRM_SMS_URL" not in told.environment:
            settings["GIFTCERT_CRM_SMS_URL"] = f"{gateway}/messages"
            settings["GIFTCERT_CRM_SMS_SECRET_FILE"] = secret
            settings["GIFTCERT_CRM_SMS_DEDUPLICATES"] = "true"
        if not told.environment.keys() & {"GIFTCERT_CRM_ADDRESS_URL", "GIFTCERT_CRM_ADDRESS_FILE"}:
            settings["GIFTCERT_CRM_ADDRESS_URL"] = f"{gateway}/addresses/{{token}}"
            settings["GIFTCERT_CRM_ADDRESS_SECRET_FILE"] = secret
        return settings

    def _bi(self, told: Surroundings) -> dict[str, str]:
        mart = _page_dir(told).with_name("mart.duckdb")
        return {
            "GIFTCERT_BI_MART": told.environment.get("GIFTCERT_BI_MART", str(mart)),
            "GIFTCERT_BI_PAGE_DIR": str(_page_dir(told)),
            "GIFTCERT_BI_HTTP_PORT": str(self._ports[Neighbour.BI].port),
        }

    def _has(self, name: Neighbour) -> bool:
        return name in self._ports


def _patient(name: Neighbour) -> tuple[str, ...]:
    """What goes before the command of one whose work may wait for that of the others."""
    return _BEHIND_OTHERS if name in _PATIENT and which(_BEHIND_OTHERS[0]) else ()


def in_words(urls: Mapping[str, str]) -> list[str]:
    """Where a person can look, a line for each."""
    return [f"{said} at {urls[name]}" for name, said in _IN_WORDS.items() if name in urls]


def without_tokens(names: Iterable[Neighbour]) -> tuple[Neighbour, ...]:
    """Those that ask nobody for a token."""
    return tuple(name for name in names if name not in _WITH_TOKENS)


def gateway_secret(secrets_dir: Path) -> Path:
    """The file with the word that the shop's gateway asks for, made if it is not there."""
    return kept_word(secrets_dir / "gateway-secret")


def _page_dir(told: Surroundings) -> Path:
    return told.state_dir / f"{Neighbour.BI}-0" / "page"


def _without(environment: Mapping[str, str], variables: Iterable[str]) -> dict[str, str]:
    left_out = set(variables)
    return {name: value for name, value in environment.items() if name not in left_out}
