"""The token of a buyer: asked of the directory once for each household, and believed."""

import json
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
import stamina

from pipelines.demo.address_book import AddressBook
from pipelines.demo.storefront import ServiceRefused
from tests.pipelines.demo.specimens import basket

URL = "http://shop.test/gateway/addresses"


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Retries without pauses, and four at most."""
    with stamina.set_testing(True, attempts=4):
        yield


def address_book(
    answer: Callable[[httpx.Request], httpx.Response],
) -> tuple[AddressBook, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request)

    return AddressBook(URL, "a-secret", transport=httpx.MockTransport(note)), asked


def token_by_phone(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"token": f"to-{json.loads(request.content)['address'][-1]}"})


def test_token_of_a_household_is_asked_for_once_with_the_secret() -> None:
    """The number is one that nobody has."""
    book, asked = address_book(token_by_phone)
    with book:
        tokens = [book.token_of(basket(each, household_id=household))
                  for each, household in enumerate((7, 8, 7))]  # fmt: skip
    assert tokens == ["to-7", "to-8", "to-7"]
    assert [str(request.url) for request in asked] == [URL, URL]
    assert asked[0].headers["authorization"] == "Bearer a-secret"
    assert re.fullmatch(r"\+1555\d{7}", json.loads(asked[0].content)["address"])


def test_token_is_asked_for_again_when_the_answer_got_lost() -> None:
    failures = iter([True, False])

    def answer(request: httpx.Request) -> httpx.Response:
        if next(failures):
            raise httpx.ConnectError("refused", request=request)
        return token_by_phone(request)

    book, asked = address_book(answer)
    with book:
        assert book.token_of(basket(1)) == "to-7"
    assert len(asked) == 2


def breaks(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    ("answer", "said"),
    [(lambda _request: httpx.Response(401), "answers 401"), (breaks, "does not answer")],
)
def test_directory_that_gives_no_token_ends_the_demo_in_one_line_without_the_number(
    answer: Callable[[httpx.Request], httpx.Response], said: str
) -> None:
    book, _ = address_book(answer)
    with book, pytest.raises(ServiceRefused, match=said) as refused:
        book.token_of(basket(1))
    assert "555" not in str(refused.value)
