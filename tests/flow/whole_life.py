"""One certificate's whole life over HTTP, with every call there is, rightly and wrongly made.

Owns the making of the calls and the keeping of every answer. What may be in an answer, or anywhere
else afterwards, is the tests'.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx

from http_edge.api.calls import API
from pipelines.local.development_tokens import DevelopmentTokens, kept_tokens
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import Service
from tests.flow.source_messages import Delivery, Payment
from tests.flow.written_down import Place, keys_of_codes, tokens_and_their_keys

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
_TRACED: Final = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
_LONG_AGO_S: Final = 7_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Overheard:
    """Every answer of the service's edges while they were listened to."""

    answers: list[httpx.Response] = field(default_factory=list)

    def not_asked(self) -> set[str]:
        """The calls of the API that were not both performed and refused."""
        return {
            call.operation
            for call in API
            if {answer.is_success for answer in self._answers_to(call.method, call.path)}
            != {True, False}
        }

    def _answers_to(self, method: str, path: str) -> Iterator[httpx.Response]:
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        for answer in self.answers:
            asked = answer.request
            if asked.method == method and pattern.fullmatch(asked.url.path):
                yield answer

    def told(self) -> Iterator[Place]:
        """All that was answered, but for the answers that are a code."""
        for answer in self.answers:
            if not self._is_code(answer):
                yield f"{answer.status_code} {answer.request.url.path}", _all_of(answer)

    def codes_told(self) -> Iterator[Place]:
        """The answers that are a code."""
        return (("cvc", _all_of(answer)) for answer in self.answers if self._is_code(answer))

    def refusals(self) -> Iterator[Place]:
        """The answers that say no."""
        return (
            (answer.request.url.path, _all_of(answer)) for answer in self.answers if answer.is_error
        )

    def _is_code(self, answer: httpx.Response) -> bool:
        return answer.is_success and answer.request.url.path.endswith("/cvc")


def _all_of(answer: httpx.Response) -> bytes:
    """Body and headers, but for the request's own key, which is handed back to who sent it."""
    headers = [each for each in answer.headers.items() if each[0] != "idempotency-key"]
    return answer.content + str(headers).encode()


@contextmanager
def overheard(service: Service) -> Iterator[Overheard]:
    """Keep every answer of the edges from now on."""
    listening = Overheard()

    def keep(answer: httpx.Response) -> None:
        answer.read()
        listening.answers.append(answer)

    for edge in service.edges:
        edge.event_hooks = {"response": [keep]}
    try:
        yield listening
    finally:
        for edge in service.edges:
            edge.event_hooks = {}


class WholeLife:
    """Lived through by `run`. `tokens` are those it showed beside the service's own clients'."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.address = f"address-token-of-{scenario.tag}"
        self.tokens: set[str] = set()
        self.order_id = scenario.new_order_id()
        self.number = ""
        self._asked = 0

    def run(self) -> None:
        """All of it, until nothing is under way any more."""
        self._take()
        self._sell()
        code = self._reveal()
        self._spend(code)
        self._look()
        self._put_the_code_in_wrong_places(code)
        self._support()
        self._show_bad_tokens()
        self.scenario.settle()

    def _post(self, path: str, body: Mapping[str, Any] | None, client: str) -> httpx.Response:
        self._asked += 1
        key = f"{self.scenario.tag}-life-{self._asked}"
        if not path.startswith("/"):
            path = f"/certificates/{self.number}/{path}"
        return self.scenario.post(path, body, client=client, key=key, headers=_TRACED)

    def _get(self, path: str, client: str) -> httpx.Response:
        if not path.startswith("/"):
            path = f"/certificates/{self.number}{'/' if path else ''}{path}"
        return self.scenario.get(path, client=client, headers=_TRACED)

    def _take(self) -> None:
        """The next number by POST and by GET until there is none, and one that was scanned."""
        self.number, scanned, _ = self.scenario.load(3)
        pool = {"pool": self.scenario.pool}
        first = self._post("/certificates/next", {**pool, "orderId": self.order_id}, "store")
        assert first.json()["certificateId"] == self.number
        for client in ("till", "store"):
            self._post(f"/certificates/{scanned}/actions/reserve", {}, client)
        for turn in range(2):
            self._get(f"/certificates/next?pool={pool['pool']}&requestId=get-{turn}", "till")
        self._post("/certificates/next", pool, "store")

    def _sell(self) -> None:
        scenario = self.scenario
        payment = f"{self.order_id}-pay"
        scenario.tell(
            replace(purchase(self.number, self.order_id), address_token=self.address),
            Payment(payment_id=payment, order_id=self.order_id, amount_minor=NOMINAL_MINOR),
        )
        scenario.await_story(self.number, "activate")

    def _reveal(self) -> str:
        """The code, the same again, not to another request; and after a message that failed."""
        scenario, number = self.scenario, self.number
        for request in ("a", "a", "b"):
            scenario.ask_cvc(number, f"{number}-{request}")
        failed = scenario.notification(number)
        scenario.tell(Delivery(number=number, notification_id=failed, outcome="FAILED"))
        scenario.await_story(number, "notification.failed")
        assert self._post("actions/notify", {"reason": "it failed"}, "support").is_success
        answer = scenario.ask_cvc(number, f"{number}-c")
        assert answer.is_success, answer.text
        return str(answer.json()["cvc"])

    def _spend(self, code: str) -> None:
        wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
        order = {"currency": "RUB", "orderId": self.scenario.new_order_id()}
        tenth = {**order, "amount": "10.00", "cvc": code}
        assert self._post("authorizations", {**tenth, "cvc": wrong}, "till").status_code == 403
        for end in ("capture", "void"):
            held = self._post("authorizations", tenth, "till")
            assert held.status_code == 201, held.text
            path = f"authorizations/{held.json()['authorizationId']}/{end}"
            assert [self._post(path, None, "till").is_success for _ in range(2)] == [True, False]
        self._post("authorizations", {**tenth, "amount": "1000000"}, "till")
        self.scenario.spend(self.number, 100)

    def _look(self) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for path in ("", "balance", "history", f"history?asOf={now}"):
            for client in ("support", "auditor"):
                self._get(path, client)
        for by in (
            f"orderId={self.order_id}",
            f"correlationId={self.order_id}",
            f"clientId={self.order_id}-client",
            f"last4={self.number[-4:]}",
            "requestId=unknown",
            "",
        ):
            self._get(f"/certificates?{by}", "support")
        for path in ("/pools", f"/correlations/{self.order_id}"):
            for client in ("support", "till"):
                self._get(path, client)
        self._get("/certificates/UNKNOWN-1", "till")

    def _put_the_code_in_wrong_places(self, code: str) -> None:
        """As a caller does whose program is wrong: refused, and not repeated back."""
        right = {"amount": "1.00", "currency": "RUB", "orderId": "o", "cvc": code}
        for body in (
            {**right, "cvc": f"{code}x"},
            {**right, "more": code},
            {**right, "amount": code + code},
        ):
            assert self._post("authorizations", body, "till").status_code == 422
        for path in (f"authorizations?cvc={code}", f"authorizations/{code}/capture?cvc={code}"):
            assert self._post(path, right, "till").status_code == 422

    def _support(self) -> None:
        for action in ("lock", "unlock", "unlock", "notify", "annul", "notify", "annul", "lock"):
            self._post(f"actions/{action}", {"reason": "checked"}, "support")
            self._post(f"actions/{action}", {"reason": "not mine to do"}, "till")

    def _show_bad_tokens(self) -> None:
        """Expired, for others, forged, and where none belongs."""
        service = self.scenario.service
        kept = kept_tokens(service.data_dir)
        elsewhere = DevelopmentTokens(kept.directory, url=kept.url, audience="others")
        good = service.token("till")
        expired = kept.issue("till", now_s=time.time() - _LONG_AGO_S).text
        bad = [expired, elsewhere.issue("till").text, f"{good[:-8]}AAAAAAAA", f"{good}.{good}"]
        self.tokens.update(bad)
        path = f"/certificates/{self.number}/balance"
        for edge in service.edges:
            for token in bad:
                headers = {"Authorization": f"Bearer {token}"}
                assert edge.get(path, headers=headers).status_code == 401
            assert edge.get(f"{path}?access_token={good}").status_code == 422
        refused = self.scenario.post("/certificates/next", {}, client="till", key=good)
        assert refused.status_code == 400


def secrets_of(life: WholeLife) -> list[bytes]:
    """Codes, keys and tokens, in every form."""
    service = life.scenario.service
    return [
        *(code.encode() for code in service.revealed),
        *keys_of_codes(service, [life.number]),
        *tokens_and_their_keys(service, life.tokens),
    ]
