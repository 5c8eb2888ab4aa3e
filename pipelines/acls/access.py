"""Coming to Kafka as one of the principals of the table, or on an errand: with all rights, or not.

Owns the question before the work, so that a missing right is one line and not a worker that begins,
fails and begins again; and the same question after Kafka has refused something.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pipelines.acls.errands import Errand, Needs, needs_of
from pipelines.acls.refusals import HELP, refusal_behind
from pipelines.acls.rights import IMPLIED, Kind, Operation, Principal
from pipelines.acls.table import NO_NAMES, Names, rights
from pipelines.faults import BrokerFault, BrokerRefused, OperatorError, TopicMissing
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
    asker = _Asker(
        settings=settings,
        who=f"this {principal}",
        needs={
            right.resource.name: right.operations
            for right in rights(settings, names)
            if right.principal is principal and right.resource.kind is Kind.TOPIC
        },
        advice="run `giftcert acls apply` as who may give rights, with the same settings of topics "
        "and groups",
    )
    asker.require()
    with following_password(settings):
        try:
            yield
        except BrokerFault as fault:
            asker.explain(fault)
            raise


@contextmanager
def access_for(errand: Errand, settings: Settings) -> Iterator[None]:
    """The same for a command, which whoever has the rights may run, operator or not."""
    if not settings.logs_in():
        yield
        return
    _on(errand, settings).require()
    with following_password(settings), refusals_explained(errand, settings):
        yield


@contextmanager
def refusals_explained(errand: Errand, settings: Settings) -> Iterator[None]:
    """Ask only when the work in the block fails: for who is in a hurry, or waits for Kafka.

    A topic that is hidden from us looks like one that is not there.
    """
    try:
        yield
    except (BrokerRefused, TopicMissing) as fault:
        if settings.logs_in():
            _on(errand, settings).explain(fault)
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """Asks Kafka what we may do. Groups and transactions: that it refuses one it says itself."""

    settings: Settings
    who: str
    needs: Needs
    advice: str

    def require(self) -> None:
        """BrokerRefused when Kafka lets us not do with a topic what is needed."""
        allowed = KafkaAdmin(self.settings, timeout_s=_ANSWER_S).allowed(self.needs)
        missing = [
            f"{operation} on topic {name}"
            for name, operations in self.needs.items()
            if name in allowed
            for operation in sorted(operations)
            if operation.name not in _with_implied(allowed[name])
        ]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise BrokerRefused(
                f"Kafka at {self.settings.bootstrap} does not let {self.who} do what it needs: "
                f"{', '.join(missing[:_NAMED])}{more}; {self.advice}"
            )

    def explain(self, fault: OperatorError) -> None:
        """BrokerRefused when it is for the want of a right that the work failed."""
        self.require()
        refused = refusal_behind(fault)
        if refused is not None:
            raise BrokerRefused(
                f"Kafka at {self.settings.bootstrap} refused what {self.who} needs: "
                f"{refused.str().rstrip('.')}; {HELP}"
            ) from fault


def _on(errand: Errand, settings: Settings) -> _Asker:
    return _Asker(
        settings=settings,
        who="this command",
        needs=needs_of(errand, settings),
        advice="run it as the operator, whom `giftcert acls apply` gives the rights, with the same "
        "settings of topics and groups",
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
