"""Kafka's own list of ACLs: read, added to, taken from.

Owns the translation between our words and the Kafka client's, and its failures in an operator's
words. Must not know what the list should have.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from confluent_kafka import KafkaError
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from pipelines.acls.rights import Acl, Kind, Operation, Resource
from pipelines.faults import BrokerFault, BrokerRefused
from pipelines.kafka_admin import KafkaAdmin

_KINDS: Final = MappingProxyType(
    {
        Kind.TOPIC: ResourceType.TOPIC,
        Kind.GROUP: ResourceType.GROUP,
        Kind.TRANSACTION: ResourceType.TRANSACTIONAL_ID,
        Kind.CLUSTER: ResourceType.BROKER,
    }
)
_OPERATIONS: Final[Mapping[Operation, AclOperation]] = MappingProxyType(
    {each: AclOperation[each.name] for each in Operation}
)
_KIND_OF: Final = {theirs: ours for ours, theirs in _KINDS.items()}
_OPERATION_OF: Final = {theirs: ours for ours, theirs in _OPERATIONS.items()}


_WHO_MAY: Final = (
    "run this as the operator, who has Alter and Describe on the cluster, and the first time as "
    "one of Kafka's own super.users"
)


class KafkaAcls(KafkaAdmin):
    """One connection for questions about ACLs. Every call ends within `timeout_s`.

    BrokerUnreachable when nobody answers, BrokerRefused when the answer is no.
    """

    def found(self) -> frozenset[Acl]:
        """The whole list, as far as it is about what we have a word for."""
        # To whom may not see it the client shows an empty list, and no error.
        cluster = self._client.describe_cluster(
            include_authorized_operations=True, request_timeout=self._timeout_s
        )
        allowed = self._result(cluster, "describe the cluster").authorized_operations or ()
        if AclOperation.DESCRIBE not in allowed:
            raise BrokerRefused(f"Kafka at {self._bootstrap} refused to list its ACLs; {_WHO_MAY}")
        everything = AclBindingFilter(
            ResourceType.ANY,
            None,
            ResourcePatternType.ANY,
            None,
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        asked = self._client.describe_acls(everything, request_timeout=self._timeout_s)
        listed = self._result(asked, "list its ACLs")
        return frozenset(acl for each in listed if (acl := _acl(each)) is not None)

    def add(self, acls: Collection[Acl]) -> None:
        """Add these and wait until they are in force; one that is there already stays as it is."""
        if acls:
            asked = self._client.create_acls(
                [AclBinding(*_parts(each)) for each in acls], request_timeout=self._timeout_s
            )
            for answer in asked.values():
                self._result(answer, "add ACLs")
            self._await(lambda: set(acls) - self.found(), "added")

    def remove(self, acls: Collection[Acl]) -> None:
        """Take these away and wait until they are gone."""
        if acls:
            asked = self._client.delete_acls(
                [AclBindingFilter(*_parts(each)) for each in acls], request_timeout=self._timeout_s
            )
            for answer in asked.values():
                self._result(answer, "take ACLs away")
            self._await(lambda: set(acls) & self.found(), "taken away")

    def _fault(self, error: KafkaError, doing: str) -> BrokerFault:
        where = f"Kafka at {self._bootstrap}"
        if error.code() == KafkaError.SECURITY_DISABLED:
            return BrokerRefused(
                f"{where} has no authorizer, so there are no rights to give: set "
                "authorizer.class.name on its brokers"
            )
        if error.code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED:
            return BrokerRefused(f"{where} refused to {doing}; {_WHO_MAY}")
        return super()._fault(error, doing)


def _pattern(resource: Resource) -> ResourcePatternType:
    return ResourcePatternType.PREFIXED if resource.prefixed else ResourcePatternType.LITERAL


def _parts(acl: Acl) -> tuple[Any, ...]:
    return (
        _KINDS[acl.resource.kind],
        acl.resource.name,
        _pattern(acl.resource),
        acl.user,
        acl.host,
        _OPERATIONS[acl.operation],
        AclPermissionType.ALLOW if acl.allow else AclPermissionType.DENY,
    )


def _acl(binding: AclBinding) -> Acl | None:
    """None for what we have no word for, such as delegation tokens or a newer Kafka's operation."""
    kind, operation = _KIND_OF.get(binding.restype), _OPERATION_OF.get(binding.operation)
    if kind is None or operation is None:
        return None
    return Acl(
        user=binding.principal,
        resource=Resource(
            kind=kind,
            name=binding.name,
            prefixed=binding.resource_pattern_type is ResourcePatternType.PREFIXED,
        ),
        operation=operation,
        host=binding.host,
        allow=binding.permission_type is AclPermissionType.ALLOW,
    )
