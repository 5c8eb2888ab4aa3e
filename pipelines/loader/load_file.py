"""Loads one file: the steps from a path to a summary.

Owns their order: everything that can be found out without the service is found out first.
"""

import time
from pathlib import Path

from pipelines.loader.dry_run import dry_run as judge_by_stream
from pipelines.loader.exchange import KafkaExchange
from pipelines.loader.outcomes import LoadSummary, RowResult, report_rows, summary_of
from pipelines.loader.report import report_at
from pipelines.loader.rows import LoadFile, read_load_file
from pipelines.loader.window import Patience, Window
from pipelines.progress import Advance, untold
from pipelines.settings import Settings


class LoadInterrupted(KeyboardInterrupt):
    """Ctrl-C during a load. What `summary` calls loaded is in; running the load again goes on."""

    def __init__(self, summary: LoadSummary) -> None:
        super().__init__()
        self.summary = summary


def load_file(
    path: Path,
    pool: str,
    settings: Settings,
    *,
    dry_run: bool = False,
    report: Path | None = None,
    advance: Advance = untold,
    patience: Patience | None = None,
) -> LoadSummary:
    """Load every good row of the file into its pool, or with `dry_run` say what would happen.

    The same file again gives the same outcomes and changes nothing. An OperatorError when the file,
    the report, Kafka or its topics are at fault; refused rows are no error but in the summary.
    """
    started_s = time.monotonic()
    file = read_load_file(path, pool)
    results: dict[str, RowResult] = {}

    def summary() -> LoadSummary:
        seconds = time.monotonic() - started_s
        return summary_of(file, results, dry_run=dry_run, seconds=seconds)

    with report_at(report) as write:
        try:
            if dry_run:
                results = judge_by_stream(file, settings, advance)
            elif file.rows:
                _load(file, settings, results, advance, patience)
        except KeyboardInterrupt:
            raise LoadInterrupted(summary()) from None
        finally:
            write(report_rows(file, results))
    return summary()


def _load(
    file: LoadFile,
    settings: Settings,
    results: dict[str, RowResult],
    advance: Advance,
    patience: Patience | None,
) -> None:
    with KafkaExchange(settings, file.load_id) as exchange:
        window = Window(file.rows, exchange, clock=time.monotonic, patience=patience)
        try:
            window.run(advance)
        finally:
            results.update(window.results)
