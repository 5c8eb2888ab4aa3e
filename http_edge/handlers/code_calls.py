"""The one-time code: read once for each notification, by the CRM."""

import structlog

from http_edge.api.models import CertificatePath, RevealedCode
from http_edge.api.problems import code_key_missing
from http_edge.asking.asking import Answer, Ask, digest_of, existing_state, perform
from http_edge.asking.services import EdgeServices
from http_edge.handlers.cvc import compute_cvc
from state.certificate.commands import RevealCvc

_log = structlog.get_logger(__name__)


async def reveal_code(services: EdgeServices, ask: Ask) -> Answer:
    """The code; the same request gets it again, another one does not."""
    assert isinstance(ask.path, CertificatePath), "what the call takes"
    number = ask.path.certificate_id
    await existing_state(services, ask, number)
    keys, digits = services.cvc_keys, services.settings.cvc_digits
    reply = await perform(
        services, ask, number, RevealCvc(key_id=keys.current_id), digest_of(ask, number)
    )
    outcome = reply.outcome
    assert outcome.certificate_id == number, "the reveal is of another certificate"
    assert outcome.cvc_key_id is not None, "a reveal names its key"
    assert outcome.cvc_version is not None, "a reveal has a version"
    if outcome.cvc_key_id not in keys.by_id:
        _log.error("the key of a code is not at hand", key_id=outcome.cvc_key_id)
        raise code_key_missing()
    code = compute_cvc(keys, outcome.cvc_key_id, number, outcome.cvc_version, digits)
    services.gate.metrics.code_revealed()
    return Answer(content=RevealedCode(cvc=code), position=reply.position)
