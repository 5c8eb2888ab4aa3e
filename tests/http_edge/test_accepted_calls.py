"""Whatever the edge accepts, the stages take in: no caller waits for an answer that cannot come.

The edge and the contracts check the same things in two places. A call that the first lets through
and the second calls broken would end among the dead letters, and its caller with a time-out.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from http_edge.access.callers import Scope
from http_edge.access.tokens import SUBJECT_LENGTH_MAX
from http_edge.api.calls import BY_OPERATION
from pipelines.contracts.command_record import command_from_record, command_to_record
from pipelines.loader.row import LoadFileFault
from pipelines.loader.rows import read_load_file
from state.certificate.commands import Command, Load, Origin
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import FakeServices, app_over, token
from tests.http_edge.every_call import ACTING, EXAMPLES
from tests.http_edge.flow_in_memory import FlowInMemory

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "a\x00b",
            "line\n",
            "\x7f",
            "\x85",
            "\xa0",
            "\u200f",
            "\ufffe",
            "\U000e0001",
            "x" * 200,
            "x" * 201,
            "\U0001f381" * 200,
            "a|b",
            "ELECTRONIC",
            "A1",
            "order-1",
        ]
    ),
    st.text(max_size=12),
)
AMOUNTS = st.sampled_from(
    ["0", "0.00", "0.01", "0.001", "10", "1e3", "-1", "99999999999999", "99999999999999.9999", ""]
)
CURRENCIES = st.sampled_from(["RUB", "JPY", "KWD", "CLF", "XAU", "XXX", "ZZZ", "rub", ""])
CHANNELS = st.sampled_from(["POS", "ONLINE_STORE", "UNKNOWN", "SMS", "EMAIL", None])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "pool": st.one_of(TEXTS, st.just("ELECTRONIC")),
    "orderId": TEXTS,
    "channel": CHANNELS,
    "reason": TEXTS,
    "amount": AMOUNTS,
    "currency": CURRENCIES,
    "cvc": st.one_of(st.just(made.code_of()), TEXTS),
    "acceptPartial": st.booleans(),
}
KEYS = st.one_of(st.just("key-1"), st.text("aZ09._:/@+=-", min_size=1, max_size=128))
SUBJECTS = st.one_of(st.none(), st.text("x|/:", min_size=1, max_size=SUBJECT_LENGTH_MAX))
SITUATIONS: list[Callable[[FlowInMemory], None]] = [
    made.available,
    made.reserved,
    made.issued,
    made.active,
    made.held,
    made.locked,
]
ANYTHING_BUT_A_FAULT = range(200, 500)


async def asked(
    services: FakeServices, method: str, path: str, headers: dict[str, str], body: Any
) -> httpx.Response:
    """One call, with a body that is JSON whatever is in it; what a stage raises comes through."""
    transport = httpx.ASGITransport(app=app_over(services))
    content = None if body is None else json.dumps(body).encode()
    async with httpx.AsyncClient(transport=transport, base_url="http://edge.test") as client:
        return await client.request(method, path, content=content, headers=headers)


@pytest.mark.parametrize("operation", ACTING)
@settings(max_examples=60)
@given(data=st.data())
def test_call_that_is_accepted_is_performed_or_refused_by_the_rules(
    operation: str, data: st.DataObject
) -> None:
    """The stages of the fake flow are the real ones, and a broken record is an exception there."""
    services = FakeServices()
    data.draw(st.sampled_from(SITUATIONS))(services.flow)
    example, call = EXAMPLES[operation], BY_OPERATION[operation]
    key = data.draw(KEYS)
    path = example.path.format(key=quote(key, safe=""))
    if call.method == "GET" and data.draw(st.booleans()):
        path += f"&orderId={quote(data.draw(st.text(max_size=8)))}"
    body = None
    if call.body_type is not None:
        names = [field.encode_name for field in msgspec.structs.fields(call.body_type)]
        changes = st.fixed_dictionaries({}, optional={name: FIELDS[name] for name in names})
        body = {**(example.body or {}), **data.draw(changes)}
    subject = data.draw(SUBJECTS)
    caller = example.client if subject is None else f"{example.client}/{subject}"
    headers = token(caller, *Scope)
    headers |= {"Content-Type": "application/json", "Idempotency-Key": key}
    answer = asyncio.run(asked(services, call.method, path, headers, body))
    assert answer.status_code in ANYTHING_BUT_A_FAULT, answer.text


@given(st.lists(TEXTS, min_size=1, max_size=5), TEXTS)
def test_row_that_the_loader_accepts_is_a_command_that_is_taken_in(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[str], pool: str
) -> None:
    path: Path = tmp_path_factory.mktemp("load") / "numbers.csv"
    path.write_text("certificateId\n" + "\n".join(numbers), encoding="utf-8")
    try:
        loaded = read_load_file(path, pool)
    except LoadFileFault:
        return
    for number, (_, row_pool) in loaded.rows.items():
        command = Command(
            command_id=f"load:{loaded.load_id}:{number}",
            at_ms=1,
            certificate_id=number,
            origin=Origin.LOADER,
            action=Load(pool=row_pool),
        )
        assert command_from_record(command_to_record(command)) == command
