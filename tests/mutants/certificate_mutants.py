"""Defects in the rules of a number's sale, and in the step around every rule."""

from typing import Final

from tests.mutants.mutant import Area, Edit, Mutant

_ISSUE: Final = "state/certificate/issue_rules.py"
_TRANSITION: Final = "state/certificate/transition.py"

_SELLING: Final = (
    Mutant(
        name="issued-number-is-issued-again",
        says="Whether a number is still free is not looked at when its reservation lapsed.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_ISSUE,
            before="if certificate.lifecycle not in (Lifecycle.AVAILABLE, Lifecycle.RESERVED):",
            after="if certificate.lifecycle is Lifecycle.ANNULLED:",
        ),
        laws=frozenset({"1", "2", "5", "assert"}),
    ),
    Mutant(
        name="number-reserved-for-another-order-is-issued",
        says="A number that is reserved for one order is issued to whichever order names it.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_ISSUE,
            before="""
        if reservation.order_id not in (None, action.order_id):
            return _lost(RejectionCode.ORDER_MISMATCH, "it is reserved for another order")
""",
            after="",
        ),
        laws=frozenset({"1", "5"}),
    ),
    Mutant(
        name="late-issue-leaves-the-number-in-the-pool",
        says="A number issued after its reservation lapsed stays in the queue of free numbers.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_ISSUE,
            before="""
        *_issued(command, action),
        pool=ForgetInPool(pool=certificate.pool),
    )
""",
            after="""
        *_issued(command, action),
    )
""",
        ),
        laws=frozenset({"5", "pool"}),
        notes="The certificate itself refuses to be reserved again; only the queue is wrong.",
    ),
    Mutant(
        name="code-is-revealed-twice",
        says="One notification lets the one-time code be read by a second request.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_ISSUE,
            before="if notification.revealed:",
            after="if notification.revealed and notification.status is NotificationStatus.SENT:",
        ),
        laws=frozenset({"5"}),
    ),
)

_AROUND: Final = (
    Mutant(
        name="events-of-one-command-share-a-number",
        says="The second event of a command has the sequence number of the first.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_TRANSITION,
            before="        sequence += 1\n        published.append",
            after="        sequence = state.sequence + 1\n        published.append",
        ),
        laws=frozenset({"3", "5"}),
    ),
    Mutant(
        name="refusal-skips-a-number",
        says="A refused command uses up a sequence number that no event has.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_TRANSITION,
            before="    return CertificateState(sequence=sequence, certificate=certificate), "
            "tuple(published)",
            after="    sequence += any(isinstance(event, ErrorRaised) for event in events)\n"
            "    return CertificateState(sequence=sequence, certificate=certificate), "
            "tuple(published)",
        ),
        laws=frozenset({"3", "5"}),
    ),
    Mutant(
        name="reused-key-gets-the-old-answer",
        says="A key that comes again with another content gets the answer to the first content.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_TRANSITION,
            before="if known.body_digest != command.body_digest or "
            "(known.passed_on and not is_offer):",
            after="if known.passed_on and not is_offer:",
        ),
        laws=frozenset({"5", "6", "repeat"}),
    ),
    Mutant(
        name="repeat-is-performed-again",
        says="A refused request that is repeated is judged anew instead of answered as before.",
        area=Area.CERTIFICATE,
        edit=Edit(
            file=_TRANSITION,
            before="    if known is not None:\n        return _repeat",
            after="    if known is not None and known.rejection is None:\n        return _repeat",
        ),
        laws=frozenset({"5", "6", "repeat"}),
    ),
)

MUTANTS: Final = (*_SELLING, *_AROUND)
