"""The page of a run is of that run alone, and leaves what others measured."""

from pathlib import Path

from tests.chaos.breaches import Findings, Law
from tests.chaos.options import SCENARIOS, Options
from tests.chaos.report import NOT_OF_THE_RUN, write_report
from tests.chaos.run import Verdict


def verdict_of(tmp_path: Path, findings: Findings) -> Verdict:
    options = Options(
        scenario=SCENARIOS["calm"],
        name="calm",
        seed=7,
        source=tmp_path,
        data_dir=tmp_path,
        kept=False,
        reports=(),
    )
    return Verdict(options=options, findings=findings, broker="none", machine="a desk")


def test_writing_again_keeps_what_stands_behind_the_mark(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    broken = Findings()
    broken.breach(Law.EVENTS, "an event is there twice")
    write_report(page, verdict_of(tmp_path, broken))
    assert "an event is there twice" in page.read_text(encoding="utf-8")
    assert NOT_OF_THE_RUN not in page.read_text(encoding="utf-8")

    with page.open("a", encoding="utf-8") as file:
        file.write(f"\n{NOT_OF_THE_RUN}\n\n## Recovery\n")
    for _ in range(2):
        write_report(page, verdict_of(tmp_path, Findings()))
    text = page.read_text(encoding="utf-8")
    assert "an event is there twice" not in text
    assert "No law was broken." in text
    assert text.endswith(f"\n\n{NOT_OF_THE_RUN}\n\n## Recovery\n")
