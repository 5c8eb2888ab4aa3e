"""The bytes of the stores: msgspec's MessagePack against schemaless Avro, in one run."""

from dataclasses import replace
from typing import Any

import pytest

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
