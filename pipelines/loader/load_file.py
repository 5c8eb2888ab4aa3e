"""Loads one file: the steps from a path to a summary.

Owns their order: everything that can be found out without the service is found out first, and what
is on the stream already is not asked for again.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pipelines.acls.access import access_as
from pipelines.acls.rights import Principal
from pipelines.faults import BrokerRefused, OperatorError
from pipelines.loader.exchange import KafkaExchange
from pipelines.loader.judgement import foretold, judged
from pipelines.loader.outcomes import LoadSummary, RowResult, report_rows, summary_of
from pipelines.loader.report import Report, reports_at
from pipelines.loader.rows import LoadFile, read_load_file
from pipelines.loader.stream_numbers import known_numbers
from pipelines.loader.window import Patience, Window
from pipelines.progress import Advance, untold
from pipelines.settings import Settings

Watch = Callable[[str], AbstractContextManager[Advance]]
"""Shows how far a step has come, from entry to exit; told what the step is."""

READ_FOR_ONE_ROW: Final = 10
"""Events of the stream that are read in less time than one row takes to be loaded.

Up to so many a row it is worth while to read first what was loaded already. Beyond, every row is
sent: a row that was sent before is answered as it was then, so this is about time alone."""


class LoadInterrupted(KeyboardInterrupt):
    """Ctrl-C during a load. What `summary` calls loaded is in; running the load again goes on."""

    def __init__(self, summary: LoadSummary) -> None:
        super().__init__()
        self.summary = summary


def unwatched(_what: str) -> AbstractContextManager[Advance]:
    """Nobody watches."""
    return nullcontext(untold)


def load_file(
    path: Path,
    pool: str,
    settings: Settings,
    *,
    dry_run: bool = False,
    reports: Sequence[Path] = (),
    watch: Watch = unwatched,
    patience: Patience | None = None,
) -> LoadSummary:
    """Load every good row of the file into its pool, or with `dry_run` say what would happen.

    The same file again gives the same outcomes and changes nothing, wherever an earlier run ended.
    An OperatorError when the file, a report, Kafka or its topics are at fault; refused rows are no
    error but in the summary.
    """
    started_s = time.monotonic()
    write = reports_at(reports, path)
    file = read_load_file(path, pool)
    results: dict[str, RowResult] = {}

    def told() -> LoadSummary:
        """Write what became of the rows until now, and add it up."""
        seconds = time.monotonic() - started_s
        summary = summary_of(file, results, dry_run=dry_run, seconds=seconds)
        write(
            Report(
                file_name=path.name,
                written_at=datetime.now(UTC),
                summary=summary,
                rows=lambda: report_rows(file, results),
            )
        )
        return summary

    if dry_run:
        if file.rows:
            with watch(f"checking {path.name}") as advance:
                results |= foretold(file.rows, known_numbers(file, settings, advance))
        return told()
    try:
        if file.rows:
            with access_as(Principal.LOADER, settings):
                results |= _known_already(file, settings, path.name, watch)
                with watch(f"loading {path.name}") as advance:
                    _load(file, settings, results, advance, patience)
    except KeyboardInterrupt:
        raise LoadInterrupted(told()) from None
    except OperatorError:
        told()
        raise
    return told()


def _known_already(
    file: LoadFile, settings: Settings, name: str, watch: Watch
) -> dict[str, RowResult]:
    """What an earlier run, or another load, has brought in, where that is quickly found out."""
    most = len(file.rows) * READ_FOR_ONE_ROW
    try:
        with watch(f"looking for {name} on the stream") as advance:
            return judged(known_numbers(file, settings, advance, most_records=most))
    except BrokerRefused:
        # Who may write commands and read replies can load, with or without the stream.
        return {}


def _load(
    file: LoadFile,
    settings: Settings,
    results: dict[str, RowResult],
    advance: Advance,
    patience: Patience | None,
) -> None:
    if len(results) == len(file.rows):
        return
    with KafkaExchange(settings, file.load_id) as exchange:
        Window(file.rows, exchange, clock=time.monotonic, patience=patience, results=results).run(
            advance
        )
