"""Defects in the rules of a certificate's money: spending it, and giving it back."""

from typing import Final

from tests.mutants.mutant import Area, Edit, Mutant

_SPEND: Final = "state/certificate/spend_rules.py"
_RETURN: Final = "state/certificate/return_rules.py"
_EVOLUTION: Final = "state/certificate/evolution.py"

_SPENDING: Final = (
    Mutant(
        name="captured-hold-stays-open",
        says="A captured hold is not taken away, so its money is set aside for ever.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_EVOLUTION,
            before="""
            return replace(_without_hold(certificate, event.authorization_id), captures=captures)
""",
            after="""
            return replace(certificate, captures=captures)
""",
        ),
        laws=frozenset({"2", "5", "assert"}),
    ),
    Mutant(
        name="held-money-is-available",
        says="What is held is not subtracted from what can be spent.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file="state/certificate/record.py",
            before="return self.remaining_minor - self.held_minor",
            after="return self.remaining_minor",
        ),
        laws=frozenset({"2", "5", "assert"}),
    ),
    Mutant(
        name="locked-certificate-is-redeemed",
        says="A lock does not stop the redemption that order and payment agree on.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before="""
        return refused(RejectionCode.NOT_ACTIVE)
    if certificate.lock is not None:
        return refused(RejectionCode.LOCKED)
    if certificate.currency != action.amount.currency:
        return refused(RejectionCode.CURRENCY_MISMATCH)
    return None
""",
            after="""
        return refused(RejectionCode.NOT_ACTIVE)
    if certificate.currency != action.amount.currency:
        return refused(RejectionCode.CURRENCY_MISMATCH)
    return None
""",
        ),
        laws=frozenset({"5"}),
    ),
    Mutant(
        name="currency-of-an-authorization-is-ignored",
        says="A hold of one currency is taken from a certificate of another.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before="""
    if certificate.currency != action.amount.currency:
        return refused(RejectionCode.CURRENCY_MISMATCH)
    amount_minor = action.amount.amount_minor
    if action.accept_partial:
""",
            after="""
    amount_minor = action.amount.amount_minor
    if action.accept_partial:
""",
        ),
        laws=frozenset({"5"}),
    ),
    Mutant(
        name="capture-exceeds-its-hold",
        says="More than was set aside can be captured.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before="""
    if amount_minor > hold.amount_minor:
        return refused(RejectionCode.HOLD_EXCEEDED)
    return accepted(
        Captured(authorization_id=action.authorization_id, amount_minor=amount_minor),
        _spend(certificate, hold.order_id, amount_minor),
    )
""",
            after="""
    return accepted(
        Captured(authorization_id=action.authorization_id, amount_minor=amount_minor),
        _spend(certificate, hold.order_id, amount_minor),
    )
""",
        ),
        laws=frozenset({"2", "5", "assert"}),
    ),
    Mutant(
        name="captured-money-is-deducted-again",
        says="The payment of a capture over HTTP is taken from the balance a second time.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before="if action.authorization_id in certificate.captures:",
            after="if action.authorization_id in certificate.orders:",
        ),
        laws=frozenset({"5", "intents"}),
    ),
    Mutant(
        name="unnamed-payment-ignores-the-captures-of-its-order",
        says="A payment that names no authorization is deducted on top of its order's captures.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before="""
    for authorization_id, captured in certificate.captures.items():
        unconfirmed_minor = captured.amount_minor - captured.confirmed_minor
        part_minor = min(unconfirmed_minor, left_minor)
        if captured.order_id == action.order_id and part_minor > 0:
            events.append(
                CaptureConfirmed(authorization_id=authorization_id, amount_minor=part_minor)
            )
            left_minor -= part_minor
""",
            after="",
        ),
        laws=frozenset({"5", "intents"}),
    ),
    Mutant(
        name="old-code-still-opens",
        says="A code that matched before a newer one was revealed is accepted after it.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before=(
                "if not (action.cvc_matches and cvc.version > 0 "
                "and action.cvc_version == cvc.version):"
            ),
            after="if not (action.cvc_matches and cvc.version > 0):",
        ),
        laws=frozenset({"5", "codes"}),
        notes="Seen only where the reveal overtakes an authorization that is on its way.",
    ),
    Mutant(
        name="hold-of-another-channel-is-voided",
        says="A client gives up the hold that another channel has made.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before="""
    if hold is None or not hold.is_of(action.channel):
        return refused(RejectionCode.AUTHORIZATION_NOT_OPEN)
    return accepted(Voided(authorization_id=action.authorization_id))
""",
            after="""
    if hold is None:
        return refused(RejectionCode.AUTHORIZATION_NOT_OPEN)
    return accepted(Voided(authorization_id=action.authorization_id))
""",
        ),
        laws=frozenset({"5"}),
    ),
    Mutant(
        name="wrong-codes-are-not-counted",
        says="Each wrong code counts as the first, so five in a row lock nothing.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before="tries = certificate.cvc.wrong_tries + 1",
            after="tries = 1",
        ),
        laws=frozenset({"4", "5"}),
    ),
    Mutant(
        name="hold-expires-a-millisecond-late",
        says="A hold is not due yet in the very millisecond in which it ends.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_SPEND,
            before="if command.at_ms < hold.expires_at_ms:",
            after="if command.at_ms <= hold.expires_at_ms:",
        ),
        laws=frozenset({"5"}),
    ),
)

_RETURNING: Final = (
    Mutant(
        name="earlier-refunds-are-forgotten",
        says="Each refund may give back all that the order redeemed, whatever came back before.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_RETURN,
            before="if action.amount.amount_minor > ledger.redeemed_minor - ledger.refunded_minor:",
            after="if action.amount.amount_minor > ledger.redeemed_minor:",
        ),
        laws=frozenset({"2", "5"}),
    ),
    Mutant(
        name="refund-is-counted-twice",
        says="What is given back goes onto the balance twice.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_EVOLUTION,
            before="remaining_minor = certificate.remaining_minor + amount_minor",
            after="remaining_minor = certificate.remaining_minor + 2 * amount_minor",
        ),
        laws=frozenset({"2", "5", "assert"}),
    ),
    Mutant(
        name="purchase-is-undone-though-spent-in-part",
        says="A certificate that was spent in part is ended as if it were untouched.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_RETURN,
            before="if certificate.remaining_minor < certificate.nominal_minor:",
            after="if certificate.remaining_minor < 0:",
        ),
        laws=frozenset({"5"}),
    ),
    Mutant(
        name="unlocked-number-stays-out-of-the-pool",
        says="A free number that left the queue while it was locked never comes back.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_RETURN,
            before="pool=ReturnToPool(pool=certificate.pool) if free else None,",
            after="",
        ),
        laws=frozenset({"5", "pool"}),
    ),
    Mutant(
        name="annulled-money-stays",
        says="A certificate that is ended keeps its balance.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_RETURN,
            before="amount_minor=certificate.remaining_minor,\n        ),\n"
            "        pool=ForgetInPool",
            after="amount_minor=0,\n        ),\n        pool=ForgetInPool",
        ),
        laws=frozenset({"2", "5"}),
    ),
)

MUTANTS: Final = (*_SPENDING, *_RETURNING)
