"""The listings that audits and the other processors read: whole records, of this process only.

Owns who may read them and their pages. They are no part of the API: they may change with any
version, and are never handed on to another process.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.access.admission import caller_of, share_of
from http_edge.access.callers import Caller, Scope
from http_edge.api.problems import INTERNAL, Problem, invalid, moving, scope_missing
from http_edge.asking.acting_route import ActingRoute
from http_edge.asking.services import EdgeServices
from http_edge.handlers.pool_calls import INTERNAL_POOLS, pool_levels
from http_edge.handlers.snapshots import IDS_AT_MOST, INTERNAL_SNAPSHOTS, Snapshots, local_snapshots
from http_edge.serving.call_log import CallRecord, write
from http_edge.serving.hop import HOP
from http_edge.serving.metrics import OPERATION
from pipelines.stages.record import TRACEPARENT
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
_MILLISECONDS: Final = 1_000

Listing = Callable[[Request, Caller], Awaitable[object]]


def internal_routes(services: EdgeServices) -> list[Route]:
    """The routes, bound to their services. Any one of the scopes is enough."""
    calls = InternalCalls(services)
    return [
        _route(services, "/internal/assignment", calls.assignment, (Scope.AUDIT,)),
        _route(services, "/internal/certificates", calls.certificates, (Scope.AUDIT,)),
        _route(services, INTERNAL_POOLS, calls.pools, (Scope.AUDIT, Scope.SUPPORT)),
        _route(services, INTERNAL_SNAPSHOTS, calls.snapshots, (Scope.AUDIT, Scope.SEARCH)),
    ]


def _route(services: EdgeServices, path: str, listing: Listing, scopes: Sequence[Scope]) -> Route:
    operation = path.removeprefix("/").replace("/", ".")

    async def endpoint(request: Request) -> Response:
        started_s = time.monotonic()
        request.scope[OPERATION] = operation
        caller, status, kind = None, INTERNAL.status, INTERNAL.name
        try:
            caller = await caller_of(services.gate, request)
            headers = await share_of(services.gate, caller)
            if caller.scopes.isdisjoint(scopes):
                raise scope_missing(scopes[0])
            response = json_response(await listing(request, caller), headers=headers)
            status, kind = response.status_code, ""
        except Problem as problem:
            status, kind = problem.kind.status, problem.kind.name
            raise
        finally:
            _record(request, operation, caller, status, kind, time.monotonic() - started_s)
        return response

    return ActingRoute(path, endpoint, methods=["GET"])


def _record(
    request: Request,
    operation: str,
    caller: Caller | None,
    status: int,
    kind: str,
    duration_s: float,
) -> None:
    write(
        CallRecord(
            operation=operation,
            method=request.method,
            status=status,
            duration_ms=duration_s * _MILLISECONDS,
            client=None if caller is None else caller.client_id,
            subject=None if caller is None else caller.subject,
            problem=kind or None,
            hop=HOP in request.headers,
            peer=request.client.host if request.client and caller is None else None,
            traceparent=request.headers.get(TRACEPARENT),
        )
    )


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
        partition = _number(query.get("partition"), "partition", 0, 1_000_000)
        limit = _number(query.get("limit", "1000"), "limit", 1, MAX_PAGE)
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
            partitions = [_number(each, "partitions", 0, last) for each in asked.split(",")]
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


def _number(text: str | None, name: str, least: int, most: int) -> int:
    # As many digits at most as the largest has: a number of thousands of them is not even read.
    wanted = f"{name} must be a whole number from {least} to {most}"
    if text is None or not text.isascii() or not text.isdigit() or len(text) > len(str(most)):
        raise invalid(wanted)
    number = int(text)
    if not least <= number <= most:
        raise invalid(wanted)
    return number


def json_response(content: object, status: int = 200, headers: Any = None) -> Response:
    """JSON that no cache keeps."""
    return Response(
        msgspec.json.encode(content),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
