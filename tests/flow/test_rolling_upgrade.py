"""Three processors upgraded one after another under load, one drained, and one taken away.

The short form of `python -m tests.rehearsal`: real Kafka, a process for each pod, callers at every
edge and a prober at every partition; what the long form gave is in docs/rehearsal.md.

What is asserted is the requirement itself: no partition refuses its callers for more than five
seconds while one pod is replaced. That is no measure of this machine's speed. A processor that
starts slowly makes callers wait at the other edges, up to their own time, and is not felt as a
refusal before that; how long nobody was answered at all is asserted by the long form alone.
"""

import os
from pathlib import Path

import pytest

from pipelines.local.running_broker import BrokerUnavailableError
from pipelines.settings import ENV_PREFIX
from tests.flow.source_trees import previous_version, unpack
from tests.rehearsal.options import SCENARIOS, Options, Step
from tests.rehearsal.rehearse import rehearse
from tests.rehearsal.report import summary
from tests.repository_history import ROOT, NoHistory

SEED = 20_260_606


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """A rehearsal from the version before this one."""
    for name in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)
    try:
        version = previous_version()
        earlier = unpack(version, tmp_path / "earlier")
    except NoHistory as reason:
        pytest.skip(f"no earlier version to upgrade from: {reason}")
    return Options(
        scenario=SCENARIOS["short"],
        name="short",
        seed=SEED,
        version=version,
        earlier=earlier,
        today=ROOT,
        data_dir=tmp_path / "run",
        settings={"GIFTCERT_ON_STOP": "leave"},
    )


@pytest.mark.timeout(400)
def test_processors_replaced_one_by_one_refuse_nobody_for_long_and_lose_nothing(
    options: Options,
) -> None:
    """Every law of the chaos tests holds, and no partition is away for too long."""
    try:
        rehearsal = rehearse(options, say=print)
    except BrokerUnavailableError as reason:
        pytest.skip(f"no real Kafka: {reason}")
    print(summary(rehearsal))
    replaced = [(each.step, each.worker) for each in rehearsal.replacements if each.settled_ns]
    assert replaced == [
        (Step.UPGRADE, "processor-2"),
        (Step.UPGRADE, "processor-1"),
        (Step.UPGRADE, "processor-0"),
        (Step.DRAIN, "processor-1"),
        (Step.SCALE_IN, "processor-2"),
    ]
    assert rehearsal.verdict.findings.breaches == []
    # Who asks nobody is refused nothing: six partitions, read and written, five times.
    assert rehearsal.verdict.findings.checked["outages measured"] >= 6 * 2 * 5
