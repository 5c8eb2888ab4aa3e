"""The calls about the process itself, and the listings that audits read.

The internal listings show whole records in minor units; they are for operators on this machine.
"""

import asyncio
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.outputs import json_response
from http_edge.problems import invalid, moving
from http_edge.services import EdgeServices
from state.certificate.record import CertificateState
from state.stores.codec import CERTIFICATE_STATE, POOL_HEAD
from state.stores.layout import MAIN, SEPARATOR
from state.stores.reader import StoreClosed

MAX_PAGE: Final = 10_000
_MAIN_SUFFIX: Final = SEPARATOR + MAIN
_AFTER_DEADLINES: Final = b"\x01"
"""Deadlines stand under a key that begins with NUL; every message key comes after this."""
_END: Final = b"\xff"


def service_routes(services: EdgeServices) -> list[Route]:
    """The routes, bound to their services."""
    calls = ServiceCalls(services)
    return [
        Route("/healthz", calls.health, methods=["GET"]),
        Route("/readyz", calls.ready, methods=["GET"]),
        Route("/internal/assignment", calls.assignment, methods=["GET"]),
        Route("/internal/certificates", calls.certificates, methods=["GET"]),
        Route("/internal/pools", calls.pools, methods=["GET"]),
    ]


class ServiceCalls:
    """One method a call."""

    def __init__(self, services: EdgeServices) -> None:
        self._services = services

    async def health(self, _request: Request) -> Response:
        """Alive: nothing has failed. Recovering, or waiting for Kafka, is alive."""
        alive = self._services.worker.alive
        return json_response({"alive": alive}, 200 if alive else 503)

    async def ready(self, _request: Request) -> Response:
        """Ready: partitions assigned and recovered, so reads and requests are answered."""
        ready = self._services.worker.serving
        headers = {} if ready else {"Retry-After": "1"}
        return json_response({"ready": ready}, 200 if ready else 503, headers)

    async def assignment(self, _request: Request) -> Response:
        """Which partitions of certificates this process keeps."""
        settings = self._services.settings
        return json_response(
            {
                "worker": settings.worker_id,
                "partitions": self._services.certificates.partitions(),
                "partitionCount": settings.partitions,
            }
        )

    async def certificates(self, request: Request) -> Response:
        """A page of the certificates of one partition, in the order of their numbers."""
        query = request.query_params
        partition = _number(query.get("partition"), "partition", 0, 1_000_000)
        limit = _number(query.get("limit", "1000"), "limit", 1, MAX_PAGE)
        rows = await asyncio.to_thread(self._page, partition, query.get("after", ""), limit)
        # What a key's outcomes take of the page is passed over; the last key read says where to go.
        records = [
            _record(key[: -len(_MAIN_SUFFIX)].decode(), CERTIFICATE_STATE.decode(value))
            for key, value in rows
            if key.endswith(_MAIN_SUFFIX)
        ]
        following = rows[-1][0].hex() if len(rows) == limit else None
        return json_response(
            {
                "partition": partition,
                "records": [record for record in records if record is not None],
                "next": following,
            }
        )

    def _page(self, partition: int, after: str, limit: int) -> list[tuple[bytes, bytes]]:
        try:
            lower = bytes.fromhex(after) + b"\x00" if after else _AFTER_DEADLINES
        except ValueError:
            raise invalid("after must be what `next` of the page before said") from None
        try:
            return self._services.certificates.scan(partition, lower, _END, limit)
        except StoreClosed:
            raise moving() from None

    async def pools(self, _request: Request) -> Response:
        """The pools kept here and how many numbers each holds."""
        try:
            return json_response(await asyncio.to_thread(self._pools))
        except StoreClosed:
            raise moving() from None

    def _pools(self) -> list[dict[str, Any]]:
        """Every pool's head. A pool's own records lie between its name and the next one's."""
        found: list[dict[str, Any]] = []
        for partition in self._services.pools.partitions():
            lower = _AFTER_DEADLINES
            while rows := self._services.pools.scan(partition, lower, _END, 1):
                name = rows[0][0].partition(SEPARATOR)[0]
                head = self._services.pools.get(partition, name + _MAIN_SUFFIX)
                if head is not None:
                    level = POOL_HEAD.decode(head).level
                    found.append({"pool": name.decode(), "level": level})
                lower = name + SEPARATOR + _END
        return found


def _record(certificate_id: str, state: CertificateState) -> dict[str, Any] | None:
    certificate = state.certificate
    if certificate is None:
        return None
    return {
        "certificateId": certificate_id,
        "sequence": state.sequence,
        "currency": certificate.currency,
        "pool": certificate.pool,
        "lifecycle": certificate.lifecycle,
        "status": certificate.status,
        "nominalMinor": certificate.nominal_minor,
        "remainingMinor": certificate.remaining_minor,
        "heldMinor": certificate.held_minor,
        "holds": {key: hold.amount_minor for key, hold in certificate.holds.items()},
        "redeemedMinor": certificate.redeemed_minor,
        "refundedMinor": certificate.refunded_minor,
        "annulledMinor": certificate.annulled_minor,
    }


def _number(text: str | None, name: str, least: int, most: int) -> int:
    if text is None or not text.isascii() or not text.isdigit():
        raise invalid(f"{name} must be a whole number from {least} to {most}")
    number = int(text)
    if not least <= number <= most:
        raise invalid(f"{name} must be a whole number from {least} to {most}")
    return number
