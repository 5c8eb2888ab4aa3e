"""Progress is a bar on a terminal and a plain line now and then everywhere else."""

from io import StringIO

from rich.console import Console
from rich.progress import Progress

from pipelines.progress import RateColumn, progress


def test_progress_without_a_terminal_says_a_plain_line_every_five_seconds() -> None:
    out, now_s = StringIO(), [100.0]
    with progress("loading", console=Console(file=out), clock=lambda: now_s[0]) as advance:
        for done in range(0, 1_201, 100):
            now_s[0] += 1.0
            advance(done * 10, 12_000)
    assert out.getvalue() == (
        "loading: 4,000 of 12,000 (33 %), 800 a second, 10 s left\n"
        "loading: 9,000 of 12,000 (75 %), 1,000 a second, 3 s left\n"
    )


def test_progress_of_a_run_that_goes_on_counts_its_own_rate_alone() -> None:
    out, now_s = StringIO(), [100.0]
    with progress("loading", console=Console(file=out), clock=lambda: now_s[0]) as advance:
        advance(900_000, 1_000_000)
        now_s[0] += 5.0
        advance(910_000, 1_000_000)
    assert out.getvalue() == "loading: 910,000 of 1,000,000 (91 %), 2,000 a second, 45 s left\n"


def test_progress_without_a_known_end_says_how_much_is_done() -> None:
    out, now_s = StringIO(), [100.0]
    with progress("reading", console=Console(file=out), clock=lambda: now_s[0]) as advance:
        now_s[0] += 6.0
        advance(1_234, 0)
    assert out.getvalue() == "reading: 1,234\n"


def test_progress_on_a_terminal_leaves_nothing_behind() -> None:
    out = StringIO()
    with progress("loading", console=Console(file=out, force_terminal=True, width=80)) as advance:
        advance(1, 2)
    shown = out.getvalue()
    assert "loading" in shown
    assert shown.endswith("\x1b[2K")


def test_rate_on_a_terminal_leaves_out_what_was_done_before() -> None:
    now_s = [100.0]
    bar = Progress(get_time=lambda: now_s[0])
    task = bar.add_task("loading", total=1_000_000)
    column = RateColumn()
    assert column.render(bar.tasks[0]).plain == ""
    for done in (900_000, 903_000, 906_000):
        bar.update(task, completed=done)
        now_s[0] += 1.0
    assert column.render(bar.tasks[0]).plain == "3,000 a second"
