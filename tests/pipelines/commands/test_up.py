"""`giftcert up` as a command line: what it makes of its options."""

from pathlib import Path
from typing import TextIO

import pytest
import typer
from typer.testing import CliRunner

from pipelines.commands import up as command
from pipelines.local.neighbours import Neighbour
from pipelines.local.stack_options import StackOptions


@pytest.mark.parametrize(
    ("arguments", "neighbours"),
    [
        ([], (Neighbour.SHOP, Neighbour.CRM, Neighbour.BI, Neighbour.ENRICH)),
        (["--no-neighbours"], ()),
    ],
)
def test_up_runs_all_neighbours_unless_it_is_told_otherwise(
    arguments: list[str],
    neighbours: tuple[Neighbour, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[StackOptions] = []

    def run_stack(options: StackOptions, *, out: TextIO) -> int:
        asked.append(options)
        return 0

    monkeypatch.setattr(command, "run_stack", run_stack)
    program = typer.Typer()
    program.command()(command.up)
    answer = CliRunner().invoke(program, ["--data-dir", str(tmp_path), *arguments])

    assert answer.exit_code == 0, answer.output
    (options,) = asked
    assert options.neighbours == neighbours
    assert (options.shop_port, options.http_port, options.auditor) == (8090, 8080, True)
