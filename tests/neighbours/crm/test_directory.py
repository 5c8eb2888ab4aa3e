"""Directories of addresses: a file that changes, a call that fails; neither tells what it knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipelines.faults import SettingsError
from pipelines.neighbours.crm.contact import Contact
from pipelines.neighbours.crm.directory import (
    DirectorySilent,
    FileDirectory,
    HttpDirectory,
    NoDirectory,
)
from tests.neighbours.crm.local_http import Answer, local_http

pytestmark = pytest.mark.anyio

WORD = "word"
LINES = """\
# the team's own
token-1=+79001234567
token-2= anna@shop.example en
client:client-7=+7 900 765-43-21
dG9rZW4=ZQ===+79000000000 ru

broken line
"""


async def test_file_says_address_and_perhaps_a_language(tmp_path: Path) -> None:
    path = tmp_path / "addresses"
    path.write_text(LINES, encoding="utf-8")
    directory = FileDirectory(path)
    assert await directory.find("token-1") == Contact(address="+79001234567")
    assert await directory.find("token-2") == Contact(address="anna@shop.example", language="en")
    assert await directory.find("client:client-7") == Contact(address="+7 900 765-43-21")
    assert await directory.find("dG9rZW4=ZQ==") == Contact(address="+79000000000", language="ru")
    assert await directory.find("token-3") is None
    assert await directory.find("# the team's own") is None


async def test_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "addresses"
    path.write_text("token-1=+79001234567\n", encoding="utf-8")
    directory = FileDirectory(path)
    assert await directory.find("token-2") is None
    path.write_text("token-1=+79001234567\ntoken-2=+79007654321\n", encoding="utf-8")
    assert await directory.find("token-2") == Contact(address="+79007654321")


async def test_file_that_is_gone_for_a_moment_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "addresses"
    path.write_text("token-1=+79001234567\n", encoding="utf-8")
    directory = FileDirectory(path)
    path.unlink()
    with pytest.raises(DirectorySilent):
        await directory.find("token-1")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DirectorySilent):
        await directory.find("token-1")


def test_file_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="GIFTCERT_CRM_ADDRESS_FILE"):
        FileDirectory(tmp_path / "none")


async def test_where_nobody_knows_addresses_there_is_none() -> None:
    assert await NoDirectory().find("token-1") is None


@asynccontextmanager
async def directory_at(url: str, secret: str | None = WORD) -> AsyncIterator[HttpDirectory]:
    directory = HttpDirectory(f"{url}/addresses/{{token}}", lambda: secret)
    try:
        yield directory
    finally:
        await directory.close()


async def test_directory_is_called_with_the_token_in_its_place_and_the_secret() -> None:
    with local_http(lambda _: Answer(body=b'{"address": "+7900", "language": "en"}')) as server:
        async with directory_at(server.url) as directory:
            assert await directory.find("a/b?c") == Contact(address="+7900", language="en")
        async with directory_at(server.url, secret=None) as directory:
            await directory.find("client:1")
    first, second = server.got
    assert first.path == "/addresses/a%2Fb%3Fc"
    assert first.headers["authorization"] == "Bearer word"
    assert second.path == "/addresses/client%3A1"
    assert "authorization" not in second.headers


@pytest.mark.parametrize("token", [".", ".."])
async def test_token_of_dots_asks_for_nothing_else_than_an_address(token: str) -> None:
    with local_http(lambda _: Answer(status=404)) as server:
        async with directory_at(server.url) as directory:
            assert await directory.find(token) is None
    (got,) = server.got
    assert got.path == f"/addresses/{token.replace('.', '%2E')}"


async def test_directory_that_knows_nobody_says_404() -> None:
    with local_http(lambda _: Answer(status=404)) as server:
        async with directory_at(server.url) as directory:
            assert await directory.find("token-1") is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=401),
        Answer(status=500),
        Answer(status=301, headers={"Location": "http://127.0.0.1:1"}),
        Answer(hangs_up=True),
        Answer(body=b"{}"),
        Answer(body=b'{"address": 7900}'),
        Answer(body=b"\xff"),
        Answer(body=b'{"x": ' + b"[" * 60_000),
    ],
)
async def test_directory_that_fails_is_asked_again_and_not_repeated(answer: Answer) -> None:
    with local_http(lambda _: answer) as server:
        async with directory_at(server.url) as directory:
            with pytest.raises(DirectorySilent) as caught:
                await directory.find("token-1")
    told = f"{caught.value!r} {caught.value.__cause__}"
    assert "7900" not in told
    assert "token-1" not in told


async def test_directory_secret_that_cannot_be_read_is_no_end() -> None:
    def broken() -> str:
        raise SettingsError("GIFTCERT_CRM_ADDRESS_SECRET_FILE: cannot read it")

    directory = HttpDirectory("http://127.0.0.1:1/{token}", broken)
    with pytest.raises(DirectorySilent, match="secret"):
        await directory.find("token-1")
    await directory.close()
