"""The figures of a run go between their own marks, and everything else on the page stays."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.options import SCENARIOS as CHAOS
from tests.chaos.options import Options as ChaosOptions
from tests.chaos.run import Verdict
from tests.rehearsal.options import SCENARIOS, Options, Step
from tests.rehearsal.prober import Kind, Sample
from tests.rehearsal.rehearse import Rehearsal, judge_outages
from tests.rehearsal.report import marks, write_report
from tests.rehearsal.rollout import Replacement

SECOND_NS = 1_000_000_000


def a_rehearsal(
    tmp_path: Path,
    *,
    on_stop: str = "leave",
    step: Step = Step.DRAIN,
    silent_s: int = 2,
) -> Rehearsal:
    """One pod replaced in ten seconds; partition 0 is silent for some of them."""
    options = Options(
        scenario=SCENARIOS["full"],
        name="full",
        seed=7,
        version="0" * 40,
        earlier=tmp_path,
        today=tmp_path,
        data_dir=tmp_path,
        settings={"GIFTCERT_ON_STOP": on_stop},
    )
    verdict = Verdict(
        options=ChaosOptions(
            scenario=CHAOS["calm"], name="calm", seed=7, source=tmp_path, data_dir=tmp_path
        )
    )
    return Rehearsal(
        options=options,
        verdict=verdict,
        replacements=[
            Replacement(
                step=step,
                worker="processor-2",
                away_s=2.0,
                asked_ns=0,
                ended_ns=SECOND_NS,
                started_ns=3 * SECOND_NS,
                ready_ns=5 * SECOND_NS,
                settled_ns=10 * SECOND_NS,
            )
        ],
        samples=[
            Sample(
                kind=Kind.READ,
                partition=0,
                asked_ns=at * SECOND_NS,
                told_ns=(silent_s if 0 < at < silent_s else at) * SECOND_NS,
                status=200,
            )
            for at in range(11)
        ],
    )


def test_writing_keeps_what_is_not_of_the_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (begin, end), (other, other_end) = marks("leave"), marks("return")
    page.write_text(
        f"# Page\n\n{begin}\n\nold\n\n{end}\n\nkept\n\n{other}\n\nits own\n\n{other_end}\n"
    )
    for _ in range(2):
        write_report(page, a_rehearsal(tmp_path))
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert "| drain, processor | 2 | 1 | 1.0 | 1.0 | 2.0 | 2.0 | 1.0 | 1.0 |" in text
    assert text.startswith("# Page\n")
    assert f"kept\n\n{other}\n\nits own\n\n{other_end}\n" in text


def test_page_without_a_place_for_the_run_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    with pytest.raises(ValueError, match="measured: leave"):
        write_report(page, a_rehearsal(tmp_path))


@pytest.mark.parametrize(
    ("on_stop", "step", "silent_s", "breaches"),
    [
        ("leave", Step.DRAIN, 6, 0),
        ("leave", Step.DRAIN, 7, 1),
        ("return", Step.UPGRADE, 7, 0),  # they waited, and were answered
    ],
)
def test_partition_that_is_silent_for_too_long_is_a_breach_where_that_is_promised(
    on_stop: str, step: Step, silent_s: int, breaches: int, tmp_path: Path
) -> None:
    rehearsal = a_rehearsal(tmp_path, on_stop=on_stop, step=step, silent_s=silent_s)
    judge_outages(rehearsal)
    assert len(rehearsal.verdict.findings.breaches) == breaches


@pytest.mark.parametrize(
    ("on_stop", "step", "breaches"),
    [
        ("leave", Step.DRAIN, 1),
        ("return", Step.UPGRADE, 1),
        ("return", Step.DRAIN, 0),
    ],
)
def test_partition_that_refuses_for_too_long_is_a_breach_where_that_is_promised(
    on_stop: str, step: Step, breaches: int, tmp_path: Path
) -> None:
    rehearsal = a_rehearsal(tmp_path, on_stop=on_stop, step=step)
    refused = [
        replace(each, status=503) if 1 <= each.told_ns // SECOND_NS <= 7 else each
        for each in rehearsal.samples
    ]
    judge_outages(replace(rehearsal, samples=refused))
    assert len(rehearsal.verdict.findings.breaches) == breaches
