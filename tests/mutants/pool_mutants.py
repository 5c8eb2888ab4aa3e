"""Defects in the queue of free numbers."""

from typing import Final

from tests.mutants.mutant import Area, Edit, Mutant

_QUEUE: Final = "state/pool/queue.py"

MUTANTS: Final = (
    Mutant(
        name="number-returns-twice",
        says="A number that is in the queue already is put in once more.",
        area=Area.POOL,
        edit=Edit(
            file=_QUEUE,
            before="    if store.position_of(certificate_id) is not None:\n        return ()\n",
            after="",
        ),
        laws=frozenset({"1", "5", "pool"}),
    ),
    Mutant(
        name="last-in-first-out",
        says="The number that came in last goes out first.",
        area=Area.POOL,
        edit=Edit(
            file=_QUEUE,
            before="""
    first = head.first
    while first < head.next_position:
        certificate_id = store.number_at(first)
        if certificate_id is not None:
            store.remove_number(first, certificate_id)
            return replace(head, first=first + 1, level=head.level - 1), certificate_id
        first += 1
    assert head.level == 0, "an empty queue has no level"
    return replace(head, first=first), None
""",
            after="""
    last = head.next_position - 1
    while last >= head.first:
        certificate_id = store.number_at(last)
        if certificate_id is not None:
            store.remove_number(last, certificate_id)
            return replace(head, next_position=last, level=head.level - 1), certificate_id
        last -= 1
    assert head.level == 0, "an empty queue has no level"
    return replace(head, next_position=head.first), None
""",
        ),
        laws=frozenset({"5", "pool"}),
    ),
    Mutant(
        name="repeat-takes-another-number",
        says="A request for the next number that is repeated takes a second number.",
        area=Area.POOL,
        edit=Edit(
            file=_QUEUE,
            before="        if known.certificate_id != action.instead_of:\n",
            after="        if known.certificate_id == action.instead_of:\n",
        ),
        laws=frozenset({"1", "5", "6", "repeat", "settles"}),
    ),
    Mutant(
        name="offer-that-failed-is-made-again",
        says="A number that could not be had is offered to the same request again and again.",
        area=Area.POOL,
        edit=Edit(
            file=_QUEUE,
            before="        if known.certificate_id != action.instead_of:\n",
            after="        if action.request_id:\n",
        ),
        laws=frozenset({"settles"}),
        notes="The request goes round between the pool and the certificate and is never answered.",
    ),
    Mutant(
        name="scanned-number-stays-in-the-queue",
        says="The pool does not forget the number that left by another way.",
        area=Area.POOL,
        edit=Edit(
            file=_QUEUE,
            before="    store.remove_number(position, certificate_id)\n    head = store.head()\n"
            "    store.put_head(replace(head, level=head.level - 1))\n    return ()\n",
            after="    return ()\n",
        ),
        laws=frozenset({"5", "pool"}),
    ),
    Mutant(
        name="forgotten-number-still-counts",
        says="The level of a pool is not lowered when a number leaves it by another way.",
        area=Area.POOL,
        edit=Edit(
            file=_QUEUE,
            before="store.put_head(replace(head, level=head.level - 1))",
            after="store.put_head(head)",
        ),
        laws=frozenset({"5", "pool", "assert"}),
    ),
    Mutant(
        name="empty-answer-is-taken-back",
        says="A request that was told that the pool is empty gets a number when it is repeated.",
        area=Area.POOL,
        edit=Edit(
            file=_QUEUE,
            before="        if known.certificate_id is None:\n"
            "            return (Blocked(rejection=reject(RejectionCode.POOL_EMPTY), "
            "sequence=None),)\n"
            "        if known.certificate_id != action.instead_of:\n",
            after="        if known.certificate_id not in (None, action.instead_of):\n",
        ),
        laws=frozenset({"5", "6", "repeat"}),
    ),
)
