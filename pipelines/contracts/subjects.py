"""Under which subject a registry knows each record. Owns that naming and nothing else."""

from collections.abc import Mapping

from pipelines.contracts.schemas import RecordName
from pipelines.settings import Settings
from pipelines.topics import DLQ, OURS, SOURCES, Topic, topic_name


def value_subjects(settings: Settings) -> Mapping[RecordName, str]:
    """The subject of every record, ours and the sources'."""
    return {**own_subjects(settings), **source_subjects(settings)}


def own_subjects(settings: Settings) -> Mapping[RecordName, str]:
    """The subjects of the topics we write: ours to register and to guard."""
    # What lies in the DLQ is other topics' bytes, untouched: no schema of its own describes it.
    return {
        RecordName(topic.value): _value_subject(topic, settings)
        for topic in OURS
        if topic is not DLQ
    }


def source_subjects(settings: Settings) -> Mapping[RecordName, str]:
    """The subjects of the topics we only read: theirs, unless nobody else is there."""
    return {RecordName(topic.value): _value_subject(topic, settings) for topic in SOURCES}


def _value_subject(topic: Topic, settings: Settings) -> str:
    """One topic has one record, so the common naming (TopicNameStrategy) is the right one."""
    return f"{topic_name(topic, settings)}-value"
