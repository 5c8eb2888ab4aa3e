"""The stream of a log in memory, as the certificates stage tells it.

Owns only that.
"""

from pipelines.replay import FoldedPartition, fold_one
from pipelines.stages.certificates import CertificatesStage
from pipelines.topics import COMMANDS, STREAM, topic_name
from tests.pipelines.rebuild.log_in_memory import SETTINGS, LogInMemory
from tests.pipelines.stages.stage_in_memory import FRAMING, PARTITIONS


def tell_stream(log: LogInMemory) -> None:
    """Perform every command that is on the log, and write its events."""
    stage = CertificatesStage(FRAMING, PARTITIONS)
    for partition in range(PARTITIONS):
        folded = FoldedPartition()
        for incoming in log.records.get((topic_name(COMMANDS, SETTINGS), partition), ()):
            for output in fold_one(folded, incoming, stage):
                if output.topic is STREAM:
                    assert output.key is not None
                    log.append(STREAM, output.key, output.value)
