"""A command put together from parts is byte for byte the command as it is encoded."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.command_record import command_from_record, command_to_record
from pipelines.contracts.framing import ConfluentFraming, Framing, SingleObjectFraming
from pipelines.contracts.schemas import RecordName, Schema
from pipelines.loader.load_commands import LoadCommands
from state.certificate.numbers import fault_of, pool_fault_of


class FakeRegistry:
    """A registry with one schema, whose id has the bytes that could be mistaken for others."""

    def id_of(self, subject: str, schema: Schema) -> int:
        return 0x3F3F3F3F

    def schema_text(self, schema_id: int) -> str | None:
        return None

    def close(self) -> None: ...


FRAMINGS: list[Framing] = [
    SingleObjectFraming(),
    ConfluentFraming(FakeRegistry(), {RecordName.COMMAND: "any"}, (RecordName.COMMAND,)),
]
NUMBERS = st.from_regex(r"(?=.*[0-9])[A-Z0-9-]{6,32}", fullmatch=True)
POOLS = st.from_regex(r"[A-Z][A-Z_]{1,31}", fullmatch=True)


@pytest.mark.parametrize("framing", FRAMINGS, ids=["single object", "registry"])
@given(NUMBERS, POOLS, st.text(string.hexdigits, min_size=16, max_size=16), st.integers(0, 2**45))
def test_encoded_command_is_the_command_encoded(
    framing: Framing, number: str, pool: str, load_id: str, at_ms: int
) -> None:
    assert fault_of(number) is None
    assert pool_fault_of(pool) is None
    commands = LoadCommands(framing, load_id=load_id, at_ms=at_ms, reply_to="0" * 32)
    whole = framing.encode(RecordName.COMMAND, command_to_record(commands.command(number, pool)))
    assert commands.encoded(number, pool) == whole


def test_encoded_command_is_read_as_the_request_that_it_is() -> None:
    framing = SingleObjectFraming()
    commands = LoadCommands(framing, load_id="0123456789abcdef", at_ms=7, reply_to="me")
    fields = framing.decode(RecordName.COMMAND, commands.encoded("GC-0001", "PHYSICAL"))
    command = command_from_record(fields)
    assert command == commands.command("GC-0001", "PHYSICAL")
    assert command.command_id == "load:0123456789abcdef:GC-0001"
    # Kept for ever beside the certificate: another digest would make a repeat another request.
    assert command.body_digest == "c490f246adfef8b03e3e1342be32c3e1"
