"""Defects in the fold over facts: what is remembered of an order, and what is asked for it."""

from typing import Final

from tests.mutants.mutant import Area, Edit, Mutant

_FOLD: Final = "state/correlation/fold.py"
_INTENTIONS: Final = "state/correlation/intentions.py"
_MATCHING: Final = "state/correlation/matching.py"
_COVERAGE: Final = "state/correlation/coverage.py"

_REMEMBERING: Final = (
    Mutant(
        name="older-order-version-is-taken",
        says="Only the very same version of an order is left out, not an older one.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_FOLD,
            before="    if order.version <= _known_version(state, order.order_id):\n"
            "        return state\n"
            "    if state.order is not None and state.order.order_id != order.order_id:",
            after="    if order.version == _known_version(state, order.order_id):\n"
            "        return state\n"
            "    if state.order is not None and state.order.order_id != order.order_id:",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="payment-goes-backwards",
        says="A payment that is told as pending after it succeeded counts as pending again.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_FOLD,
            before="newer = _RANK[payment.status] > _RANK[known.status]",
            after="newer = payment.status is not known.status",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="payments-of-an-order-are-taken-for-one",
        says="Two payments of one type for one order are taken for the same one told twice.",
        area=Area.CORRELATION,
        edit=Edit(
            file="state/correlation/record.py",
            before='return f"{payment.type.value}/{payment.payment_id}"',
            after='return f"{payment.type.value}/{payment.order_id}"',
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="issued-line-is-forgotten",
        says="A later version of an order replaces the line whose certificate was issued.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_FOLD,
            before="""
        order=_keeping_issued_lines(state, order),
        ordinary_version=None,
""",
            after="""
        order=order,
        ordinary_version=None,
""",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="ordinary-order-is-never-forgotten",
        says="What an order without certificates left behind stays for ever.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_FOLD,
            before="        return Step(state=None)\n",
            after="        return Step(state=state)\n",
        ),
        laws=frozenset({"forgotten", "settles"}),
    ),
    Mutant(
        name="missing-half-is-never-told",
        says="Nobody hears that an order waits too long for its payment.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_FOLD,
            before="if state is None or state.deadline_ms is None "
            "or fact.at_ms < state.deadline_ms:",
            after="if state is None or state.deadline_ms is None or state.order is not None:",
        ),
        laws=frozenset({"alerts", "settles", "intents"}),
    ),
)

_MONEY: Final = (
    Mutant(
        name="voided-capture-counts-as-paid",
        says="A capture that was voided still pays for its order.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_COVERAGE,
            before="captures = [p for p in of(PaymentType.CAPTURE) if p.payment_id not in voided]",
            after="captures = of(PaymentType.CAPTURE)",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="captured-authorization-counts-twice",
        says="Money counts once as authorized and once as captured.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_COVERAGE,
            before="left[target] = max(0, left[target] - taken.amount_minor)",
            after="left[target] = max(0, left[target])",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="other-currency-pays",
        says="A payment in another currency pays for the order as if it were the order's.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_COVERAGE,
            before="return [p for p in correlation.succeeded(type_) "
            "if p.currency == order.currency]",
            after="return list(correlation.succeeded(type_))",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="issued-on-part-of-the-money",
        says="An authorization of any part of the total is enough to issue.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_INTENTIONS,
            before="if order.status in BINDING and _pays(order, paid.covered_minor, paid):",
            after="if order.status in BINDING and paid.covered_minor > 0:",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="activated-when-only-authorized",
        says="A certificate is spendable before its money was captured.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_INTENTIONS,
            before="and issued and _pays(order, paid.captured_minor, paid):",
            after="and issued and _pays(order, paid.covered_minor, paid):",
        ),
        laws=frozenset({"intents"}),
    ),
)

_SPENDING_AND_BACK: Final = (
    Mutant(
        name="redemption-is-asked-for-each-version",
        says="Every new version of an order redeems its payments again.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_INTENTIONS,
            before='identity=f"redeem/{payment.payment_id}",',
            after='identity=f"redeem/{payment.payment_id}/{order.version}",',
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="amounts-that-differ-are-redeemed",
        says="A payment redeems though its order's tender names another amount.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_MATCHING,
            before="if named and amount_minor == payment.amount_minor:",
            after="if named and amount_minor > 0:",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="one-half-is-enough-for-a-refund",
        says="The refund's payment gives the money back before the order says so.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_INTENTIONS,
            before="elif order.status in UNDONE and refund.status is PaymentStatus.SUCCEEDED:",
            after="elif refund.status is PaymentStatus.SUCCEEDED:",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="refund-is-asked-for-each-version",
        says="Every new version of a returned order gives the money back again.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_INTENTIONS,
            before='identity=f"refund/{refund.payment_id}",',
            after='identity=f"refund/{refund.payment_id}/{order.version}",',
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="returned-order-undoes-nothing",
        says="Only a cancelled order undoes a purchase; a returned one leaves it as it is.",
        area=Area.CORRELATION,
        edit=Edit(
            file="state/correlation/facts.py",
            before="UNDONE = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNED})",
            after="UNDONE = frozenset({OrderStatus.CANCELLED})",
        ),
        laws=frozenset({"intents"}),
    ),
    Mutant(
        name="cancelled-order-keeps-its-reservation",
        says="The number of an order that is cancelled before its payment is not given back.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_INTENTIONS,
            before="if order.status in UNDONE or voided:",
            after="if voided:",
        ),
        laws=frozenset({"intents"}),
        notes="The reservation lapses in its time, so the number itself is not lost.",
    ),
    Mutant(
        name="refund-of-goods-ends-the-certificate",
        says="Any money given back for an undone order counts as the certificate's own.",
        area=Area.CORRELATION,
        edit=Edit(
            file=_INTENTIONS,
            before="return paid.any_payment and left_minor <= goods_minor(order) "
            "and left_minor < smallest_minor",
            after="return paid.any_payment and left_minor < order.total_minor + smallest_minor",
        ),
        laws=frozenset({"intents"}),
    ),
)

MUTANTS: Final = (*_REMEMBERING, *_MONEY, *_SPENDING_AND_BACK)
