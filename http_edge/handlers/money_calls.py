"""Two-phase spending over HTTP: authorize, capture, void.

Owns reading the amounts and comparing the code, in constant time: only whether it matched goes on.
"""

import hmac

import structlog

from http_edge.api.models import AuthorizationPath, AuthorizeBody, CaptureBody, CertificatePath
from http_edge.api.problems import code_key_missing, invalid, not_found
from http_edge.asking.asking import Answer, Ask, digest_of, existing, existing_state, perform
from http_edge.asking.services import MINUTE_MS, EdgeServices
from http_edge.handlers.cvc import compute_cvc
from http_edge.handlers.outputs import authorization, captured, standing
from pipelines.contracts.amounts import text_to_minor
from state.certificate.commands import Authorize, Capture, Void
from state.certificate.money import Money
from state.certificate.record import Certificate

_log = structlog.get_logger(__name__)


async def authorize(services: EdgeServices, ask: Ask) -> Answer:
    """Set money aside until it is captured, voided or its time is over."""
    assert isinstance(ask.path, CertificatePath), "what the call takes"
    body = ask.body
    assert isinstance(body, AuthorizeBody), "what the call takes"
    number, amount = ask.path.certificate_id, _money(body.amount, body.currency)
    channel = ask.own_channel(None)
    certificate, matches = await _compared(services, ask, number, body.cvc)
    action = Authorize(
        order_id=body.order_id,
        amount=amount,
        cvc_matches=matches,
        cvc_version=certificate.cvc.version,
        accept_partial=body.accept_partial,
        expires_at_ms=services.now_ms() + services.settings.hold_minutes * MINUTE_MS,
        channel=channel,
    )
    digest = digest_of(
        ask, number, amount.amount_minor, amount.currency, body.order_id, body.accept_partial
    )
    reply = await perform(services, ask, number, action, digest)
    return Answer(content=authorization(reply.outcome), position=reply.position)


async def _compared(
    services: EdgeServices, ask: Ask, number: str, given: str
) -> tuple[Certificate, bool]:
    """The certificate, and whether the code is the one the customer was sent last.

    A code that does not match may have been sent a moment ago: it is compared again with what the
    store shows once it is as far as the log, before it counts as a wrong try. The code of a request
    that was decided is not looked at: nobody may try codes on a request that counts once.
    """
    certificate = existing(await existing_state(services, ask, number))
    if services.outcome_of(number, ask.identity) is not None:
        return certificate, False
    if _code_matches(services, certificate, given):
        return certificate, True
    await services.settled(number, ask.timeout_s)
    certificate = existing(await existing_state(services, ask, number))
    return certificate, _code_matches(services, certificate, given)


def _code_matches(services: EdgeServices, certificate: Certificate, given: str) -> bool:
    """Whether it is the code the customer was sent last. As long for any code, or for none."""
    keys, digits = services.cvc_keys, services.settings.cvc_digits
    cvc = certificate.cvc
    key_id = keys.current_id if cvc.key_id is None else cvc.key_id
    if key_id not in keys.by_id:
        _log.error("the key of a code is not at hand", key_id=key_id)
        raise code_key_missing()
    code = compute_cvc(keys, key_id, certificate.certificate_id, cvc.version, digits)
    return hmac.compare_digest(code, given) and cvc.version > 0


async def capture(services: EdgeServices, ask: Ask) -> Answer:
    """Spend a hold: the amount, or all of it; what is left of it is freed."""
    assert isinstance(ask.path, AuthorizationPath), "what the call takes"
    body = ask.body if ask.body is not None else CaptureBody()
    assert isinstance(body, CaptureBody), "what the call takes"
    number, authorization_id = ask.path.certificate_id, ask.path.authorization_id
    certificate = existing(await existing_state(services, ask, number))
    amount = None
    if body.amount is not None:
        currency = body.currency or certificate.currency
        if currency is None:
            # Only reserved yet: no money is on it, so there is nothing to spend.
            raise not_found()
        amount = _money(body.amount, currency)
    elif body.currency is not None:
        raise invalid("currency needs an amount: leave both out to capture the whole hold")
    asked_minor = None if amount is None else amount.amount_minor
    digest = digest_of(ask, number, authorization_id, asked_minor, body.currency)
    action = Capture(
        authorization_id=authorization_id, amount=amount, channel=ask.spending_channel()
    )
    reply = await perform(services, ask, number, action, digest)
    return Answer(content=captured(reply.outcome), position=reply.position)


async def void_authorization(services: EdgeServices, ask: Ask) -> Answer:
    """Give a hold up."""
    assert isinstance(ask.path, AuthorizationPath), "what the call takes"
    number, authorization_id = ask.path.certificate_id, ask.path.authorization_id
    await existing_state(services, ask, number)
    action = Void(authorization_id=authorization_id, channel=ask.spending_channel())
    reply = await perform(services, ask, number, action, digest_of(ask, number, authorization_id))
    return Answer(content=standing(reply.outcome), position=reply.position)


def _money(amount: str, currency: str) -> Money:
    try:
        amount_minor = text_to_minor(amount, currency)
    except ValueError as error:
        raise invalid(f"amount: {error}") from None
    if amount_minor == 0:
        raise invalid("amount: must be more than nothing")
    return Money(amount_minor=amount_minor, currency=currency)
