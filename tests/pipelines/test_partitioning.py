"""Which partition a key belongs to: exactly Kafka's own answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.partitioning import murmur2, partition_of

# From Apache Kafka's UtilsTest, as signed 32-bit numbers.
PUBLISHED = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "hashed"), PUBLISHED.items())
def test_hash_is_the_one_that_kafka_publishes(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed % 2**32


@pytest.mark.parametrize(("key", "hashed"), PUBLISHED.items())
def test_partition_is_the_hash_without_its_sign_among_the_partitions(
    key: bytes, hashed: int
) -> None:
    """Kafka drops the sign bit; the absolute value of a negative hash would land elsewhere."""
    assert partition_of(key, 1_009) == (hashed & 0x7FFFFFFF) % 1_009
    if hashed < 0:
        assert partition_of(key, 1_009) != abs(hashed) % 1_009


@given(st.binary(max_size=70), st.integers(1, 10_000))
def test_partition_is_one_of_those_there_are(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions
    assert 0 <= murmur2(key) < 2**32


@given(st.binary(max_size=70))
def test_hash_equals_the_reference_computed_byte_by_byte(key: bytes) -> None:
    """A second way to the same number, close to Kafka's Java text, for every length of a tail."""
    assert murmur2(key) == _reference(key)


def _reference(data: bytes) -> int:
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    state = 0x9747B28C ^ len(data)
    for word in range(len(data) // 4):
        at = word * 4
        k = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24
        k = (k * multiplier) & mask
        k ^= k >> 24
        k = (k * multiplier) & mask
        state = (state * multiplier) & mask
        state ^= k
    tail = len(data) - len(data) % 4
    left = len(data) % 4
    if left == 3:
        state ^= data[tail + 2] << 16
    if left >= 2:
        state ^= data[tail + 1] << 8
    if left >= 1:
        state ^= data[tail]
        state = (state * multiplier) & mask
    state ^= state >> 13
    state = (state * multiplier) & mask
    return state ^ state >> 15
