"""A new file of numbers, as CSV or Parquet: it is there whole, and never in another one's place.

Owns the writing. Only its owner may read the file: whoever knows a number before it is sold knows
half of what spending it takes.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pipelines.loader.columns import NUMBER, POOL
from pipelines.loader.number_pattern import GenerateFault
from pipelines.loader.parquet_rows import OFFLINE

FORMS: Final = (".csv", ".parquet")
_OWNER_ALONE: Final = 0o600


def write_number_file(path: Path, numbers: Iterable[str], pool: str | None) -> int:
    """Write the numbers, with their pool where there is one, in their order; how many.

    GenerateFault: the file is there already, or cannot be written.
    """
    if path.suffix.lower() not in FORMS:
        raise GenerateFault(f"{path} must end in {' or '.join(FORMS)}")
    try:
        # A folder of its own beside it: nobody else may look into that while it is written.
        with (
            _reserved(path),
            TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder,
        ):
            written = Path(folder) / "numbers.csv"
            count = _write_csv(written, numbers, pool)
            if path.suffix.lower() == ".parquet":
                written = _converted(written)
            written.chmod(_OWNER_ALONE)
            written.replace(path)
            return count
    except FileExistsError as error:
        raise GenerateFault(
            f"{path} is there already, and is not overwritten: choose another name"
        ) from error
    except OSError as error:
        raise GenerateFault(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def _reserved(path: Path) -> Iterator[None]:
    """The name is ours from here on, or FileExistsError; after a failure it is free again."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ALONE))
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write_csv(path: Path, numbers: Iterable[str], pool: str | None) -> int:
    """No cell needs quotes: numbers and pools are of A-Z, 0-9, - and _."""
    end = "\n" if pool is None else f",{pool}\n"
    count = 0
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(f"{NUMBER}\n" if pool is None else f"{NUMBER},{POOL}\n")
        for number in numbers:
            file.write(number + end)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def _converted(csv: Path) -> Path:
    # Only who asks for such a file waits for the library to be loaded.
    import duckdb

    parquet = csv.with_suffix(".parquet")
    try:
        with duckdb.connect(":memory:", config=OFFLINE) as connection:
            rows = connection.read_csv(str(csv), header=True, all_varchar=True, sep=",")
            rows.write_parquet(str(parquet), compression="zstd")
    except duckdb.Error as error:
        said = str(error).split("\n", maxsplit=1)[0]
        raise GenerateFault(f"the Parquet file cannot be written: {said}") from error
    return parquet
