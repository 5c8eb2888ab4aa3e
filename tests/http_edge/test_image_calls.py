"""The images that a proof is made with: which stores are here, and one partition of one of them."""

import msgspec
import pytest

from http_edge.handlers import image_calls
from pipelines.store_images import StoreBusyError, StoreImages
from pipelines.topics import Role
from state.stores.image import StoreImage, image_rows
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import AUDITOR, FakeServices, call, problem_of

pytestmark = pytest.mark.anyio
PARTITION = 5


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


def path_of(store: str, partition: int = PARTITION) -> str:
    return f"/internal/image?store={store}&partition={partition}"


async def test_stores_name_worker_and_partitions(services: FakeServices) -> None:
    services.certificates.held = {1, 4}
    answer = (await call(services, "GET", "/internal/stores", AUDITOR)).json()
    every = list(range(services.settings.partitions))
    assert answer == {
        "worker": services.settings.worker_id,
        "partitionCount": services.settings.partitions,
        "stores": {"certificates": [1, 4], "pools": every, "index": every},
    }


async def test_image_is_the_store_with_its_position_and_no_value(services: FakeServices) -> None:
    made.active(services.flow)
    records = services.certificates.records[PARTITION]
    answer = await call(services, "GET", path_of("certificates"), AUDITOR)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/msgpack"
    assert answer.headers["cache-control"] == "no-store"
    image = msgspec.msgpack.decode(answer.content, type=StoreImage)
    assert image == StoreImage(
        store="certificates",
        partition=PARTITION,
        position=services.flow.offset + 1,
        records=len(records),
        rows=image_rows(records),
    )
    assert not any(value in answer.content for value in records.values() if len(value) > 4)


@pytest.mark.parametrize("fault", ["held", "is_moving"])
async def test_image_of_a_partition_that_is_not_here_is_to_be_asked_for_again(
    services: FakeServices, fault: str
) -> None:
    setattr(services.certificates, fault, set() if fault == "held" else True)
    answer = await call(services, "GET", path_of("certificates"), AUDITOR)
    assert problem_of(answer) == (503, "moving")


async def test_image_of_a_store_never_at_rest_is_to_be_asked_for_again(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.worker.behind = 0
    monkeypatch.setattr(image_calls, "WITHIN_S", 0.01)
    answer = await call(services, "GET", path_of("certificates"), AUDITOR)
    assert problem_of(answer) == (503, "moving")
    images = StoreImages(services.worker, Role.PROCESSOR)
    with pytest.raises(StoreBusyError):
        images.take(images.stores[0], PARTITION, 0.0)


@pytest.mark.parametrize(
    "query",
    [
        "partition=0",
        "store=certificates",
        "store=certificates&partition=6",
        "store=certificates&partition=-1",
        "store=correlations&partition=0",
        "store=nothing&partition=0",
    ],
)
async def test_wrong_query_of_an_image_is_refused(services: FakeServices, query: str) -> None:
    answer = await call(services, "GET", f"/internal/image?{query}", AUDITOR)
    assert problem_of(answer) == (422, "invalid-request")
