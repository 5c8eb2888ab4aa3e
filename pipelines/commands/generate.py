"""`giftcert generate`: new certificate numbers, in a file that `giftcert load` takes.

Owns what is printed; `pipelines/loader/` does the work.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from pipelines.loader.check_digits import CheckMethod
from pipelines.loader.generate_file import generate_file
from pipelines.loader.number_pattern import NumberPattern

_MOST: Final = 5_000_000


def generate(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The new file: FILE.csv or FILE.parquet."),
    ],
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=_MOST, help="How many numbers.")
    ],
    pattern: Annotated[
        str,
        typer.Option(
            metavar="PATTERN",
            help="# is a digit, @ a letter, * either, = a check digit at the end; A-Z 0-9 - stand "
            "for themselves.",
        ),
    ] = "GC-####-####-####-##==",
    check: Annotated[
        CheckMethod | None,
        typer.Option(
            help="How check digits are made. [default: mod-97-10 for two; for one luhn, or "
            "mod-37-36 where the pattern makes letters]",
            show_default=False,
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(help="Write this pool beside each number.", show_default=False),
    ] = None,
    not_in: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A file of numbers that must not be made again; may be given again.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="For tests: the same numbers each time. Whoever knows it knows them all.",
            show_default=False,
        ),
    ] = None,
    guessable: Annotated[
        bool,
        typer.Option("--guessable", help="For tests: allow numbers that are easily guessed."),
    ] = False,
) -> None:
    """Make new certificate numbers by a pattern, for tests and small retailers.

    Each is different from the others and from those of the files given. Without --seed nobody can
    foresee them. The file is new: nothing is ever overwritten. Keep it as you would keep cash.

    \b
    Examples:
      giftcert generate numbers.csv -n 10000
      giftcert generate cards.parquet -n 500 --pool PHYSICAL --not-in numbers.csv
      giftcert generate till.csv -n 500 --pattern '2990########=' --check luhn
      giftcert generate letters.csv -n 500 --pattern 'GC-****-****-***=='
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    made = generate_file(
        file,
        NumberPattern.parsed(pattern, check),
        count,
        pool=pool,
        seed=seed,
        others=not_in or [],
        guessable=guessable,
    )
    typer.echo(f"{file}: {made:,} numbers of {pattern}; next: giftcert load {file} --dry-run")
    if seed is not None:
        typer.echo("made from a seed: whoever knows it knows these numbers", err=True)
