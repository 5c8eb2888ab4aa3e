"""Taking numbers for a checkout: the next one of a pool, or the very one that was scanned."""

from http_edge.api.models import CertificatePath, NextBody, NextQuery, ReserveBody
from http_edge.api.problems import NOT_FOUND, REFUSALS, Problem
from http_edge.asking.asking import Answer, Ask, digest_of, perform
from http_edge.asking.services import MINUTE_MS, EdgeServices
from http_edge.handlers.outputs import reservation
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.stages.record import Outgoing
from pipelines.topics import POOL
from state.certificate.commands import ReserveNumber
from state.certificate.rejections import RejectionCode
from state.pool.commands import PoolCommand, TakeNext


async def take_next(services: EdgeServices, ask: Ask) -> Answer:
    """Reserve the next free number; any process may ask, for the pool's own order decides."""
    asked = ask.body if ask.body is not None else ask.query
    assert isinstance(asked, NextBody | NextQuery), "what the call takes"
    channel = ask.own_channel(asked.channel)
    now_ms = services.now_ms()
    settings = services.settings
    digest = digest_of(ask, asked.pool, channel, asked.order_id)
    command = PoolCommand(
        pool=asked.pool,
        at_ms=now_ms,
        action=TakeNext(
            request_id=ask.identity,
            body_digest=digest,
            channel=channel,
            order_id=asked.order_id,
            reserved_until_ms=now_ms + settings.reservation_minutes * MINUTE_MS,
            low_mark=settings.pool_low_mark,
            reply_to=services.requests.reply_to,
            actor=ask.caller.actor,
        ),
    )
    output = Outgoing(
        topic=POOL,
        key=asked.pool.encode(),
        value=services.framing.encode(RecordName.POOL_COMMAND, pool_command_to_record(command)),
        headers=ask.trace_headers,
    )
    reply = await services.requests.ask(ask.identity, digest, output, ask.timeout_s)
    return Answer(content=reservation(reply.outcome), position=reply.position)


async def reserve_number(services: EdgeServices, ask: Ask) -> Answer:
    """Reserve the scanned number. Why it is not free is support's to know."""
    assert isinstance(ask.path, CertificatePath), "what the call takes"
    assert isinstance(ask.body, ReserveBody), "what the call takes"
    channel = ask.own_channel(ask.body.channel)
    settings = services.settings
    action = ReserveNumber(
        channel=channel,
        order_id=ask.body.order_id,
        until_ms=services.now_ms() + settings.reservation_minutes * MINUTE_MS,
    )
    number = ask.path.certificate_id
    digest = digest_of(ask, number, channel, ask.body.order_id)
    try:
        reply = await perform(services, ask, number, action, digest)
    except Problem as problem:
        if problem.kind in _WHY_NOT_FREE and not ask.caller.is_support:
            raise Problem(REFUSALS[RejectionCode.NOT_AVAILABLE]) from None
        raise
    return Answer(content=reservation(reply.outcome), position=reply.position)


_WHY_NOT_FREE = frozenset(
    {NOT_FOUND, REFUSALS[RejectionCode.LOCKED], REFUSALS[RejectionCode.NOT_AVAILABLE]}
)
