"""Progress is a bar on a terminal and a plain line now and then everywhere else."""

from io import StringIO

from rich.console import Console

from pipelines.progress import progress


def test_progress_without_a_terminal_says_a_plain_line_every_five_seconds() -> None:
    out, now_s = StringIO(), [100.0]
    with progress("loading", console=Console(file=out), clock=lambda: now_s[0]) as advance:
        for done in range(0, 1_201, 100):
            now_s[0] += 1.0
            advance(done * 10, 12_000)
    assert out.getvalue() == ("loading: 4,000 of 12,000 (33 %)\nloading: 9,000 of 12,000 (75 %)\n")


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
