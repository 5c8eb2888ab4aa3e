"""Defects in the bytes: of records on topics and of records in stores."""

from typing import Final

from tests.mutants.mutant import Area, Edit, Mutant

_AMOUNTS: Final = "pipelines/contracts/amounts.py"
_REPLY: Final = "pipelines/contracts/reply_record.py"
_CODEC: Final = "state/stores/codec.py"
_LAYOUT: Final = "state/stores/layout.py"

_WIRE: Final = (
    Mutant(
        name="every-currency-has-two-digits",
        says="Amounts are scaled by hundredths, also those of currencies with none or three.",
        area=Area.CONTRACTS,
        edit=Edit(
            file=_AMOUNTS,
            before="code: int(10 ** (SCALE - digits)) for code, digits in _EXPONENTS.items()",
            after="code: 10 ** (SCALE - 2) for code in _EXPONENTS",
        ),
        laws=frozenset({"4", "5", "facts", "acknowledged"}),
        notes="Wrong in both directions, so only who encodes the amounts himself can see it.",
    ),
    Mutant(
        name="thousandths-lose-a-zero",
        says="A caller is told amounts with two digits where the currency has three.",
        area=Area.CONTRACTS,
        edit=Edit(
            file=_AMOUNTS,
            before='return f"{sign}{whole}.{fraction:0{digits}d}" if digits else f"{sign}{whole}"',
            after='return f"{sign}{whole}.{fraction:02d}" if digits else f"{sign}{whole}"',
        ),
        laws=frozenset({"acknowledged"}),
    ),
    Mutant(
        name="stream-tells-what-is-available-as-the-balance",
        says="The ledger entry of an event shows the balance without what is held.",
        area=Area.CONTRACTS,
        edit=Edit(
            file="state/certificate/headline.py",
            before="remaining_minor=certificate.remaining_minor,",
            after="remaining_minor=certificate.available_minor,",
        ),
        laws=frozenset({"2", "3", "5"}),
    ),
    Mutant(
        name="entry-of-a-redemption-has-the-wrong-sign",
        says="The ledger entry of a redemption adds what was spent.",
        area=Area.CONTRACTS,
        edit=Edit(
            file="state/certificate/headline.py",
            before="return EntryKind.REDEEM, -amount_minor",
            after="return EntryKind.REDEEM, amount_minor",
        ),
        laws=frozenset({"2", "3", "5"}),
    ),
    Mutant(
        name="reply-tells-the-wrong-deadline",
        says="A checkout is told the time of its request as the end of its reservation.",
        area=Area.CONTRACTS,
        edit=Edit(
            file=_REPLY,
            before='"reservedUntil": outcome.reserved_until_ms,',
            after='"reservedUntil": outcome.reserved_until_ms and outcome.decided_at_ms,',
        ),
        laws=frozenset({"5", "acknowledged"}),
    ),
    Mutant(
        name="pool-command-drops-what-it-is-instead-of",
        says="The number that could not be had is lost on the way back to the pool.",
        area=Area.CONTRACTS,
        edit=Edit(
            file="pipelines/contracts/pool_record.py",
            before='"insteadOf": take.instead_of,',
            after='"insteadOf": None,',
        ),
        laws=frozenset({"5", "settles"}),
        notes="The pool takes the way back for a repeat and offers the same number for ever.",
    ),
)

_KEPT: Final = (
    Mutant(
        name="history-drops-the-correlation",
        says="A kept event does not say which order and payment it came from.",
        area=Area.STORES,
        edit=Edit(
            file=_CODEC,
            before="            correlation_id=entry.correlation_id,\n"
            "            actor=entry.actor,\n        )\n        return _KEPT_ENTRY",
            after="            actor=entry.actor,\n        )\n        return _KEPT_ENTRY",
        ),
        laws=frozenset({"history"}),
    ),
    Mutant(
        name="history-is-kept-under-sixteen-keys",
        says="Only the last digit of an event's number is in its key, so later ones overwrite it.",
        area=Area.STORES,
        edit=Edit(
            file=_LAYOUT,
            before='return _HISTORY + sequence.to_bytes(8, "big").hex().encode()',
            after='return _HISTORY + (sequence % 16).to_bytes(8, "big").hex().encode()',
        ),
        laws=frozenset({"history"}),
        notes="Seen on certificates with more than sixteen events.",
    ),
    Mutant(
        name="deadlines-are-not-in-the-order-of-time",
        says="The time in the key of a deadline has its bytes the wrong way round.",
        area=Area.STORES,
        edit=Edit(
            file=_LAYOUT,
            before='return entry.at_ms.to_bytes(8, "big") + text.encode()',
            after='return entry.at_ms.to_bytes(8, "little") + text.encode()',
        ),
        laws=frozenset({"deadlines", "settles"}),
    ),
    Mutant(
        name="outcomes-of-two-requests-share-a-key",
        says="The outcome of a request is kept under the last part of its id alone.",
        area=Area.STORES,
        edit=Edit(
            file=_LAYOUT,
            before='return b"q" + origin.value[:1].encode() + _within(command_id)',
            after='return b"q" + _within(command_id.rpartition("/")[2])',
        ),
        laws=frozenset({"5"}),
    ),
)

MUTANTS: Final = (*_WIRE, *_KEPT)
