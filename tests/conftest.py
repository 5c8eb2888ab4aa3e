"""What every test shares, whatever it tests: the Hypothesis profiles and the async backend.

Owns nothing of the service: fixtures about certificates, brokers or HTTP live beside the tests that
use them.
"""

import os

import pytest
from hypothesis import settings

# No profile has a deadline per example: tests share two cores with a broker, and a slow example is
# not a wrong one.
settings.register_profile("dev", deadline=None)
# The same examples on every run, so that a red build means the change and not the dice.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, max_examples=200)
# For a long hunt by hand: HYPOTHESIS_PROFILE=hunt .venv/bin/pytest tests/state
settings.register_profile("hunt", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture
def anyio_backend() -> str:
    """Run `@pytest.mark.anyio` tests on asyncio only: it is what the edge runs on."""
    return "asyncio"
