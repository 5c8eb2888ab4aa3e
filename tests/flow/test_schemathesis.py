"""Requests made up from the OpenAPI description, valid and not, against the running edge.

Schemathesis makes them, as each of the clients in turn, and looks at every answer with all its
checks. `GIFTCERT_TEST_SCHEMATHESIS_CASES` asks for at least so many cases; without it there is one
short round.
"""

import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count

import httpx
import pytest

from http_edge.api.calls import API
from pipelines.audit.run_audit import run_audit
from pipelines.local.development_clients import CLIENTS
from pipelines.local.running_broker import Broker
from tests.flow.scenario import Scenario
from tests.flow.schemathesis_run import Subject
from tests.flow.schemathesis_stock import stocked
from tests.flow.service_under_test import Service, running_service

CASES_VARIABLE = "GIFTCERT_TEST_SCHEMATHESIS_CASES"
EXAMPLES, EXAMPLES_WHEN_LONG = 5, 60
UNLIMITED = "1000000/second"


@pytest.fixture(scope="module")
def open_service(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two processors that turn nobody away for asking often: half of the calls are forwarded."""
    environment = {
        "GIFTCERT_RATE_LIMIT": UNLIMITED,
        "GIFTCERT_REJECTED_RATE_LIMIT": UNLIMITED,
        "GIFTCERT_LOG_LEVEL": "ERROR",
    }
    prefix = f"generated-{secrets.token_hex(3)}-"
    directory = tmp_path_factory.mktemp("generated")
    with running_service(
        broker.bootstrap, directory, prefix, processors=2, environment=environment
    ) as running:
        yield running


@pytest.fixture
def subject(open_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    url = open_service.stack.http_urls[0]
    return Subject(
        url=url,
        description=httpx.get(f"{url}/openapi.json", trust_env=False).json(),
        stock=asdict(stocked(Scenario(open_service))),
        directory=tmp_path_factory.mktemp("schemathesis"),
    )


@pytest.mark.timeout(3_600)
def test_made_up_requests_of_every_client_find_no_fault(
    open_service: Service, subject: Subject, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every answer is as described, every call is done at least once, and the laws hold."""
    wanted = int(os.environ.get(CASES_VARIABLE) or 0)
    answers: defaultdict[str, Counter[int]] = defaultdict(Counter)
    cases = 0
    for seed in count(1):
        for client in CLIENTS:
            found = subject.tested_as(
                f"{client.client_id}-{seed}",
                open_service.token(client.client_id),
                examples=EXAMPLES_WHEN_LONG if wanted else EXAMPLES,
                seed=seed,
            )
            assert found.passed, f"as {client.client_id}, seed {seed}:\n{found.output}"
            cases += found.cases
            for operation, counts in found.answers.items():
                answers[operation] += counts
        if cases >= wanted:
            break
    with capsys.disabled():
        print(f"\nschemathesis: {cases} cases, {seed} rounds, no fault")
    done = {operation for operation, counts in answers.items() if counts[200] or counts[201]}
    assert {call.operation for call in API} - done == set()
    open_service.settle()
    urls, auditor = open_service.stack.http_urls, open_service.auditor
    assert run_audit(open_service.settings, urls, token=auditor).breaches == ()
