"""Helm, once for all tests of the chart; without it they are skipped and say why."""

import pytest

from tests.helm.helm_program import HelmUnavailable, helm_program
from tests.helm.rendered import Helm


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The program that renders the chart."""
    try:
        return Helm(program=helm_program())
    except HelmUnavailable as missing:
        pytest.skip(f"no Helm: {missing}")
