"""Coming to Kafka as one of the principals of the table: with all rights that it has, or not.

Owns the question before the work, so that a missing right is one line and not a worker that begins,
fails and begins again; and the same question after Kafka has refused something.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipelines.acls.refusals import HELP, refusal_behind
from pipelines.acls.rights import IMPLIED, Kind, Operation, Principal
from pipelines.acls.table import NO_NAMES, Names, rights
from pipelines.faults import BrokerFault, BrokerRefused
from pipelines.kafka_admin import KafkaAdmin
from pipelines.kafka_clients import following_password
from pipelines.settings import Settings

_ANSWER_S: Final = 5.0
_NAMED: Final = 3


@contextmanager
def access_as(principal: Principal, settings: Settings, names: Names = NO_NAMES) -> Iterator[None]:
    """Work inside the block; a new password is taken up meanwhile.

    BrokerRefused, in one line that names the rights, when some are missing, before the work or by
    the time that it fails. Where nobody logs in there are no rights to ask for.
    """
    if not settings.logs_in():
        yield
        return
    require_rights(principal, settings, names)
    with following_password(settings):
        try:
            yield
        except BrokerFault as fault:
            require_rights(principal, settings, names)
            refused = refusal_behind(fault)
            if refused is None:
                raise
            raise BrokerRefused(
                f"Kafka at {settings.bootstrap} refused what this {principal} needs: "
                f"{refused.str().rstrip('.')}; {HELP}"
            ) from fault


def require_rights(principal: Principal, settings: Settings, names: Names = NO_NAMES) -> None:
    """BrokerRefused when Kafka lets us not do with a topic what the table says.

    Groups and transactions are not asked about: that Kafka refuses one is said when it does.
    """
    wanted = {
        right.resource.name: right.operations
        for right in rights(settings, names)
        if right.principal is principal and right.resource.kind is Kind.TOPIC
    }
    allowed = KafkaAdmin(settings, timeout_s=_ANSWER_S).allowed(wanted)
    missing = [
        f"{operation} on topic {name}"
        for name, operations in wanted.items()
        if name in allowed
        for operation in sorted(operations)
        if operation.name not in _with_implied(allowed[name])
    ]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise BrokerRefused(
            f"Kafka at {settings.bootstrap} does not let this {principal} do what it needs: "
            f"{', '.join(missing[:_NAMED])}{more}; run `giftcert acls apply` as who may give "
            "rights, with the same settings of topics and groups"
        )


def _with_implied(names: frozenset[str]) -> frozenset[str]:
    """These operations and what Kafka allows along with them."""
    implied = {
        each.name
        for operation in Operation
        if operation.name in names
        for each in IMPLIED.get(operation, ())
    }
    return names | implied
