"""What holds for every page: who gets in, what browsers may do with it, what it never holds."""

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.types import Message

from pipelines.neighbours.shop.orders import State
from pipelines.neighbours.shop.visits import MAX_FORM_BYTES
from tests.neighbours.shop.fake_edge import Card
from tests.neighbours.shop.shop_under_test import Browser, Shop, says, shop_in

NUMBER = "GC-00000042"
PAGES = (
    "/",
    "/store/",
    "/store/orders",
    "/till/pay",
    "/till/sell",
    "/till/balance",
    "/till/return",
    "/phone/",
    "/stream/",
    "/nowhere",
)


class Checker(HTMLParser):
    """Looks for what every page must have and must not have."""

    VOID = frozenset({"img", "input", "link", "meta", "br", "rect", "circle", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.described: list[str] = []
        self.headings = 0
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag not in self.VOID:
            self._open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "h1":
            self.headings += 1
        if tag == "label" and "for" in given:
            self.labels.append(given["for"])
        self.described += given.get("aria-describedby", "").split()
        if "style" in given or any(name.startswith("on") for name in given):
            self.faults.append(f"{tag} carries its own style or script")
        if tag == "style" or (tag == "script" and "src" not in given):
            self.faults.append(f"a {tag} that the policy forbids")
        if tag == "img" and "alt" not in given:
            self.faults.append("a picture says nothing")
        for name in ("src", "href", "action"):
            if given.get(name, "").startswith(("http://", "https://", "//")):
                self.faults.append(f"{tag} {name} leads away: {given[name]}")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")


def checked(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    checker.close()
    return checker


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_whole_named_and_harmless(shop: Shop, path: str, language: str) -> None:
    """One heading, ids once, every label and description of a field that there is, no script."""
    browser = shop.browser(language)
    page = browser.open(path)
    found = checked(page.text)
    # The service's own pages are on another port: the one link that leads away.
    faults = [fault for fault in found.faults if "/docs" not in fault]
    assert faults == []
    assert found.headings == 1
    assert len(set(found.ids)) == len(found.ids)
    assert set(found.labels) | set(found.described) <= set(found.ids)
    assert f'<html lang="{language}">' in page.text
    assert '<main id="main"' in page.text
    assert 'href="#main"' in page.text


def test_every_response_carries_the_guards(browser: Browser) -> None:
    for path in (*PAGES, "/assets/shop.css", "/healthz", "/assets/gone.css"):
        headers = browser.open(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        kept = "immutable" if "/assets/shop" in path else "no-store"
        if path not in ("/healthz", "/assets/gone.css"):
            assert kept in headers["cache-control"]


def test_assets_that_pages_name_exist_and_have_their_type(browser: Browser) -> None:
    named = set()
    for path in PAGES:
        named |= set(re.findall(r'"(/assets/[^"]+)"', browser.open(path).text))
    assert len(named) > 8
    for path in named:
        answer = browser.open(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith(
            ("text/css", "text/javascript", "image/svg+xml")
        )


def test_stranger_s_host_name_is_turned_away(browser: Browser) -> None:
    """A page of somebody else's whose name leads to this machine."""
    answer = browser.ask("GET", "/till/pay", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "token" not in answer.text


# Forms


def begun(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER, state="ACTIVE", balance_minor=100_000))
    browser.open("/till/pay")
    browser.submit("/till/pay", amount="500", number=NUMBER, code="492039")
    assert shop.order().holds


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, ""),
        ({}, "0" * 64),
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
        ({"Origin": "https://evil.example"}, None),
        ({"Origin": "null"}, None),
    ],
)
def test_form_of_another_site_does_nothing(
    shop: Shop, browser: Browser, headers: dict[str, str], token: str | None
) -> None:
    begun(shop, browser)
    form = browser.form("/pay")
    fields = {**form.fields, "tender": "card"}
    if token is not None:
        fields["token"] = token
    answer = browser.ask("POST", form.action, data=fields, headers=headers)
    assert answer.status_code == 403
    assert shop.order().state is State.OPEN
    assert shop.topics.written == []


def test_form_of_our_own_page_is_taken_from_browsers_old_and_new(
    shop: Shop, browser: Browser
) -> None:
    for headers in (
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8090"},
        {"Origin": "http://127.0.0.1:8090"},
        {},
    ):
        browser.open("/till/balance")
        form = browser.form("/till/balance")
        data = {**form.fields, "number": NUMBER}
        assert browser.ask("POST", form.action, data=data, headers=headers).status_code == 200


def test_token_of_another_session_is_not_taken(shop: Shop, browser: Browser) -> None:
    begun(shop, browser)
    form, other = browser.form("/pay"), shop.browser()
    other.open("/till/pay")
    assert other.send(form, tender="card").status_code == 403


def test_form_that_is_too_large_is_turned_away(browser: Browser) -> None:
    browser.open("/till/balance")
    browser.submit("/till/balance", number="A" * (MAX_FORM_BYTES + 1))
    assert browser.page.status_code == 413
    assert says(browser, "form-too-large", "till")


def test_form_with_far_too_many_fields_is_turned_away(browser: Browser) -> None:
    browser.open("/till/balance")
    browser.submit("/till/balance", **{f"f{number}": "" for number in range(100)})
    assert browser.page.status_code == 413


@pytest.mark.parametrize(
    "body", [b"\xff\xfe=1", b"number=%ff%fe", b"attempt=999999999999999999999999", b"&&&=", b""]
)
def test_form_of_broken_bytes_breaks_nothing(browser: Browser, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = browser.ask("POST", "/till/pay", content=body, headers=headers)
    assert answer.status_code in (403, 413)


def test_visitor_who_leaves_before_the_form_is_sent_breaks_nothing(
    shop: Shop, browser: Browser
) -> None:
    left: list[Message] = [{"type": "http.disconnect"}]
    answered: list[Message] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/till/pay",
        "raw_path": b"/till/pay",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8090")],
        "server": ("127.0.0.1", 8090),
        "scheme": "http",
    }

    async def receive() -> Message:
        return left.pop(0)

    async def send(message: Message) -> None:
        answered.append(message)

    asyncio.run(browser.app(scope, receive, send))
    assert answered[0]["status"] == 400
    assert shop.orders() == []


HOSTILE = '"><script>alert(1)</script>{{7*7}}'


def test_whatever_is_typed_is_shown_as_text(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER))
    browser.open("/till/pay")
    browser.submit("/till/pay", amount=HOSTILE, number=HOSTILE, code=HOSTILE)
    assert "<script>alert" not in browser.text
    assert "&lt;script&gt;" in browser.text
    assert checked(browser.text).faults == []
    browser.open("/store/")
    browser.submit("/store/certificates", nominal="own", amount=HOSTILE, phone=HOSTILE)
    assert "<script>alert" not in browser.text
    assert browser.open(f"/store/orders/{HOSTILE}").status_code == 404


# What is never anywhere


def test_code_and_phone_are_in_no_page_record_memory_or_log(
    shop: Shop, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code goes into one call. The phone number is behind its token, in memory only."""
    code, phone = "492039", "9001234567"
    card = Card(NUMBER, state="ACTIVE", balance_minor=100_000)
    shop.edge.add(card, Card("GC-00000043"))
    browser.open("/till/pay")
    browser.submit("/till/pay", amount="500", number=NUMBER, code=code)
    pages = [browser.text]
    browser.submit("/pay", tender="card")
    pages.append(browser.text)
    browser.open("/store/")
    browser.submit("/store/certificates", nominal="3000", phone=phone)
    browser.submit("/pay")
    pages.append(browser.text)
    out, err = capsys.readouterr()
    everywhere = [*pages, str(shop.topics.written), out, err]
    everywhere += [repr(order) for order in shop.orders()]
    everywhere += [str(request.url) for request in shop.edge.asked]
    for text in everywhere:
        assert code not in text
        assert phone not in text
    bodies = [request.content.decode() for request in shop.edge.asked]
    assert sum(code in body for body in bodies) == 1


# The other pages


def test_language_is_changed_and_remembered(browser: Browser) -> None:
    browser.open("/language/ru?to=/till/sell")
    assert browser.path == "/till/sell"
    assert '<html lang="ru">' in browser.text
    assert '<html lang="ru">' in browser.open("/store/").text


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example/",
        "/store//evil.example",
        "/\\evil.example",
        "/%0d%0aSet-Cookie:x=y",
        # Read in more than one way it would take for ever, and everybody would wait.
        "/" + "a" * 5_000 + "!",
    ],
)
def test_language_link_never_leads_away(browser: Browser, to: str) -> None:
    answer = browser.ask("GET", "/language/en", params={"to": to}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_language_that_nobody_speaks_is_not_found(browser: Browser) -> None:
    assert browser.open("/language/xx").status_code == 404


def test_page_after_a_form_has_a_language_link_that_works(browser: Browser) -> None:
    """A form's own address cannot be looked at."""
    browser.open("/store/")
    browser.submit("/store/goods")
    (link,) = re.findall(r'class="language" href="([^"]+)"', browser.text)
    assert browser.open(link).status_code == 200


def test_cookie_of_the_session_is_for_this_site_and_no_script(browser: Browser) -> None:
    cookie = browser.ask("GET", "/store/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_cookies_behind_https_are_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    with shop_in(tmp_path, gateway_secret_file=None, public_url="https://shop.example") as shop:
        answer = shop.browser().ask("GET", "/store/", headers={"Host": "shop.example"})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie
        assert "strict-transport-security" in answer.headers


def test_shop_that_the_world_sees_is_a_store_and_nothing_else(tmp_path: Path) -> None:
    """The till gives money back and asks nobody who they are; the stream shows all sales."""
    told = {"gateway_secret_file": None, "public_url": "https://shop.example", "bi_page": tmp_path}
    world = {"Host": "shop.example"}
    staff = ("/till/", "/till/pay", "/till/balance", "/stream/", "/stream/live", "/bi/", "/till")
    with shop_in(tmp_path, **told) as shop:
        browser = shop.browser()
        for path in staff:
            answer = browser.ask("GET", path, headers=world)
            assert answer.status_code == 404, path
            assert "/till/" not in answer.text
        start = browser.ask("GET", "/", headers=world, follow_redirects=False)
        assert start.headers["location"] == "/store/"
        store = browser.ask("GET", "/store/", headers=world)
        assert store.status_code == 200
        assert not any(f'"{path}"' in store.text for path in staff)
    with shop_in(tmp_path, **told, staff_pages=True) as shop:
        assert shop.browser().ask("GET", "/till/pay", headers=world).status_code == 200


def test_shop_without_a_gateway_has_no_phone_and_asks_for_none(tmp_path: Path) -> None:
    with shop_in(tmp_path, gateway_secret_file=None) as shop:
        browser = shop.browser()
        shop.edge.add(Card(NUMBER))
        for path in ("/phone/", "/gateway/addresses/to-x"):
            assert browser.open(path).status_code == 404
        assert "/phone/" not in browser.open("/store/").text
        assert 'name="phone"' not in browser.text
        browser.submit("/store/certificates", nominal="3000")
        assert shop.topics.orders()[-1]["notification"] is None


def test_page_of_bi_is_served_under_its_own_policy(tmp_path: Path) -> None:
    page = tmp_path / "bi"
    with shop_in(tmp_path, bi_page=page) as shop:
        browser = shop.browser()
        missing = browser.open("/bi/")
        assert missing.status_code == 404
        assert says(browser, "report-not-written")
        assert "style-src 'self'" in missing.headers["content-security-policy"]
        page.mkdir()
        assert browser.open("/bi/").status_code == 404
        assert says(browser, "report-not-written")
        (page / "index.html").write_text("<h1>Liability</h1>")
        (tmp_path / "secret").write_text("secret")
        answer = browser.open("/bi/")
        assert "Liability" in answer.text
        assert "script-src" not in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-cache"
        assert browser.open("/bi/%2e%2e/secret").status_code == 404
        assert 'href="/bi/"' in browser.open("/").text


def test_shop_is_ready_once_the_stream_and_its_orders_are_read(
    shop: Shop, browser: Browser
) -> None:
    for source in (shop.memory, shop.sales.book):
        source.note_caught_up(False)
        assert browser.open("/readyz").status_code == 503
        assert browser.open("/healthz").status_code == 200
        source.note_caught_up(True)
        assert browser.open("/readyz").status_code == 200


def test_bug_in_a_page_is_told_in_words_and_with_the_guards(
    shop: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_number: str) -> None:
        raise ZeroDivisionError("the code was 492039")

    monkeypatch.setattr(type(shop.parts.balances), "check", lambda _self, number: breaks(number))
    browser.open("/till/balance")
    browser.submit("/till/balance", number=NUMBER)
    assert browser.page.status_code == 500
    assert says(browser, "broken", "till")
    assert "492039" not in browser.text
    assert "content-security-policy" in browser.page.headers
