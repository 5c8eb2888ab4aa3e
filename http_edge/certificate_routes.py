"""The calls about certificates: next, one certificate, its balance, its code, lock and unlock."""

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.acting_route import ActingRoute
from http_edge.cvc import compute_cvc
from http_edge.inputs import (
    NextBody,
    ReasonBody,
    certificate_number,
    digest_of,
    read_body,
    read_query,
    request_key,
    told_key,
)
from http_edge.outputs import balance, json_response, reservation, snapshot, standing
from http_edge.problems import code_key_missing, not_found
from http_edge.services import MINUTE_MS, EdgeServices
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.reply_record import Reply
from pipelines.contracts.schemas import RecordName
from pipelines.stages.record import TRACEPARENT, Outgoing
from pipelines.topics import COMMANDS, POOL
from state.certificate.commands import Action, Command, Lock, Origin, RevealCvc, Unlock
from state.certificate.record import Certificate
from state.pool.commands import PoolCommand, TakeNext

ACTOR = "edge"
"""Who acts, until callers say who they are."""

_log = structlog.get_logger(__name__)


def certificate_routes(services: EdgeServices) -> list[Route]:
    """The routes, bound to their services."""
    calls = CertificateCalls(services)
    one = "/certificates/{certificate_id}"
    return [
        ActingRoute("/certificates/next", calls.take_next, methods=["GET", "POST"]),
        Route(one, calls.read, methods=["GET"]),
        Route(f"{one}/balance", calls.read_balance, methods=["GET"]),
        ActingRoute(f"{one}/cvc", calls.reveal_cvc, methods=["GET"]),
        ActingRoute(f"{one}/actions/lock", calls.lock, methods=["POST"]),
        ActingRoute(f"{one}/actions/unlock", calls.unlock, methods=["POST"]),
    ]


class CertificateCalls:
    """One method a call."""

    def __init__(self, services: EdgeServices) -> None:
        self._services = services

    async def take_next(self, request: Request) -> Response:
        """Reserve the next free number of a pool. GET is for channels that cannot POST."""
        key = request_key(request)
        if request.method == "POST":
            body = await read_body(request, NextBody)
        else:
            body = read_query(request, NextBody)
        settings, now_ms = self._services.settings, self._services.now_ms()
        digest = digest_of("next", body.pool, body.channel, body.orderId)
        command = PoolCommand(
            pool=body.pool,
            at_ms=now_ms,
            action=TakeNext(
                request_id=key,
                body_digest=digest,
                channel=body.channel,
                order_id=body.orderId,
                reserved_until_ms=now_ms + settings.reservation_minutes * MINUTE_MS,
                low_mark=settings.pool_low_mark,
                reply_to=self._services.requests.reply_to,
                actor=ACTOR,
            ),
        )
        record = pool_command_to_record(command)
        output = Outgoing(
            topic=POOL,
            key=body.pool.encode(),
            value=self._services.framing.encode(RecordName.POOL_COMMAND, record),
            headers=_trace(request),
        )
        reply = await self._services.requests.ask(key, digest, output)
        return json_response(reservation(reply.outcome), 201, told_key(request))

    async def read(self, request: Request) -> Response:
        """The certificate as it is now."""
        number = certificate_number(request)
        state = await self._services.certificate_state(number)
        certificate = _existing(state.certificate)
        etag = f'"{state.sequence}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return json_response(snapshot(certificate, state.sequence), headers={"ETag": etag})

    async def read_balance(self, request: Request) -> Response:
        """What is left, what is held, what can be spent."""
        state = await self._services.certificate_state(certificate_number(request))
        return json_response(balance(_existing(state.certificate)))

    async def reveal_cvc(self, request: Request) -> Response:
        """The one-time code, once for each notification; the same request gets it again."""
        key = request_key(request)
        number = certificate_number(request)
        keys, settings = self._services.cvc_keys, self._services.settings
        digest = digest_of("cvc", number)
        action = RevealCvc(key_id=keys.current_id)
        reply = await self._ask(request, key, number, action, digest)
        outcome = reply.outcome
        assert outcome.certificate_id == number, "the reveal is of another certificate"
        assert outcome.cvc_key_id is not None, "a reveal names its key"
        assert outcome.cvc_version is not None, "a reveal has a version"
        if outcome.cvc_key_id not in keys.by_id:
            _log.error("the key of a code is not at hand", key_id=outcome.cvc_key_id)
            raise code_key_missing()
        code = compute_cvc(
            keys, outcome.cvc_key_id, number, outcome.cvc_version, settings.cvc_digits
        )
        return json_response({"cvc": code}, headers=told_key(request))

    async def lock(self, request: Request) -> Response:
        """Stop the certificate, reversibly."""
        return await self._support(request, "lock", Lock)

    async def unlock(self, request: Request) -> Response:
        """Let the certificate work again."""
        return await self._support(request, "unlock", Unlock)

    async def _support(
        self, request: Request, name: str, action: type[Lock] | type[Unlock]
    ) -> Response:
        key = request_key(request)
        body = await read_body(request, ReasonBody)
        number = certificate_number(request)
        digest = digest_of(name, number, body.reason)
        reply = await self._ask(request, key, number, action(reason=body.reason), digest)
        return json_response(standing(reply.outcome), headers=told_key(request))

    async def _ask(
        self, request: Request, key: str, number: str, action: Action, digest: str
    ) -> Reply:
        command = Command(
            command_id=key,
            at_ms=self._services.now_ms(),
            certificate_id=number,
            origin=Origin.HTTP,
            action=action,
            actor=ACTOR,
            reply_to=self._services.requests.reply_to,
            body_digest=digest,
        )
        output = Outgoing(
            topic=COMMANDS,
            key=number.encode(),
            value=self._services.framing.encode(RecordName.COMMAND, command_to_record(command)),
            headers=_trace(request),
        )
        return await self._services.requests.ask(key, digest, output)


def _existing(certificate: Certificate | None) -> Certificate:
    if certificate is None:
        raise not_found()
    return certificate


def _trace(request: Request) -> list[tuple[str, bytes]]:
    """The caller's trace, handed on with the command."""
    trace = request.headers.get(TRACEPARENT)
    return [] if trace is None else [(TRACEPARENT, trace.encode())]
