"""What a worker says of itself, to everybody: alive, ready, and its figures."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import STORE, FakeServices, call, calling, problem_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.mark.parametrize(
    ("alive", "serving", "health", "ready"),
    [(True, True, 200, 200), (True, False, 200, 503), (False, False, 503, 503)],
)
async def test_health_and_readiness_tell_apart_dead_and_busy(
    services: FakeServices, alive: bool, serving: bool, health: int, ready: int
) -> None:
    """A worker that recovers must not be restarted, and must not be asked yet."""
    services.worker.alive, services.worker.serving = alive, serving
    answer = await call(services, "GET", "/healthz")
    assert (answer.status_code, answer.json()) == (health, {"alive": alive})
    answer = await call(services, "GET", "/readyz")
    assert (answer.status_code, answer.json()) == (ready, {"ready": serving})
    assert ("retry-after" in answer.headers) is (ready == 503)


async def test_figures_are_prometheus_own_format(services: FakeServices) -> None:
    made.active(services.flow)
    async with calling(services) as client:
        await client.get(f"/certificates/{made.NUMBER}", headers=STORE)
        await client.get("/healthz")
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    figures = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    for operation in ("readCertificate", "health"):
        labels = (("operation", operation), ("status", "200"))
        assert figures["giftcert_http_requests_total", labels] == 1
    assert made.NUMBER not in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_process_is_not_changed_by_asking_after_it(services: FakeServices, path: str) -> None:
    assert problem_of(await call(services, "POST", path)) == (405, "method-not-allowed")
