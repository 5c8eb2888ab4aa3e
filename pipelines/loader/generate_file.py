"""Makes one file of new numbers: the steps from a pattern to a file.

Owns their order: everything that may be refused is refused before the file is there.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random, SystemRandom

from pipelines.loader.columns import shortened
from pipelines.loader.file_rows import file_rows
from pipelines.loader.number_draw import drawn_numbers
from pipelines.loader.number_file import write_number_file
from pipelines.loader.number_pattern import GenerateFault, NumberPattern
from pipelines.loader.row import LoadFileFault
from state.certificate.numbers import pool_fault_of


def generate_file(
    path: Path,
    pattern: NumberPattern,
    count: int,
    *,
    pool: str | None = None,
    seed: int | None = None,
    others: Sequence[Path] = (),
    guessable: bool = False,
) -> int:
    """Write `count` numbers that no file of `others` has; how many.

    Without a seed nobody can foresee them. GenerateFault, LoadFileFault.
    """
    fault = None if pool is None else pool_fault_of(pool)
    if fault is not None:
        raise GenerateFault(f"the pool {shortened(pool or '')!r} {fault}")
    if path.exists():
        # Said again when the file is made; this spares reading the others in vain.
        raise GenerateFault(f"{path} is there already, and is not overwritten: choose another name")
    numbers = drawn_numbers(
        pattern, count, source_of(seed), taken=numbers_in(others), guessable=guessable
    )
    return write_number_file(path, numbers, pool)


def source_of(seed: int | None) -> Random:
    """The system's own randomness, or what follows from a seed: the same for ever."""
    if seed is None:
        return SystemRandom()
    return Random(f"giftcert generate/{seed}")  # noqa: S311 - asked for, and said to be foreseeable


def numbers_in(paths: Sequence[Path]) -> set[str]:
    """Every number of these load files, loaded or not. LoadFileFault.

    A row whose columns do not fit may hide a number, so it is refused.
    """
    numbers = set()
    for path in paths:
        for row in file_rows(path):
            if row.misfit:
                raise LoadFileFault(f"{path} line {row.line}: {row.misfit}: mend it first")
            numbers.add(row.number)
    return numbers
