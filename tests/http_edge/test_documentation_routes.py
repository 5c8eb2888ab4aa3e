"""`/openapi.json` and `/docs`: readable by anybody, and made of nothing but our own files."""

import re
from html.parser import HTMLParser

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from http_edge.api.documentation_routes import ASSETS, DOCS_PATH, OPENAPI_PATH, documentation_routes
from http_edge.api.openapi import description
from http_edge.serving.guards import guarded
from pipelines.settings import Settings
from tests.http_edge.edge_under_test import FakeServices, call

pytestmark = pytest.mark.anyio
ISSUER = "http://127.0.0.1:9000"
SETTINGS = Settings(_env_prefix="NO_SUCH_PREFIX_", token_issuer=f"{ISSUER}/realm")


async def get(path: str, *, method: str = "GET", **headers: str) -> httpx.Response:
    """One call of the documentation, behind the guards that all answers pass."""
    app = guarded(Starlette(routes=documentation_routes(SETTINGS)), SETTINGS)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge.test") as client:
        return await client.request(
            method, path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )


class References(HTMLParser):
    """Everything that a page refers to, and what stands inside its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inside: list[str] = []
        self._tag = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.addresses += [text or "" for name, text in attrs if name in ("src", "href")]
        self.inside += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        if self._tag in ("script", "style") and data.strip():
            self.inside.append(data)

    def handle_endtag(self, _tag: str) -> None:
        self._tag = ""


async def test_description_without_a_token_is_the_one_of_these_settings() -> None:
    answer = await get(OPENAPI_PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == msgspec.json.encode(description(SETTINGS))


async def test_description_that_the_reader_has_is_not_sent_again() -> None:
    first = await get(OPENAPI_PATH)
    for condition in (
        first.headers["etag"],
        f"W/{first.headers['etag']}",
        f'"x", {first.headers["etag"]}',
    ):
        again = await get(OPENAPI_PATH, if_none_match=condition)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    other = await get(OPENAPI_PATH, if_none_match='"another"')
    assert other.status_code == 200


async def test_page_refers_to_nothing_but_files_that_are_served_here() -> None:
    page = await get(DOCS_PATH)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    found = References(page.text)
    assert {address.removeprefix("docs/assets/") for address in found.addresses} == ASSETS
    assert found.inside == []
    for address in found.addresses:
        assert (await get(f"/{address}")).status_code == 200


async def test_script_that_starts_the_page_asks_for_the_description_and_no_validator() -> None:
    script = (await get(f"{DOCS_PATH}/assets/start.js")).text
    assert f'url: "{OPENAPI_PATH.removeprefix("/")}"' in script
    assert 'validatorUrl: "none"' in script
    assert "://" not in script


@pytest.mark.parametrize("name", sorted(ASSETS))
async def test_file_of_the_page_is_served_with_its_type_and_kept_by_browsers(name: str) -> None:
    answer = await get(f"{DOCS_PATH}/assets/{name}")
    wanted = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
    assert answer.headers["content-type"].startswith(wanted[name.rpartition(".")[2]])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    again = await get(f"{DOCS_PATH}/assets/{name}", if_none_match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "docs.html",
        "swagger-editor-bundle.js",
        "oauth2-redirect.html",
        "../documentation_routes.py",
        "..%2Fdocumentation_routes.py",
        "%2e%2e/documentation_routes.py",
        "/etc/passwd",
        "",
    ],
)
async def test_file_that_the_page_does_not_need_is_not_served(name: str) -> None:
    answer = await get(f"{DOCS_PATH}/assets/{name}")
    assert answer.status_code == 404


async def test_page_may_run_only_its_own_files_and_ask_only_us_and_the_issuer() -> None:
    (policy,) = (await get(DOCS_PATH)).headers.get_list("content-security-policy")
    told = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert told["default-src"] == "'none'"
    assert told["script-src"] == told["style-src"] == "'self'"
    assert told["connect-src"] == f"'self' {ISSUER}"
    assert told["frame-ancestors"] == "'none'"
    assert not re.search(r"unsafe|\*|https:(?!//)", policy)


@pytest.mark.parametrize("path", [OPENAPI_PATH, DOCS_PATH, f"{DOCS_PATH}/assets/start.js"])
async def test_documentation_is_read_and_nothing_else(path: str) -> None:
    assert (await get(path, method="HEAD")).status_code == 200
    assert (await get(path, method="POST")).status_code == 405


@pytest.mark.parametrize("path", [OPENAPI_PATH, DOCS_PATH, f"{DOCS_PATH}/assets/start.js"])
async def test_edge_shows_its_documentation_to_whoever_has_no_token(path: str) -> None:
    assert (await call(FakeServices(), "GET", path)).status_code == 200
