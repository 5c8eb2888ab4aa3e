"""Both framings without a network: the registry is a list of schemas.

Owns the stand-in for a registry. Which schemas it holds is each test's.
"""

from typing import Final

from pipelines.contracts.framing import ConfluentFraming, SingleObjectFraming
from pipelines.contracts.registry import RegistryUnreachable, SchemaMissing
from pipelines.contracts.schemas import RecordName, Schema, published

SINGLE_OBJECT: Final = SingleObjectFraming()
SUBJECTS: Final = {record: f"{record.value}-topic-value" for record in RecordName}


class ListedSchemas:
    """A registry that is a list: the id of a schema is its place, from 1. Counts the questions."""

    def __init__(self, *texts: str) -> None:
        self.texts = [*texts, *(s.text for record in RecordName for s in published(record))]
        self.asked = 0
        self.is_down = False

    def id_of(self, subject: str, schema: Schema) -> int:
        assert subject == SUBJECTS[schema.record]
        if schema.text not in self.texts:
            raise SchemaMissing("run `giftcert schemas apply`")
        return self.texts.index(schema.text) + 1

    def schema_text(self, schema_id: int) -> str | None:
        if self.is_down:
            raise RegistryUnreachable("nobody answers")
        self.asked += 1
        return self.texts[schema_id - 1] if schema_id <= len(self.texts) else None

    def close(self) -> None:
        self.is_down = True


def confluent(*texts: str) -> ConfluentFraming:
    """The registry's framing; `texts` stand in the registry before our own schemas."""
    return ConfluentFraming(ListedSchemas(*texts), SUBJECTS)
