"""Listings of other processes: told whole, or not at all."""

import asyncio

import pytest

from http_edge.api.problems import Problem, moving
from http_edge.serving.hop import HOP
from tests.http_edge.forwarded_calls import forwarding
from tests.http_edge.raw_owner import Behaviour, RawOwner, closes, hangs, listening, refuses, says

pytestmark = pytest.mark.anyio


async def test_listing_is_asked_for_with_the_callers_token_in_one_hop() -> None:
    async with listening(says(items=[1, 2])) as owner, forwarding() as forwarder:
        query = {"partitions": "1,2", "after": "a b"}
        listed = await forwarder.get_json(owner.url, "/internal/pools", query, "Bearer t")
        assert listed == {"items": [1, 2]}
        await forwarder.get_json(owner.url, "/internal/pools", {}, None)
    first, second = owner.received
    assert first.line == "GET /internal/pools?partitions=1%2C2&after=a+b HTTP/1.1"
    assert (first.headers["authorization"], first.headers[HOP]) == ("Bearer t", "1")
    assert second.line == "GET /internal/pools HTTP/1.1"
    assert "authorization" not in second.headers


async def says_no_json(_owner: RawOwner, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{\xff")
    return True


@pytest.mark.parametrize(
    "behaviour",
    [says(403), says(500), refuses(moving()), says_no_json, closes, hangs],
    ids=["forbidden", "bug", "moving", "no JSON", "closes", "hangs"],
)
async def test_listing_that_is_not_told_is_moving(behaviour: Behaviour) -> None:
    async with listening(behaviour) as owner, forwarding() as forwarder:
        with pytest.raises(Problem) as caught:
            await forwarder.get_json(owner.url, "/internal/pools", {}, None, timeout_ms=100)
    assert caught.value.kind.name == "moving"


async def test_listing_is_not_asked_for_by_one_that_stops() -> None:
    async with listening(says()) as owner, forwarding() as forwarder:
        forwarder.refuse_new()
        with pytest.raises(Problem) as caught:
            await forwarder.get_json(owner.url, "/internal/pools", {}, None)
    assert (caught.value.kind.name, owner.received) == ("stopping", [])
