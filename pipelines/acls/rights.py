"""The words of the table of rights: principals, resources, operations, and Kafka's own ACLs.

Owns how a right becomes ACLs. Must not say who has which right, nor talk to a broker.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

EVERY_HOST: Final = "*"
EVERYBODY: Final = "User:*"


class Principal(StrEnum):
    """Everybody who comes to Kafka on behalf of this service or beside it."""

    CORRELATOR = "correlator"  # The workers that take orders, payments and deliveries in.
    PROCESSOR = "processor"  # The workers that keep certificates, pools and the index; their edges.
    AUDITOR = "auditor"  # `giftcert auditor` and `giftcert audit`.
    CRM = "crm"  # `giftcert crm`, or the CRM itself.
    BI = "bi"  # `giftcert bi run`, or whoever else fills reports.
    ENRICH = "enrich"  # `giftcert enrich`; with `--dry-run` it reads only.
    LOADER = "loader"  # `giftcert load`.
    STORE = "store"  # The internet store; `giftcert shop` with its till is it on one machine.
    TILL = "till"  # A shop's till, which writes and reads nothing.
    OPERATOR = "operator"  # `topics`, `acls` and every command of [operators.md](operators.md).


class Kind(StrEnum):
    """What a right can be to."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTION = "transactional id"
    CLUSTER = "cluster"


class Operation(StrEnum):
    """What can be done, in Kafka's words."""

    ALL = "All"
    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DELETE = "Delete"
    ALTER = "Alter"
    DESCRIBE = "Describe"
    CLUSTER_ACTION = "ClusterAction"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    ALTER_CONFIGS = "AlterConfigs"
    IDEMPOTENT_WRITE = "IdempotentWrite"


IMPLIED: Final[Mapping[Operation, frozenset[Operation]]] = {
    Operation.READ: frozenset({Operation.DESCRIBE}),
    Operation.WRITE: frozenset({Operation.DESCRIBE}),
    Operation.DELETE: frozenset({Operation.DESCRIBE}),
    Operation.ALTER: frozenset({Operation.DESCRIBE}),
    Operation.ALTER_CONFIGS: frozenset({Operation.DESCRIBE_CONFIGS}),
    Operation.ALL: frozenset(Operation),
}
"""What Kafka allows along with an operation."""


def least(operations: frozenset[Operation]) -> frozenset[Operation]:
    """The same without those that others of them imply."""
    implied = {each for operation in operations for each in IMPLIED.get(operation, ())}
    return operations - implied


CLUSTER_NAME: Final = "kafka-cluster"
"""Kafka's own name of the one resource of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Resource:
    """One thing by its full name, or, `prefixed`, all whose names begin so."""

    kind: Kind
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        if self.kind is Kind.CLUSTER:
            return "the cluster"
        return f"{self.kind} {self.name}{'*' if self.prefixed else ''}"

    def covers(self, other: "Resource") -> bool:
        """Whether everything that `other` names is named here, too."""
        if self.kind is not other.kind:
            return False
        if self.prefixed:
            return other.name.startswith(self.name)
        return self.name == "*" or (self.name == other.name and not other.prefixed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A row of the table."""

    principal: Principal
    resource: Resource
    operations: frozenset[Operation]

    def allows(self, operation: Operation, resource: Resource) -> bool:
        """Whether this right is enough for that."""
        return self.resource.covers(resource) and any(
            operation is each or operation in IMPLIED.get(each, ()) for each in self.operations
        )


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Acl:
    """One entry of Kafka's own list. `user` is Kafka's principal, such as `User:processor`."""

    user: str
    resource: Resource
    operation: Operation
    host: str = EVERY_HOST
    allow: bool = True

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource} for {self.user}"


Users = Mapping[Principal, tuple[str, ...]]
"""The Kafka principals that each of ours is; none at all where nobody plays that part."""


def acls_of(rights: Iterable[Right], users: Users) -> Iterator[Acl]:
    """What Kafka's list must have for these rights."""
    for right in rights:
        for user in users[right.principal]:
            for operation in sorted(right.operations):
                yield Acl(user=user, resource=right.resource, operation=operation)
