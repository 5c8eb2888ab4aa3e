"""Connections to other edges: used again while they are good, and ended when they are not."""

import asyncio

import pytest

from http_edge.serving import connections as connections_module
from tests.http_edge.forwarded_calls import a_call, forwarding, refused, until
from tests.http_edge.raw_owner import DEADLINE_S, KnownPlace, listening, says, says_and_closes

pytestmark = pytest.mark.anyio


async def test_connection_is_kept_for_the_next_call() -> None:
    async with listening(says()) as owner, forwarding() as forwarder:
        for _ in range(5):
            await forwarder.forward(a_call(), KnownPlace(owner.url))
        assert {each.connection for each in owner.received} == {1}
        await asyncio.gather(
            *(forwarder.forward(a_call(), KnownPlace(owner.url)) for _ in range(3))
        )
        assert {each.connection for each in owner.received} == {1, 2, 3}


async def test_connection_that_the_owner_closed_meanwhile_is_not_used() -> None:
    """An owner that was restarted: a POST put on its old connection would be a 504 for nothing."""
    async with listening(says_and_closes) as owner, forwarding() as forwarder:
        place = KnownPlace(owner.url)
        await forwarder.forward(a_call(), place)
        [kept] = forwarder._connections._kept[owner.url]
        async with asyncio.timeout(DEADLINE_S):
            while kept.is_good(kept.trust):
                await asyncio.sleep(0)
        owner.behaviour = says(201)
        assert (await forwarder.forward(a_call(), place)).status == 201
    assert [each.connection for each in owner.received] == [1, 2]


async def test_connections_that_nobody_needs_any_more_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections_module, "_SWEEP_S", 0.0)
    async with listening(says()) as first, listening(says()) as second, forwarding() as forwarder:
        await forwarder.forward(a_call(), KnownPlace(first.url))
        assert forwarder._connections.kept(first.url) == 1
        [kept] = forwarder._connections._kept[first.url]
        monkeypatch.setattr(type(kept.http), "has_expired", lambda http: http is kept.http)
        await forwarder.forward(a_call(), KnownPlace(second.url))
        assert forwarder._connections.kept(first.url) == 0
        assert forwarder._connections.kept(second.url) == 1
        assert kept.http.is_closed()


async def test_answer_without_an_end_is_not_kept_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections_module, "ANSWER_BYTES_MAX", 100)
    async with listening(says(text="x" * 200)) as owner, forwarding() as forwarder:
        place = KnownPlace(owner.url)
        assert await refused(forwarder, a_call(), place) == (504, "no-answer")
        assert forwarder._connections.kept(owner.url) == 0
        await until(lambda: owner.open == 0)
