"""Who may not know a number learns nothing from an answer, whatever there is behind the number.

A number that nobody loaded, one that lies free in the pool, and one that another channel reserved:
byte for byte the same. Only support is told which.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest

from tests.flow.scenario import Scenario

_ABOUT_THE_MOMENT: Final = ("date", "ratelimit")
"""How headers begin that differ between any two answers."""
_ALL_BUT_SUPPORT: Final = (
    "certificates:reserve certificates:read certificates:search balance:read cvc:read "
    "certificates:redeem"
)
_MONEY: Final = {"amount": "1.00", "currency": "RUB", "orderId": "o", "cvc": "12345678"}
_NOT_FOUND: Final = (404, "not-found")
_ANOTHER_CHANNEL: Final = {"store": "POS", "till": "ONLINE_STORE", "crm": "POS"}

Told = tuple[int, list[tuple[str, str]], bytes]
"""All of an answer but what is about the moment: status, headers, body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call about one number."""

    method: str = "GET"
    path: str = ""
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


QUESTIONS: Final = {
    "certificate": Question(),
    "certificate, unless it is this one": Question(headers={"If-None-Match": "*"}),
    "balance": Question(path="/balance"),
    "history": Question(path="/history"),
    "history of then": Question(path="/history?asOf=2099-01-01T00:00:00Z"),
    "code": Question(path="/cvc"),
    "authorize": Question(method="POST", path="/authorizations", body=_MONEY),
    "capture": Question(method="POST", path="/authorizations/any/capture"),
    "capture of a part": Question(
        method="POST", path="/authorizations/any/capture", body={"amount": "1.00"}
    ),
    "void": Question(method="POST", path="/authorizations/any/void"),
}


class Asker:
    """One client, with every scope but that of support."""

    def __init__(self, scenario: Scenario, client: str) -> None:
        self._scenario = scenario
        self._auth = scenario.service.acting_as(client, _ALL_BUT_SUPPORT)

    def ask(self, target: str, question: Question, key: str = "oracle") -> httpx.Response:
        """The same key for every number: what it was used for elsewhere must not show either."""
        key = f"{self._scenario.tag}-{key}"
        query = f"?requestId={key}" if question.path == "/cvc" else ""
        return self._scenario.http.request(
            question.method,
            f"{target}{question.path}{query}",
            json=question.body,
            headers={**question.headers, "Idempotency-Key": key},
            auth=self._auth,
        )

    def about(self, number: str, question: Question, key: str = "oracle") -> httpx.Response:
        return self.ask(f"/certificates/{number}", question, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """One of each kind that a client may know nothing of."""

    unknown: str
    free: str
    foreign: str
    foreign_order: str


def numbers_for(scenario: Scenario, client: str) -> Numbers:
    order_id = scenario.new_order_id()
    foreign, free = scenario.load(2)
    assert foreign == scenario.reserve(order_id=order_id, channel=_ANOTHER_CHANNEL[client])
    return Numbers(
        unknown=f"{scenario.tag}-9999", free=free, foreign=foreign, foreign_order=order_id
    )


def told(answer: httpx.Response) -> Told:
    headers = [each for each in answer.headers.items() if not each[0].startswith(_ABOUT_THE_MOMENT)]
    return answer.status_code, headers, answer.content


def key_of(question: str) -> str:
    """One a question, of what may stand in a key."""
    return question.replace(" ", "-").replace(",", "")


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("type", "")).rpartition("/")[2]


def assert_all_the_same(answers: Iterable[httpx.Response], expected: tuple[int, str]) -> None:
    first, *others = answers
    assert kind(first) == expected
    assert [told(other) for other in others] == [told(first)] * len(others)


@pytest.mark.parametrize("client", _ANOTHER_CHANNEL)
def test_number_that_a_client_may_not_know_is_answered_like_one_that_there_is_not(
    scenario: Scenario, client: str
) -> None:
    asker, numbers = Asker(scenario, client), numbers_for(scenario, client)
    for name, question in QUESTIONS.items():
        same = [
            asker.about(number, question, key_of(name))
            for number in (numbers.unknown, numbers.free, numbers.foreign)
        ]
        # Whoever has no channel learns that of itself before anything of a number.
        forbidden = client == "crm" and name == "authorize"
        assert_all_the_same(same, (403, "channel-forbidden") if forbidden else _NOT_FOUND)


@pytest.mark.parametrize("client", ["store", "till"])
def test_key_that_a_number_was_asked_for_with_tells_nothing_in_another_call(
    scenario: Scenario, client: str
) -> None:
    """The log has decided the request, of a number that there is not just as well."""
    asker, numbers = Asker(scenario, client), numbers_for(scenario, client)
    (stopped,) = scenario.load()
    assert scenario.support(stopped, "lock").status_code == 200
    reserve = Question(method="POST", path="/actions/reserve", body={})
    for name, question in QUESTIONS.items():
        key = key_of(name)
        taken = (numbers.unknown, numbers.foreign, stopped)
        refused = [asker.about(number, reserve, key) for number in taken]
        assert_all_the_same(refused, (409, "not-available"))
        acts = question.method == "POST" or name == "code"
        same = [asker.about(number, question, key) for number in taken]
        assert_all_the_same(same, (422, "request-reused") if acts else _NOT_FOUND)


@pytest.mark.parametrize("client", ["store", "till"])
def test_number_that_cannot_be_reserved_is_refused_alike_whatever_became_of_it(
    scenario: Scenario, client: str
) -> None:
    """Nobody's, another channel's, ended or stopped; also when a key comes with other content."""
    asker, numbers = Asker(scenario, client), numbers_for(scenario, client)
    ended, stopped = numbers.free, scenario.load()[0]
    for number, action in ((ended, "annul"), (stopped, "lock")):
        assert scenario.support(number, action).status_code == 200
    taken = (numbers.unknown, numbers.foreign, ended, stopped)
    first = Question(method="POST", path="/actions/reserve", body={})
    other = Question(method="POST", path="/actions/reserve", body={"orderId": "other"})
    for question, expected in (
        (first, (409, "not-available")),
        (first, (409, "not-available")),
        (other, (422, "request-reused")),
    ):
        assert_all_the_same([asker.about(number, question) for number in taken], expected)


def test_number_cannot_be_reserved_by_a_client_without_a_channel_whatever_it_is(
    scenario: Scenario,
) -> None:
    asker, numbers = Asker(scenario, "crm"), numbers_for(scenario, "crm")
    reserve = Question(method="POST", path="/actions/reserve", body={})
    answers = [
        asker.about(number, reserve) for number in (numbers.unknown, numbers.free, numbers.foreign)
    ]
    assert_all_the_same(answers, (403, "channel-forbidden"))


@pytest.mark.parametrize("client", _ANOTHER_CHANNEL)
def test_search_finds_nothing_that_the_client_may_not_know(scenario: Scenario, client: str) -> None:
    asker, numbers = Asker(scenario, client), numbers_for(scenario, client)
    scenario.settle()
    answers = [
        asker.ask(f"/certificates?orderId={order_id}", Question())
        for order_id in ("there-is-none", numbers.foreign_order)
    ]
    assert answers[0].json() == {"items": [], "next": None}
    assert_all_the_same(answers, (200, ""))


def test_support_is_told_which(scenario: Scenario) -> None:
    numbers = numbers_for(scenario, "till")
    answers = [
        scenario.get(f"/certificates/{number}", client="support")
        for number in (numbers.unknown, numbers.free, numbers.foreign)
    ]
    assert kind(answers[0]) == _NOT_FOUND
    lives = [(each.json()["lifecycle"], each.json()["channel"]) for each in answers[1:]]
    assert lives == [("AVAILABLE", None), ("RESERVED", "ONLINE_STORE")]
    scenario.settle()
    found = scenario.get(f"/certificates?orderId={numbers.foreign_order}", client="support")
    assert [each["certificateId"] for each in found.json()["items"]] == [numbers.foreign]
