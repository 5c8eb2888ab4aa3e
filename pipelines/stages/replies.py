"""Replies: an outcome on its way to whoever waits for it."""

from pipelines.contracts.framing import Framing
from pipelines.contracts.reply_record import Position, Reply, reply_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.stages.record import Incoming, Outgoing
from pipelines.topics import REPLIES
from state.certificate.transition import Outcome


def reply_output(
    framing: Framing, incoming: Incoming, reply_to: str, outcome: Outcome, partitions: int
) -> Outgoing:
    """The reply, in the partition that follows from the asker's id: it reads only that one."""
    position = Position(topic=incoming.topic, partition=incoming.partition, offset=incoming.offset)
    reply = Reply(reply_to=reply_to, outcome=outcome, position=position)
    return Outgoing(
        topic=REPLIES,
        key=outcome.command_id.encode(),
        value=framing.encode(RecordName.REPLY, reply_to_record(reply)),
        headers=incoming.trace,
        partition=partition_of(reply_to.encode(), partitions),
    )
