"""What Kafka means when it refuses somebody a right, in an operator's words.

Owns which of Kafka's errors are such refusals, and what helps.
"""

from typing import Final

from confluent_kafka import KafkaError, KafkaException

LACKS_RIGHTS: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
HELP: Final = (
    "`giftcert acls check` says which right is missing, `giftcert acls apply`, by who may give "
    "rights, adds it"
)


def lacks_right(error: KafkaError) -> bool:
    """Whether it is a right that is missing: that does not pass by itself."""
    return error.code() in LACKS_RIGHTS


def refusal_behind(error: BaseException) -> KafkaError | None:
    """The refusal that a failure came from, however often it was told in other words since.

    A client that is refused is closed, and what fails meanwhile may be told in its place.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        told = each.args[0] if isinstance(each, KafkaException) else getattr(each, "error", None)
        if isinstance(told, KafkaError) and lacks_right(told):
            return told
        waiting += [each.__cause__, each.__context__]
    return None
