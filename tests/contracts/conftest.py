"""What the contract tests share: one real schema registry a run, where it can be had."""

from collections.abc import Iterator

import pytest

from tests.contracts.apicurio import ApicurioUnavailable, running_apicurio


@pytest.fixture(scope="session")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real registry; without Java or Maven the test is skipped, and says so."""
    apicurio = running_apicurio(tmp_path_factory.mktemp("apicurio"))
    try:
        url = apicurio.__enter__()
    except ApicurioUnavailable as reason:
        pytest.skip(f"no real schema registry: {reason}")
    try:
        yield url
    finally:
        apicurio.__exit__(None, None, None)
