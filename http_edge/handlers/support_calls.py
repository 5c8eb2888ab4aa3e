"""What support does to a certificate: lock, unlock, annul, notify again."""

from http_edge.api.models import CertificatePath, NotifyBody, ReasonBody
from http_edge.asking.asking import Answer, Ask, digest_of, existing_state, perform
from http_edge.asking.services import EdgeServices
from http_edge.handlers.outputs import standing
from state.certificate.commands import Action, Annul, Lock, RequestNotification, Unlock


async def lock(services: EdgeServices, ask: Ask) -> Answer:
    """Stop the certificate, reversibly."""
    return await _act(services, ask, Lock(reason=_reason(ask)))


async def unlock(services: EdgeServices, ask: Ask) -> Answer:
    """Let the certificate work again."""
    return await _act(services, ask, Unlock(reason=_reason(ask)))


async def annul(services: EdgeServices, ask: Ask) -> Answer:
    """End the certificate for good."""
    return await _act(services, ask, Annul(reason=_reason(ask)))


async def notify(services: EdgeServices, ask: Ask) -> Answer:
    """Send the customer another message."""
    assert isinstance(ask.body, NotifyBody), "what the call takes"
    action = RequestNotification(notification_channel=ask.body.channel, reason=ask.body.reason)
    return await _act(services, ask, action, ask.body.channel)


def _reason(ask: Ask) -> str:
    assert isinstance(ask.body, ReasonBody), "what the call takes"
    return ask.body.reason


async def _act(services: EdgeServices, ask: Ask, action: Action, *more: str | None) -> Answer:
    assert isinstance(ask.path, CertificatePath), "what the call takes"
    assert isinstance(ask.body, ReasonBody | NotifyBody), "what the call takes"
    number = ask.path.certificate_id
    await existing_state(services, ask, number)
    reply = await perform(
        services, ask, number, action, digest_of(ask, number, ask.body.reason, *more)
    )
    return Answer(content=standing(reply.outcome), position=reply.position)
