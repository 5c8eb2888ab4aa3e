"""What orders and payments may ask of certificates, and what they must have asked in the end.

Owns the judging of the correlation by the reference's cases: nothing is issued that no money
covers, nothing is spent that order and payment do not agree on, nothing comes back twice; and each
purchase that was paid, each redemption that was agreed on, each refund that was made is asked for
once.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from pipelines.simulation.actors import Breach
from pipelines.simulation.laws_fold import Folded
from pipelines.simulation.laws_log import Findings, Line, ReadLog
from pipelines.simulation.laws_outcomes import Outcomes
from pipelines.simulation.reference_cases import BINDING, UNDONE, Books, Case
from pipelines.simulation.reference_words import Fields, parts
from pipelines.topics import FACTS

AskedBy = dict[str, list[dict[str, Any]]]
"""Commands by the place of the fact that they follow from."""

_MISSING: Final = frozenset({"ORDER_MISSING", "PAYMENT_MISSING"})


def judge_orders(
    log: ReadLog,
    asked: Mapping[str, list[dict[str, Any]]],
    books: Books,
    outcomes: Outcomes,
    *,
    late: bool,
) -> tuple[dict[str, Case], list[Breach]]:
    """Every case as it is at the end, and every command that nothing justifies or that is missing.

    `asked` are the commands by the place of the fact that they follow from; `late` says that every
    waiting is over.
    """
    law = Findings("intents")
    cases: dict[str, Case] = {}
    begun_ms: dict[str, int] = {}
    for line in log.lines(FACTS):
        case = cases.get(line.key)
        if case is None:
            case = cases[line.key] = Case(books)
            begun_ms[line.key] = line.record.timestamp_ms
        case.absorb(line.fields, line.record.timestamp_ms)
        for command in asked.get(_place(line), ()):
            _judge_command(law, line, case, command, begun_ms[line.key])
    for key, case in cases.items():
        _judge_end(law, key, case, outcomes)
    alerts = _judge_alerts(cases) if late else []
    return cases, law.breaches + alerts


def _judge_alerts(cases: Mapping[str, Case]) -> list[Breach]:
    """Where a half never came, people were told."""
    law = Findings("alerts")
    for key, case in cases.items():
        order = case.only_order()
        if (
            order is not None
            and order["status"] in BINDING
            and order["lines"]
            and not case.payments
        ):
            _must(law, key, case, "alert/PAYMENT_MISSING")
        if not case.orders and not case.ordinary_versions and case.concerns_certificates():
            _must(law, key, case, "alert/ORDER_MISSING")
    return law.breaches


def commands_by_fact(folded: Folded) -> AskedBy:
    """What each fact asked of certificates, by where it stands."""
    found: AskedBy = {}
    for record, command in folded.commands:
        found.setdefault(f"{record.partition}/{record.offset}", []).append(command)
    return found


def _place(line: Line) -> str:
    return f"{line.record.partition}/{line.record.offset}"


def _judge_command(law: Findings, line: Line, case: Case, command: Fields, begun_ms: int) -> None:
    subject = f"{command['commandId']} on {command['certificateId']}"
    if command["commandId"] in case.asked:
        law.add(f"{subject}: asked for twice")
    case.asked.add(command["commandId"])
    if command["type"] == "RAISE_ALERT":
        early = line.fields["at"] < begun_ms + line.fields["missingAfterMs"]
        if command["alertCode"] in _MISSING and early:
            law.add(f"{subject}: a half is called missing before its time")
        return
    judge = _JUDGES.get(command["type"])
    if judge is not None:
        fault = judge(case, command)
        if fault is not None:
            law.add(f"{subject}: {fault}")


def _line_of(command: Fields) -> str:
    return str(command["commandId"]).rpartition("/")[2]


def _issue(case: Case, command: Fields) -> str | None:
    order, amount = case.latest(command["orderId"]), parts(command["amount"])
    if order is None or case.status(command["orderId"]) not in BINDING:
        return "issued though no order binds anybody"
    line_id, number, currency = _line_of(command), command["certificateId"], command["currency"]
    told = any(
        (each["lineId"], each["certificateId"], parts(each["amount"])) == (line_id, number, amount)
        for version in case.orders[command["orderId"]].values()
        for each in version["lines"]
    )
    if not told or currency != order["currency"]:
        return "no order says so"
    case.issued[line_id] = (number, amount)
    needed = sum(issued for _, issued in case.issued.values())
    if case.covered(currency) - case.returned(currency) < needed:
        return "issued for money that is not there"
    if case.only_order() and case.covered(currency) + case.spent(currency) < parts(order["total"]):
        return "issued though the order is not covered"
    return None


def _activate(case: Case, command: Fields) -> str | None:
    order = case.latest(command["orderId"])
    if order is None or _line_of(command) not in case.issued:
        return "activated though it was not issued"
    currency = order["currency"]
    needed = sum(issued for _, issued in case.issued.values())
    if case.captured(currency) - case.returned(currency) < needed:
        return "activated for money that was not taken"
    if case.only_order() and case.captured(currency) + case.spent(currency) < parts(order["total"]):
        return "activated though the order is not paid"
    return None


def _release(case: Case, command: Fields) -> str | None:
    return "released though it was issued" if _line_of(command) in case.issued else None


def _cancel(case: Case, command: Fields) -> str | None:
    order = case.latest(command["orderId"])
    number, amount = case.issued.get(_line_of(command), ("", 0))
    if order is None or number != command["certificateId"]:
        return "undone though it was not issued"
    currency = order["currency"]
    left = 0 if case.doubtful(currency) else case.covered(currency) - case.returned(currency)
    if case.status(command["orderId"]) not in UNDONE:
        return "undone though its order is not"
    if left >= amount and case.returned(currency, number) < amount:
        return "undone though its money is still here"
    return None


def _redeem(case: Case, command: Fields) -> str | None:
    payment = case.payments.get(("CAPTURE", command["paymentId"]))
    number, amount = command["certificateId"], parts(command["amount"])
    if payment is None or payment["status"] != "SUCCEEDED":
        return "spent though no payment says so"
    if payment["tender"] != "GIFT_CERTIFICATE" or parts(payment["amount"]) != amount:
        return "spent another amount than was paid"
    if payment["certificateId"] not in (None, number):
        return "spent from another certificate than was paid with"
    case.redeemed[number, amount] += 1
    if case.redeemed[number, amount] > case.tenders_told(number, amount):
        return "spent more often than the order says"
    return None


def _refund(case: Case, command: Fields) -> str | None:
    refund = case.payments.get(("REFUND", command["paymentId"]))
    order = case.latest(command["orderId"])
    if refund is None or refund["status"] != "SUCCEEDED" or order is None:
        return "given back though no payment says so"
    if parts(refund["amount"]) != parts(command["amount"]):
        return "given back another amount than was told"
    if case.status(command["orderId"]) not in UNDONE:
        return "given back though the order stands"
    if not any(number == command["certificateId"] for number, _ in case.redeemed):
        return "given back to a certificate that did not pay"
    return None


_JUDGES: Final[Mapping[str, Callable[[Case, Fields], str | None]]] = {
    "ISSUE": _issue,
    "ACTIVATE": _activate,
    "RELEASE": _release,
    "CANCEL_PURCHASE": _cancel,
    "REDEEM": _redeem,
    "REFUND_TO_CERTIFICATE": _refund,
}


def _judge_end(law: Findings, key: str, case: Case, outcomes: Outcomes) -> None:
    """What must have been asked for, by orders that said the same thing from first to last."""
    order = case.only_order()
    if order is None:
        return
    currency, total = order["currency"], parts(order["total"])
    if order["status"] in UNDONE:
        for line in order["lines"]:
            if line["certificateId"] is not None and line["lineId"] not in case.issued:
                _must(law, key, case, f"release/{line['lineId']}")
    if case.doubtful(currency):
        return
    back = case.returned(currency)
    if order["status"] in BINDING and not order["tenders"] and back == 0:
        for line in order["lines"]:
            if line["certificateId"] is None:
                continue
            if case.covered(currency) >= total:
                _must(law, key, case, f"issue/{line['lineId']}")
                _is_issued(law, key, order, line, outcomes)
            if case.captured(currency) >= total:
                _must(law, key, case, f"activate/{line['lineId']}")
    if order["status"] in UNDONE and case.covered(currency) <= back:
        for line_id in case.issued:
            _must(law, key, case, f"undo/{line_id}")
    if order["status"] != "CREATED":
        _judge_spending(law, key, case, order)


def _must(law: Findings, key: str, case: Case, identity: str) -> None:
    if f"{key}/{identity}" not in case.asked:
        law.add(f"{key}: {identity} was never asked for")


def _is_issued(law: Findings, key: str, order: Fields, line: Fields, outcomes: Outcomes) -> None:
    """What was issued is that order's, for that amount; a refusal was told, and is final."""
    account = outcomes.reference.accounts.get(line["certificateId"])
    request = ("FACT", f"{key}/issue/{line['lineId']}")
    answer = None if account is None else account.answers.get(request, (None, None))[1]
    if account is None or answer is None or answer.code is not None:
        return
    shown = (account.owner, account.currency, account.nominal)
    expected = (order["orderId"], order["currency"], parts(line["amount"]))
    law.compare(f"{key}: what was bought as {line['lineId']}", shown, expected)


def _judge_spending(law: Findings, key: str, case: Case, order: Fields) -> None:
    currency = order["currency"]
    paid = case.succeeded("CAPTURE", currency, certificate=True)
    tenders = Counter(parts(each["amount"]) for each in order["tenders"])
    payments = Counter(parts(each["amount"]) for each in paid)
    redeemed: Counter[int] = Counter()
    for (_, amount), times in case.redeemed.items():
        redeemed[amount] += times
    for amount in tenders.keys() | payments.keys():
        agreed = min(tenders[amount], payments[amount])
        law.compare(f"{key}: redemptions of {amount}", redeemed[amount], agreed)
        if payments[amount] > agreed and order["status"] in BINDING:
            alerts = [name for name in case.asked if "/alert/REDEMPTION_MISMATCH/" in name]
            law.compare(f"{key}: told that {amount} does not agree", bool(alerts), True)
    if order["status"] in UNDONE:
        for refund in case.succeeded("REFUND", currency, certificate=True):
            if f"{key}/redeem/{case.about(refund)}" in case.asked:
                _must(law, key, case, f"refund/{refund['paymentId']}")
    if case.captured(currency) > parts(order["total"]):
        _must(law, key, case, "alert/OVERPAID")
