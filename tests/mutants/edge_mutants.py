"""Defects in what the edge asks, compares and answers."""

from typing import Final

from tests.mutants.mutant import Area, Edit, Mutant

_ASKING: Final = "http_edge/asking/asking.py"
_SERVICES: Final = "http_edge/asking/services.py"
_MONEY_CALLS: Final = "http_edge/handlers/money_calls.py"

MUTANTS: Final = (
    Mutant(
        name="digest-ignores-the-amount",
        says="Another amount under the same key is taken for a repeat.",
        area=Area.EDGE,
        edit=Edit(
            file=_MONEY_CALLS,
            before="""
        ask, number, amount.amount_minor, amount.currency, body.order_id, body.accept_partial
""",
            after="""
        ask, number, amount.currency, body.order_id, body.accept_partial
""",
        ),
        laws=frozenset({"repeat"}),
    ),
    Mutant(
        name="request-id-ignores-the-client",
        says="Two clients that use the same key are taken for one.",
        area=Area.EDGE,
        edit=Edit(
            file=_ASKING,
            before='return str(uuid5(_REQUEST_IDS, f"{client_id}\\n{key}"))',
            after='return str(uuid5(_REQUEST_IDS, f"{key}"))',
        ),
        laws=frozenset({"5", "repeat"}),
    ),
    Mutant(
        name="repeat-has-another-request-id",
        says="The id of a request depends on when it is made, so a repeat is a new request.",
        area=Area.EDGE,
        edit=Edit(
            file=_ASKING,
            before='return str(uuid5(_REQUEST_IDS, f"{client_id}\\n{key}"))',
            after='return str(uuid5(_REQUEST_IDS, f"{client_id}\\n{key}\\n{time.monotonic()}"))',
        ),
        laws=frozenset({"6", "acknowledged", "repeat"}),
    ),
    Mutant(
        name="earlier-code-opens",
        says="The code that is compared is the one before the last that was revealed.",
        area=Area.EDGE,
        edit=Edit(
            file=_MONEY_CALLS,
            before="code = compute_cvc(keys, key_id, certificate.certificate_id, "
            "cvc.version, digits)",
            after="code = compute_cvc(keys, key_id, certificate.certificate_id, "
            "max(cvc.version - 1, 1), digits)",
        ),
        laws=frozenset({"codes"}),
    ),
    Mutant(
        name="wrong-code-is-judged-by-an-old-store",
        says="A code that was sent a moment ago counts as wrong, for the store is a moment behind.",
        area=Area.EDGE,
        edit=Edit(
            file=_MONEY_CALLS,
            before="""
    await services.settled(number, ask.timeout_s)
    certificate = existing(await existing_state(services, ask, number))
    return certificate, _code_matches(services, certificate, given)
""",
            after="""
    return certificate, False
""",
        ),
        laws=frozenset({"codes"}),
    ),
    Mutant(
        name="own-write-is-not-read",
        says="A read does not wait for the position that its caller was told.",
        area=Area.EDGE,
        edit=Edit(
            file=_SERVICES,
            before="            await self._reached(position, timeout_s)\n            if not self",
            after="            if not self",
        ),
        laws=frozenset({"reads"}),
    ),
    Mutant(
        name="hold-ends-at-once",
        says="A hold is given minutes as if they were milliseconds.",
        area=Area.EDGE,
        edit=Edit(
            file=_MONEY_CALLS,
            before="expires_at_ms=services.now_ms() + services.settings.hold_minutes * MINUTE_MS,",
            after="expires_at_ms=services.now_ms() + services.settings.hold_minutes,",
        ),
        laws=frozenset({"acknowledged"}),
    ),
    Mutant(
        name="part-of-a-hold-is-captured-whole",
        says="A capture of a part of a hold takes all of it.",
        area=Area.EDGE,
        edit=Edit(
            file=_MONEY_CALLS,
            before="authorization_id=authorization_id, amount=amount, "
            "channel=ask.spending_channel()",
            after="authorization_id=authorization_id, amount=None, channel=ask.spending_channel()",
        ),
        laws=frozenset({"acknowledged"}),
    ),
)
