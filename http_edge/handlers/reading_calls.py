"""Reading one certificate: as it is now, and its balance."""

from http_edge.api.models import CertificatePath
from http_edge.asking.asking import Answer, Ask, existing, existing_state
from http_edge.asking.services import EdgeServices
from http_edge.handlers.outputs import balance, snapshot


async def read_certificate(services: EdgeServices, ask: Ask) -> Answer:
    """The certificate as it is now; 304 for a caller who has this version."""
    assert isinstance(ask.path, CertificatePath), "what the call takes"
    state = await existing_state(services, ask, ask.path.certificate_id)
    headers = {"ETag": f'"{state.sequence}"'}
    if ask.if_none_match is not None and _names(ask.if_none_match, headers["ETag"]):
        return Answer(content=None, status=304, headers=headers)
    return Answer(content=snapshot(existing(state), state.sequence), headers=headers)


def _names(condition: str, etag: str) -> bool:
    """Whether If-None-Match names the version; weak and strong compare alike for a read."""
    known = [each.strip().removeprefix("W/") for each in condition.split(",")]
    return "*" in known or etag in known


async def read_balance(services: EdgeServices, ask: Ask) -> Answer:
    """What is left, what is held, what can be spent."""
    assert isinstance(ask.path, CertificatePath), "what the call takes"
    return Answer(
        content=balance(existing(await existing_state(services, ask, ask.path.certificate_id)))
    )
