"""The keys within the stores: ordered where order matters, and never the same for two records."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from state.certificate.commands import Origin
from state.stores.layout import (
    DEADLINES,
    MAIN,
    SEPARATOR,
    DeadlineEntry,
    deadline_entry,
    deadline_key,
    history_bounds,
    history_key,
    member_key,
    outcome_key,
    position_key,
    stored_key,
    take_key,
)

# What contracts let through as an id: printable, not empty. Few letters, so that ids meet; among
# them the separator, and the letters that the keys within a record begin with.
IDS = st.text(alphabet="|ceqnptFH01", min_size=1, max_size=8)
PRINTABLE = st.text(min_size=1, max_size=8).filter(str.isprintable)
POSITIONS = st.one_of(
    st.integers(0, 200), st.sampled_from([0x7C, 0x7C63, 0x7C7C, 2**40 + 0x7C, 2**64 - 1])
)
# As certificates have: no separator, and few letters, so that one number begins another.
NUMBERS = st.text(alphabet="-1CEZ", min_size=1, max_size=4)
TIMES = st.integers(0, 2**63 - 1)

DEADLINE_ENTRIES = st.builds(
    DeadlineEntry,
    at_ms=TIMES,
    message_key=PRINTABLE,
    kind=st.sampled_from(["HOLD", "RESERVATION", "CORRELATION"]),
    subject=st.one_of(st.just(""), PRINTABLE),
)


def _record(
    identity: tuple[object, ...], message_key: str, key: bytes
) -> tuple[tuple[object, ...], bytes]:
    return (message_key, *identity), stored_key(message_key.encode(), key)


RECORDS = st.one_of(
    st.builds(lambda m: _record(("main",), m, MAIN), IDS),
    st.builds(
        lambda m, o, c: _record(("outcome", o, c), m, outcome_key(o, c)),
        IDS,
        st.sampled_from([Origin.FACT, Origin.HTTP, Origin.LOADER]),
        IDS,
    ),
    st.builds(lambda m, p: _record(("position", p), m, position_key(p)), IDS, POSITIONS),
    st.builds(lambda m, s: _record(("history", s), m, history_key(s)), IDS, POSITIONS),
    st.builds(lambda m, c: _record(("member", c), m, member_key(c)), IDS, IDS),
    st.builds(lambda m, r: _record(("take", r), m, take_key(r)), IDS, IDS),
)


@given(RECORDS, RECORDS)
@example(
    _record(("outcome",), "GC-1", outcome_key(Origin.FACT, "order|c")),
    _record(("main",), "GC-1|qForder", MAIN),
)
@example(
    _record(("take",), "ELECTRONIC", take_key("x|c")), _record(("main",), "ELECTRONIC|tx", MAIN)
)
def test_stored_keys_of_different_records_never_meet(
    one: tuple[tuple[object, ...], bytes], other: tuple[tuple[object, ...], bytes]
) -> None:
    """One record written over another would be a second truth, or none."""
    assert (one[0] == other[0]) == (one[1] == other[1])


@given(IDS, IDS, POSITIONS)
@example("GC-1", "1", 0x7C63)
def test_only_a_main_record_ends_like_one(message_key: str, subject: str, sequence: int) -> None:
    """A listing of main records knows them by their end. 0x7C63 is `|c`, were it two bytes."""
    main = SEPARATOR + MAIN
    assert stored_key(message_key.encode(), MAIN).endswith(main)
    for key in (
        outcome_key(Origin.FACT, subject),
        take_key(subject),
        member_key(subject),
        history_key(sequence),
    ):
        assert SEPARATOR not in key
        assert not stored_key(message_key.encode(), key).endswith(main)


def test_origins_have_name_spaces_of_their_own() -> None:
    """Three origins keep outcomes; a timer keeps none."""
    keys = {outcome_key(origin, "same") for origin in (Origin.FACT, Origin.HTTP, Origin.LOADER)}
    assert len(keys) == 3


@given(DEADLINE_ENTRIES)
def test_deadline_entry_survives_the_round_trip(entry: DeadlineEntry) -> None:
    assert deadline_entry(deadline_key(entry)) == entry


@given(DEADLINE_ENTRIES, DEADLINE_ENTRIES)
def test_deadline_keys_sort_by_time(one: DeadlineEntry, other: DeadlineEntry) -> None:
    """A scan up to now finds exactly what is due."""
    if one.at_ms != other.at_ms:
        assert (one.at_ms < other.at_ms) == (deadline_key(one) < deadline_key(other))
    else:
        assert (one == other) == (deadline_key(one) == deadline_key(other))


@given(DEADLINE_ENTRIES, RECORDS)
def test_deadlines_never_meet_a_record_of_a_key(
    entry: DeadlineEntry, record: tuple[tuple[object, ...], bytes]
) -> None:
    deadline = stored_key(DEADLINES, deadline_key(entry))
    assert deadline != record[1]
    assert deadline < record[1], "deadlines come before everything else"


@given(POSITIONS, POSITIONS)
def test_numbered_keys_sort_by_their_number(one: int, other: int) -> None:
    assert (one < other) == (position_key(one) < position_key(other))
    assert (one < other) == (history_key(one) < history_key(other))


CERTIFICATE_KEYS = st.one_of(
    st.builds(stored_key, NUMBERS.map(str.encode), st.just(MAIN)),
    st.builds(
        stored_key, NUMBERS.map(str.encode), st.builds(outcome_key, st.just(Origin.HTTP), IDS)
    ),
    st.builds(stored_key, st.just(DEADLINES), DEADLINE_ENTRIES.map(deadline_key)),
)


@given(
    st.sets(CERTIFICATE_KEYS),
    st.dictionaries(NUMBERS, st.integers(0, 40), min_size=1),
    st.integers(0, 41),
)
@example(set(), {"1": 40, "1-": 40, "1C": 40}, 9)
def test_history_of_a_certificate_is_one_unbroken_range(
    others: set[bytes], histories: dict[str, int], after: int
) -> None:
    """A page of it is one scan: in order, all of it, and nothing of another record."""
    keys = others | {
        stored_key(number.encode(), history_key(sequence))
        for number, length in histories.items()
        for sequence in range(1, length + 1)
    }
    for number, length in histories.items():
        lower, upper = history_bounds(number.encode(), after)
        assert [key for key in sorted(keys) if lower <= key < upper] == [
            stored_key(number.encode(), history_key(sequence))
            for sequence in range(after + 1, length + 1)
        ]


def test_history_of_a_certificate_reaches_the_highest_number() -> None:
    lower, upper = history_bounds(b"GC-0001", 2**64 - 2)
    assert lower == stored_key(b"GC-0001", history_key(2**64 - 1)) < upper


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (position_key, -1),
        (position_key, 2**64),
        (history_key, -1),
        (history_key, 2**64),
    ],
)
def test_number_outside_its_eight_bytes_is_a_bug(make: Callable[[int], bytes], wrong: int) -> None:
    with pytest.raises(OverflowError):
        make(wrong)
