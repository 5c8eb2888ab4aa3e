"""The development gateway: a message once for each id, shown on the phone, and to nobody else."""

import re

import pytest

from tests.neighbours.shop.shop_under_test import SECRET, Browser, Shop

MESSAGE = {"id": "n-1", "to": "+79001234567", "text": "Your code is 492039"}


def send(
    browser: Browser, message: object = MESSAGE, *, key: str = "n-1", secret: str = SECRET
) -> tuple[int, dict[str, str]]:
    answer = browser.ask(
        "POST",
        "/gateway/messages",
        json=message,
        headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": key},
    )
    return answer.status_code, answer.json()


def test_message_is_taken_and_shown_on_the_phone(browser: Browser) -> None:
    status, answer = send(browser)
    assert status == 202
    assert answer["messageId"]
    shown = browser.open("/phone/").text
    assert "+79001234567" in shown
    assert re.search(r"<strong[^>]*>492039</strong>", shown)


def test_message_sent_again_gets_the_same_answer_and_is_shown_once(browser: Browser) -> None:
    _, first = send(browser)
    status, again = send(browser)
    assert (status, again) == (200, first)
    assert browser.open("/phone/").text.count("492039") == 1


def test_other_message_under_a_known_id_is_refused(browser: Browser) -> None:
    send(browser)
    status, answer = send(browser, {**MESSAGE, "text": "Your code is 111111"})
    assert status == 422
    assert "111111" not in str(answer)


@pytest.mark.parametrize(
    ("message", "key", "secret", "status"),
    [
        (MESSAGE, "n-1", "wrong", 401),
        (MESSAGE, "n-1", "", 401),
        (MESSAGE, "n-2", SECRET, 400),
        ({**MESSAGE, "to": ""}, "n-1", SECRET, 422),
        ({**MESSAGE, "more": 1}, "n-1", SECRET, 422),
        ({"id": "n-1"}, "n-1", SECRET, 422),
        ("text", "n-1", SECRET, 422),
        ({**MESSAGE, "text": "x" * 20_000}, "n-1", SECRET, 413),
    ],
)
def test_call_that_is_not_as_agreed_is_refused_and_quotes_nothing(
    browser: Browser, message: object, key: str, secret: str, status: int
) -> None:
    told = send(browser, message, key=key, secret=secret)
    assert told[0] == status
    assert "492039" not in str(told[1])
    assert "492039" not in browser.open("/phone/").text


def test_call_without_any_secret_is_refused(browser: Browser) -> None:
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": SECRET}):
        answer = browser.ask("POST", "/gateway/messages", json=MESSAGE, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_token_of_an_order_leads_to_its_address(shop: Shop, browser: Browser) -> None:
    token = shop.parts.directory.token_for("+79001234567")
    assert shop.parts.directory.token_for("+79001234567") == token
    path = f"/gateway/addresses/{token}"
    assert browser.open(path).status_code == 401
    headers = {"Authorization": f"Bearer {SECRET}"}
    assert browser.ask("GET", path, headers=headers).json() == {"address": "+79001234567"}
    assert browser.ask("GET", path + "x", headers=headers).status_code == 404


def test_store_of_another_process_gets_a_token_for_an_address(shop: Shop, browser: Browser) -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    known = {"address": "+79001234567"}
    answers = [
        browser.ask("POST", "/gateway/addresses", json=known, headers=headers) for _ in range(2)
    ]
    token = shop.parts.directory.token_for("+79001234567")
    assert [(each.status_code, each.json()) for each in answers] == [(200, {"token": token})] * 2


@pytest.mark.parametrize(
    ("known", "secret", "status"),
    [
        ({"address": "+79001234567"}, "wrong", 401),
        ({"address": ""}, SECRET, 422),
        ({"address": "+79001234567", "more": 1}, SECRET, 422),
        ("+79001234567", SECRET, 422),
        ({"address": "+79001234567" * 2_000}, SECRET, 413),
    ],
)
def test_address_that_is_not_sent_as_agreed_gets_no_token_and_is_not_quoted(
    browser: Browser, known: object, secret: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    answer = browser.ask("POST", "/gateway/addresses", json=known, headers=headers)
    assert answer.status_code == status
    assert "9001234567" not in answer.text


def test_token_has_no_digits_that_look_like_a_phone_number(shop: Shop) -> None:
    """The producer kit refuses addresses where tokens belong."""
    for number in range(50):
        token = shop.parts.directory.token_for(f"+7900000{number:04}")
        assert re.search(r"\d", token) is None


def test_directory_forgets_the_oldest_address(shop: Shop) -> None:
    from pipelines.neighbours.shop.address_directory import AddressDirectory

    directory = AddressDirectory(2)
    tokens = [directory.token_for(address) for address in ("a", "b", "c")]
    assert [directory.address_of(token) for token in tokens] == [None, "b", "c"]
    assert directory.token_for("a") != tokens[0]
