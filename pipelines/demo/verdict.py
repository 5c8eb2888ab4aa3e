"""Whether what came of the demo is what had to come of it.

Pure comparison of the demo's own book with what the stream showed. It names every certificate by
the last four characters of its number.
"""

from collections.abc import Iterator, Mapping

from pipelines.demo.book import Book
from pipelines.demo.steps import Slot
from pipelines.demo.witness import Seen, Witness

_NAMED_MAX = 10
_WANTED_REASONS = frozenset({"LOCKED", "POOL_LOW"})


def disagreements(
    book: Book,
    numbers: Mapping[Slot, str],
    witness: Witness,
    *,
    loaded: int,
    refills: int,
) -> list[str]:
    """Every way in which the stream differs from the book, one sentence each."""
    expected = book.expected_events(loaded=loaded, blocked=refills, low=refills)
    return [
        *_differing_events(expected, witness.events()),
        *_shortened(_differing_accounts(book, numbers, witness.certificates())),
        *_shortened(
            f"…{number[-4:]}: its events do not count up by one" for number in witness.astray()
        ),
        *_shortened(
            f"…{number[-4:]}: the CRM did not say just once how its message went"
            for number in witness.told_otherwise()
        ),
        *_unwanted(witness),
    ]


def _differing_events(expected: Mapping[str, int], seen: Mapping[str, int]) -> Iterator[str]:
    for event_type in sorted({*expected, *seen}):
        wanted, came = expected.get(event_type, 0), seen.get(event_type, 0)
        if wanted != came:
            yield f"{event_type}: {came:,} events came, {wanted:,} had to"


def _differing_accounts(
    book: Book, numbers: Mapping[Slot, str], seen: Mapping[str, Seen]
) -> Iterator[str]:
    if len(set(numbers.values())) != len(numbers):
        yield "a number was reserved for two sales"
    for slot, account in book.accounts.items():
        number = numbers.get(slot)
        certificate = None if number is None else seen.get(number)
        if number is None or certificate is None:
            yield f"sale {slot} has no certificate on the stream"
            continue
        wanted = (account.nominal_minor, account.remaining_minor, account.sequence, account.pool)
        came = (
            certificate.nominal_minor,
            certificate.remaining_minor,
            certificate.sequence,
            certificate.pool,
        )
        if wanted != came:
            yield (
                f"…{number[-4:]}: nominal, balance, events and pool are {came}, "
                f"and have to be {wanted}"
            )
        if account.ended != (certificate.lifecycle == "ANNULLED"):
            yield f"…{number[-4:]}: it is {certificate.lifecycle}"


def _unwanted(witness: Witness) -> Iterator[str]:
    """Refusals and alerts of another kind than the story has."""
    for code, count in sorted(witness.reasons().items()):
        if code not in _WANTED_REASONS:
            yield f"{count:,} events say {code}, which nothing here should cause"
    if witness.dead_letters:
        yield f"{witness.dead_letters:,} records are in the dead letter queue"


def _shortened(sentences: Iterator[str]) -> Iterator[str]:
    """The first few, and how many there are beyond."""
    beyond = 0
    for position, sentence in enumerate(sentences):
        if position < _NAMED_MAX:
            yield sentence
        else:
            beyond += 1
    if beyond:
        yield f"and {beyond:,} more of this kind"
