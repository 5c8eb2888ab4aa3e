"""`giftcert simulate`: its exit codes, what it prints, and that the printed command replays."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import cli
from pipelines.simulation import campaign, simulation
from pipelines.simulation.actors import Breach
from pipelines.simulation.campaign import run_seed, simulate
from pipelines.simulation.neighbours import Neighbours
from pipelines.simulation.simulation import plan_of, run
from pipelines.simulation.universe import Universe
from pipelines.stages.pool import PoolRecords

SPECIFIED_SEEDS = range(5_000, 5_040)
SPECIFIED_STEPS = 400


@pytest.fixture
def pool_that_gives_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect: a pool forgets that it gave a number away, so that the next one gets it too."""
    monkeypatch.setattr(PoolRecords, "remove_number", lambda *_: None)


def lines_of(captured: pytest.CaptureFixture[str]) -> list[str]:
    return captured.readouterr().out.splitlines()


@pytest.mark.timeout(300)
def test_the_laws_hold_over_seeded_histories_with_every_fault() -> None:
    """The specification in small: CI runs a thousand seeds of it."""
    sums = simulate(SPECIFIED_SEEDS, SPECIFIED_STEPS, keep_going=True)

    assert [(failed.seed, failed.breaches[:3]) for failed in sums.failed] == []
    assert sums.runs == len(SPECIFIED_SEEDS)
    assert sums.commands > 100 * sums.runs
    for happened in (
        "HTTP calls",
        "rebalances",
        "disks lost",
        "records duplicated",
        "replies lost",
    ):
        assert sums.counters[happened] > 0, happened


def test_running_a_seed_again_gives_the_same_log_byte_for_byte() -> None:
    plan = plan_of(3, 300)
    first, second = run(plan, digest=True), run(plan, digest=True)
    assert first.digest is not None
    assert first == second


def test_running_a_seed_in_another_process_gives_the_same_log_byte_for_byte() -> None:
    """Python orders sets of texts differently in each process; nothing may hang on that."""
    program = (
        "from pipelines.simulation.simulation import plan_of, run; "
        "print(run(plan_of(3, 300), digest=True).digest)"
    )
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "1", "PYTHONPATH": str(root)},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert ran.stdout.strip() == run(plan_of(3, 300), digest=True).digest


def test_running_over_two_processes_gives_the_same_sums_as_over_one() -> None:
    alone = simulate(range(4), 60, processes=1)
    spread = simulate(range(4), 60, processes=2)
    assert (alone.runs, alone.commands, alone.counters) == (
        spread.runs,
        spread.commands,
        spread.counters,
    )


def test_simulating_without_a_breach_prints_the_sums_and_exits_with_0(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    options = ["--seed", "5", "--steps", "80", "--report", str(report)]
    assert cli.run(["simulate", *options]) == 0

    assert re.fullmatch(
        r"laws hold: 1 seeds, 80 steps, [0-9,]+ commands in .* s \(.*\)", lines_of(capsys)[-1]
    )
    told = json.loads(report.read_text())
    assert (told["seeds"], told["steps"], told["breaches"]) == (1, 80, [])
    assert told["commands"] == told["counters"]["performed GiftCertificates.Commands"]


def test_simulating_fewer_commands_than_asked_for_exits_with_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--seed", "5", "--steps", "20", "--at-least-commands", "1000000"]
    assert cli.run(["simulate", *options]) == 1
    assert "fewer than 1,000,000 commands" in capsys.readouterr().err


@pytest.mark.timeout(300)  # Made shorter to its end, also where others use the cores.
@pytest.mark.usefixtures("pool_that_gives_twice")
def test_simulating_a_defect_prints_a_short_history_and_a_command_that_shows_it_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    options = ["--seed", "1", "--seeds", "20", "--processes", "1", "--steps", "300"]
    limits = ["--shrink-seconds", "240", "--report", str(report)]
    assert cli.run(["simulate", *options, *limits]) == 1

    lines = lines_of(capsys)
    breach = json.loads(report.read_text())["breaches"][0]
    assert any(f"seed {breach['seed']}: law {breach['law']} broken" in line for line in lines)
    command = lines[-1].removeprefix("again: giftcert ").split(" ")
    assert command[:5] == ["simulate", "--seed", str(breach["seed"]), "--steps", "300"]

    assert cli.run(command) == 1
    again = lines_of(capsys)
    assert any(f"law {breach['law']} broken" in line for line in again)
    steps = [line for line in again if re.match(r" *[0-9]+  [a-z]", line)]
    assert 0 < len(steps) <= 30, "what does not matter was left out"


def test_replaying_steps_prints_each_of_them_and_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["simulate", "--seed", "5", "--steps", "80", "--only", "3,17,20-22"]) == 0
    lines = lines_of(capsys)
    assert [int(line.split()[0]) for line in lines[:-1]] == [3, 17, 20, 21, 22]
    assert lines[-1] == "laws hold"


@pytest.mark.parametrize(
    "options",
    [
        ["--only", "a"],
        ["--only", "3", "--seeds", "2"],
        ["--only", "80", "--steps", "80"],
        ["--steps", "0"],
    ],
    ids=" ".join,
)
def test_simulating_with_options_that_do_not_fit_exits_with_2(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["simulate", *options]) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "law"),
    [
        (AssertionError("the ledger does not add up"), "assert"),
        (KeyError("gone"), "exception"),
    ],
)
def test_running_into_a_bug_is_a_breach_that_names_it(
    error: Exception, law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(_self: Neighbours, _kind: str, _random: object) -> str:
        raise error

    monkeypatch.setattr(Neighbours, "act", act)
    finished = run_seed(1, 50)
    assert [breach.law for breach in finished.breaches] == [law]
    assert type(error).__name__ in finished.breaches[0].text


def test_stopping_at_the_first_seed_that_fails_leaves_the_others_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(_universe: Universe, _neighbours: Neighbours) -> list[Breach]:
        return [Breach(law="1", text="always")]

    monkeypatch.setattr(simulation, "check", check)
    assert campaign.simulate(range(3), 5).runs == 1
    kept_going = campaign.simulate(range(3), 5, keep_going=True)
    assert [failed.seed for failed in kept_going.failed] == [0, 1, 2]
