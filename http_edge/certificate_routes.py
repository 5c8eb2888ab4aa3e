"""The calls about certificates: next, one certificate, its balance, its code, lock and unlock."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.cvc import compute_cvc
from http_edge.inputs import (
    NextBody,
    ReasonBody,
    certificate_number,
    digest_of,
    read_body,
    read_query,
    request_key,
)
from http_edge.outputs import balance, json_response, reservation, snapshot, standing
from http_edge.problems import not_found
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


def certificate_routes(services: EdgeServices) -> list[Route]:
    """The routes, bound to their services."""
    calls = CertificateCalls(services)
    one = "/certificates/{certificate_id}"
    return [
        Route("/certificates/next", calls.next_by_post, methods=["POST"]),
        Route("/certificates/next", calls.next_by_get, methods=["GET"]),
        Route(one, calls.read, methods=["GET"]),
        Route(f"{one}/balance", calls.read_balance, methods=["GET"]),
        Route(f"{one}/cvc", calls.reveal_cvc, methods=["GET"]),
        Route(f"{one}/actions/lock", calls.lock, methods=["POST"]),
        Route(f"{one}/actions/unlock", calls.unlock, methods=["POST"]),
    ]


class CertificateCalls:
    """One method a call."""

    def __init__(self, services: EdgeServices) -> None:
        self._services = services

    async def next_by_post(self, request: Request) -> Response:
        """Reserve the next free number of a pool."""
        return await self._next(request, await read_body(request, NextBody))

    async def next_by_get(self, request: Request) -> Response:
        """The same call for channels that can only GET; `requestId` makes it repeatable."""
        return await self._next(request, read_query(request, NextBody))

    async def _next(self, request: Request, body: NextBody) -> Response:
        settings, now_ms = self._services.settings, self._services.now_ms()
        key = request_key(request)
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
        return json_response(reservation(reply.outcome), 201)

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
        number = certificate_number(request)
        keys, settings = self._services.cvc_keys, self._services.settings
        digest = digest_of("cvc", number)
        reply = await self._ask(request, number, RevealCvc(key_id=keys.current_id), digest)
        outcome = reply.outcome
        assert outcome.cvc_key_id is not None, "a reveal names its key"
        assert outcome.cvc_version is not None, "a reveal has a version"
        code = compute_cvc(
            keys, outcome.cvc_key_id, number, outcome.cvc_version, settings.cvc_digits
        )
        return json_response({"cvc": code})

    async def lock(self, request: Request) -> Response:
        """Stop the certificate, reversibly."""
        body = await read_body(request, ReasonBody)
        return await self._support(request, "lock", Lock(reason=body.reason), body)

    async def unlock(self, request: Request) -> Response:
        """Let the certificate work again."""
        body = await read_body(request, ReasonBody)
        return await self._support(request, "unlock", Unlock(reason=body.reason), body)

    async def _support(
        self, request: Request, name: str, action: Action, body: ReasonBody
    ) -> Response:
        number = certificate_number(request)
        reply = await self._ask(request, number, action, digest_of(name, number, body.reason))
        return json_response(standing(reply.outcome))

    async def _ask(self, request: Request, number: str, action: Action, digest: str) -> Reply:
        key = request_key(request)
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
