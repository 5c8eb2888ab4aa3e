"""The reference model: what must come of every command, said a second time and more simply.

Owns the course of a command and which rule is whose; fed with decoded records in the order of the
log, one account a key. It shares no code with the rules that it judges.
"""

from collections.abc import Callable, Mapping
from typing import Final

from pipelines.simulation import reference_money as money
from pipelines.simulation import reference_stock as stock
from pipelines.simulation.reference_account import Account
from pipelines.simulation.reference_words import Answer, Fields, Verdict

Rule = Callable[[Account, Fields], str | None]

RULES: Final[Mapping[str, Rule]] = {
    "LOAD": stock.load,
    "RESERVE": stock.reserve,
    "RESERVE_NUMBER": stock.reserve_number,
    "EXPIRE_RESERVATION": stock.expire_reservation,
    "RELEASE": stock.release,
    "ISSUE": stock.issue,
    "ACTIVATE": stock.activate,
    "REQUEST_NOTIFICATION": stock.request_notification,
    "NOTIFICATION_RESULT": stock.notification_result,
    "REVEAL_CVC": stock.reveal_cvc,
    "AUTHORIZE": money.authorize,
    "CAPTURE": money.capture,
    "VOID": money.void,
    "EXPIRE_HOLD": money.expire_hold,
    "REDEEM": money.redeem,
    "REFUND_TO_CERTIFICATE": money.refund_to_certificate,
    "REFUND_PENDING": money.refund_pending,
    "REFUND_PENDING_DETAILS": money.refund_pending_details,
    "CANCEL_PURCHASE": money.cancel_purchase,
    "LOCK": money.lock,
    "UNLOCK": money.unlock,
    "ANNUL": money.annul,
    "RAISE_ALERT": money.raise_alert,
}


class Reference:
    """Every number that a command ever named."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}

    def perform(self, command: Fields) -> Verdict:
        """What the next command of its number must come to."""
        number = command["certificateId"]
        account = self.accounts.get(number)
        if account is None:
            account = self.accounts[number] = Account(number)
        if command["origin"] == "TIMER":
            # A timer may ask as often as it likes: it is not answered, and nothing is remembered.
            return _done(account, command, RULES[command["type"]])[0]
        request, digest = (command["origin"], command["commandId"]), command["bodyDigest"]
        if request in account.answers:
            return _again(command, *account.answers[request])
        verdict, code = _done(account, command, RULES[command["type"]])
        if code != stock.PASSED_ON:
            verdict.answer = account.answer(command, code)
        account.answers[request] = (digest, verdict.answer)
        return verdict


def _done(account: Account, command: Fields, rule: Rule) -> tuple[Verdict, str | None]:
    """The rule's work; no from a fact is an event, since nobody waits to be told."""
    account.begin()
    code = rule(account, command)
    if code == stock.PASSED_ON:
        return Verdict(answer=None, pool=("TAKE_NEXT", command["pool"])), code
    if code is not None and command["origin"] == "FACT":
        account.tell(command, "error")
    pool = None if account.word is None else (account.word, account.pool)
    found_under = account.found_under
    return Verdict(answer=None, events=account.told, pool=pool, found_under=found_under), code


def _again(command: Fields, digest: str | None, answer: Answer | None) -> Verdict:
    """A request that was decided: the same again, and nothing happens."""
    # Only what the pool offered is passed on: anything else under that name is another request.
    is_other = answer is None and command["type"] != "RESERVE"
    if digest != command["bodyDigest"] or is_other:
        return Verdict(answer=Answer("REQUEST_REUSED", 0), repeated=True)
    pool = ("TAKE_NEXT", command["pool"]) if answer is None else None
    return Verdict(answer=answer, pool=pool, repeated=True)
