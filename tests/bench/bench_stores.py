"""The bytes of the stores: msgspec's MessagePack against schemaless Avro, in one run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rocksdict import DBCompressionType, Options, Rdict

from state.certificate.record import CapturedHold, CertificateState, OrderLedger
from state.correlation.record import Correlation
from state.stores import codec
from state.stores.codec import RecordCodec
from tests.bench.avro_store_codec import AvroCodec
from tests.bench.measuring import Measured, measure, title
from tests.state.certificate import specimens as certificates
from tests.state.stores.specimens import CERTIFICATE, CORRELATION

# What most records are: a number waiting in its pool, a certificate that was bought, one that was
# spent a few times, and the correlation of an order with a certificate line and two payments.
CAPTURES = {f"hold-{n}": CapturedHold(order_id=f"order-{n}", amount_minor=500) for n in range(4)}
ORDERS = {f"order-{n}": OrderLedger(redeemed_minor=500) for n in range(4)}
BUSY = replace(CERTIFICATE, captures=CAPTURES, orders=ORDERS)
(PAYMENT,) = CORRELATION.payments.values()
BOUGHT = replace(
    CORRELATION, payments={f"CAPTURE/payment-{n}": PAYMENT for n in range(2)}, ordinary_version=None
)
ORDINARY = Correlation(correlation_id="31762651234", since_ms=1, ordinary_version=1, deadline_ms=2)

RECORDS: dict[str, tuple[RecordCodec[Any], type, object]] = {
    "number in the pool": (
        codec.CERTIFICATE_STATE,
        CertificateState,
        CertificateState(sequence=1, certificate=certificates.AVAILABLE),
    ),
    "certificate, active": (
        codec.CERTIFICATE_STATE,
        CertificateState,
        CertificateState(sequence=6, certificate=certificates.ACTIVE),
    ),
    "certificate, spent five times": (
        codec.CERTIFICATE_STATE,
        CertificateState,
        CertificateState(sequence=17, certificate=BUSY),
    ),
    "correlation of a purchase": (codec.CORRELATION, Correlation, BOUGHT),
    "correlation of an ordinary order": (codec.CORRELATION, Correlation, ORDINARY),
}


@pytest.mark.parametrize("name", list(RECORDS))
def test_store_codecs(name: str) -> None:
    store_codec, record_type, record = RECORDS[name]
    avro = AvroCodec(record_type)
    packed, written, plain = store_codec.encode(record), avro.encode(record), avro.plain(record)
    assert store_codec.decode(packed) == record
    assert avro.decode(written) == record
    title(f"{name}: msgpack {len(packed)} bytes, Avro {len(written)} bytes")
    found = measure(
        {
            "msgpack encode": lambda: store_codec.encode(record),
            "Avro encode": lambda: avro.encode(record),
            "Avro encode, from dictionaries": lambda: avro.encode_plain(plain),
            "msgpack decode": lambda: store_codec.decode(packed),
            "Avro decode": lambda: avro.decode(written),
            "Avro decode, to dictionaries": lambda: avro.decode_plain(written),
        }
    )
    both = _both(found, "msgpack encode", "msgpack decode")
    avro_both = _both(found, "Avro encode", "Avro decode")
    floor = _both(found, "Avro encode, from dictionaries", "Avro decode, to dictionaries")
    print(
        f"  encode + decode: msgpack {both:.2f} µs; Avro takes {avro_both / both:.1f} times that, "
        f"{floor / both:.1f} times without making records"
    )


def _both(found: dict[str, Measured], encode: str, decode: str) -> float:
    return found[encode].median_us + found[decode].median_us


KEPT = 50_000


@pytest.mark.parametrize(
    "name", ["number in the pool", "certificate, active", "correlation of an ordinary order"]
)
def test_size_on_disk(name: str, tmp_path: Path) -> None:
    """What a store of so many records takes, compressed as the stream library compresses it."""
    store_codec, record_type, record = RECORDS[name]
    sizes = {}
    for codec_name, encode in (
        ("msgpack", store_codec.encode),
        ("Avro", AvroCodec(record_type).encode),
    ):
        folder = tmp_path / codec_name
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_compression_type(DBCompressionType.lz4())
        database = Rdict(str(folder), options=options)
        for number in range(KEPT):
            database[f"GC-{number:08d}|c".encode()] = encode(_numbered(record, number))
        database.flush()
        database.compact_range(None, None)
        database.close()
        sizes[codec_name] = sum(file.stat().st_size for file in folder.glob("*.sst")) / KEPT
    title(f"{name}: bytes a record on disk, with its key, of {KEPT:,}")
    print("  " + ", ".join(f"{codec_name} {size:.0f}" for codec_name, size in sizes.items()))


def _numbered(record: Any, number: int) -> object:
    """The record with what differs from one to the next really differing."""
    if isinstance(record, Correlation):
        return replace(
            record,
            correlation_id=f"{31_762_651_000 + number * 7919}",
            since_ms=1_735_689_600_000 + number * 997,
            deadline_ms=1_736_294_400_000 + number * 997,
        )
    certificate = replace(
        record.certificate,
        certificate_id=f"GC-{number:08d}",
        order_id=record.certificate.order_id and f"order-{number * 7919}",
        issued_at_ms=record.certificate.issued_at_ms and 1_735_689_600_000 + number * 997,
    )
    return replace(record, certificate=certificate)
