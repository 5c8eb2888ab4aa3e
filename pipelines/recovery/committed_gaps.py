"""Records that were deleted before they were read. Owns refusing to leave them out."""

from collections.abc import Mapping

from pipelines.faults import TopicDiffers
from pipelines.recovery.log_places import Committed, Place


def refuse_gaps(committed: Mapping[Place, Committed], starts: Mapping[Place, int]) -> None:
    """TopicDiffers where records were deleted before this group had read them."""
    for (topic, partition), each in committed.items():
        start = starts[topic, partition]
        if each.offset is not None and each.offset < start:
            raise TopicDiffers(
                f"{topic} partition {partition}: records {each.offset:,} to {start - 1:,} were "
                "deleted before they were read; find out what they were, then set the group's "
                f"offset to {start} with Kafka's kafka-consumer-groups"
            )
