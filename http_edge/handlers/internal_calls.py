"""The listings that audits and the other processors read: whole records, of this process only.

Owns which there are and their pages. They are no part of the API: they may change with any
version, and are never handed on to another process.
"""

import asyncio
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from http_edge.access.callers import Caller, Scope
from http_edge.api.problems import invalid, moving
from http_edge.asking.services import EdgeServices
from http_edge.handlers.image_calls import image_routes
from http_edge.handlers.internal_route import internal_route, whole_number
from http_edge.handlers.pool_calls import INTERNAL_POOLS, pool_levels
from http_edge.handlers.snapshots import IDS_AT_MOST, INTERNAL_SNAPSHOTS, Snapshots, local_snapshots
from pipelines.store_images import StoreImages
from pipelines.topics import Role
from state.certificate.numbers import fault_of
from state.certificate.record import CertificateState
from state.stores.codec import CERTIFICATE_STATE
from state.stores.layout import MAIN, SEPARATOR
from state.stores.reader import StoreClosed

MAX_PAGE: Final = 10_000
_MAIN_SUFFIX: Final = SEPARATOR + MAIN
_AFTER_DEADLINES: Final = b"\x01"
"""Deadlines stand under a key that begins with NUL; every message key comes after this."""
_END: Final = b"\xff"


def internal_routes(services: EdgeServices) -> list[Route]:
    """The routes, bound to their services. Any one of the scopes is enough."""
    calls, gate = InternalCalls(services), services.gate
    return [
        internal_route(gate, "/internal/assignment", calls.assignment, (Scope.AUDIT,)),
        internal_route(gate, "/internal/certificates", calls.certificates, (Scope.AUDIT,)),
        internal_route(gate, INTERNAL_POOLS, calls.pools, (Scope.AUDIT, Scope.SUPPORT)),
        internal_route(gate, INTERNAL_SNAPSHOTS, calls.snapshots, (Scope.AUDIT, Scope.SEARCH)),
        *image_routes(gate, StoreImages(services.worker, Role.PROCESSOR)),
    ]


class InternalCalls:
    """One method a listing."""

    def __init__(self, services: EdgeServices) -> None:
        self._services = services

    async def assignment(self, _request: Request, _caller: Caller) -> object:
        """Which partitions of certificates this process keeps."""
        settings = self._services.settings
        return {
            "worker": settings.worker_id,
            "partitions": self._services.certificates.partitions(),
            "partitionCount": settings.partitions,
        }

    async def certificates(self, request: Request, _caller: Caller) -> object:
        """A page of the certificates of one partition, in the order of their numbers."""
        query = request.query_params
        partition = whole_number(query.get("partition"), "partition", 0, 1_000_000)
        limit = whole_number(query.get("limit", "1000"), "limit", 1, MAX_PAGE)
        rows = await asyncio.to_thread(self._page, partition, query.get("after", ""), limit)
        # What else stands under a number takes its part of the page and is passed over; the last
        # key read says where to go on.
        records = [
            _record_of(key[: -len(_MAIN_SUFFIX)].decode(), CERTIFICATE_STATE.decode(value))
            for key, value in rows
            if key.endswith(_MAIN_SUFFIX)
        ]
        following = rows[-1][0].hex() if len(rows) == limit else None
        return {
            "partition": partition,
            "records": [record for record in records if record is not None],
            "next": following,
        }

    def _page(self, partition: int, after: str, limit: int) -> list[tuple[bytes, bytes]]:
        try:
            lower = bytes.fromhex(after) + b"\x00" if after else _AFTER_DEADLINES
        except ValueError:
            raise invalid("after must be what `next` of the page before said") from None
        try:
            return self._services.certificates.scan(partition, lower, _END, limit)
        except StoreClosed:
            raise moving() from None

    async def pools(self, request: Request, _caller: Caller) -> object:
        """The pools in the partitions asked for, or in all that are kept here."""
        asked = request.query_params.get("partitions")
        if asked is None:
            partitions = self._services.pools.partitions()
        else:
            last = self._services.settings.partitions - 1
            partitions = [whole_number(each, "partitions", 0, last) for each in asked.split(",")]
        return await asyncio.to_thread(pool_levels, self._services, partitions)

    async def snapshots(self, request: Request, caller: Caller) -> object:
        """These certificates, all kept here, without those the caller may not know of."""
        numbers = request.query_params.get("ids", "").split(",")
        if len(numbers) > IDS_AT_MOST or any(fault_of(number) is not None for number in numbers):
            raise invalid(f"ids must be 1 to {IDS_AT_MOST} numbers of certificates")
        return Snapshots(items=local_snapshots(self._services, caller, numbers))


def _record_of(certificate_id: str, state: CertificateState) -> dict[str, Any] | None:
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
