"""What a number that the stream knows means for its row, without asking the service.

Owns the words. A number whose `load` event was caused by this very load is in; whatever else loaded
it, the service would refuse it now and for ever.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from pipelines.loader.outcomes import WOULD_LOAD, Outcome, RowResult
from pipelines.loader.stream_numbers import KnownNumber
from state.certificate.rejections import RejectionCode, reject

_DAY_MS: Final = 86_400_000


def judged(known: Mapping[str, KnownNumber], *, with_states: bool = False) -> dict[str, RowResult]:
    """The results of the rows whose numbers are known."""
    return {
        number: _result(
            each.by_this_load,
            each.loaded_at_ms // _DAY_MS,
            each.pool,
            each.state if with_states else "",
        )
        for number, each in known.items()
    }


def foretold(numbers: Iterable[str], known: Mapping[str, KnownNumber]) -> dict[str, RowResult]:
    """What a load of these numbers would come to."""
    return dict.fromkeys(numbers, WOULD_LOAD) | judged(known, with_states=True)


@lru_cache(maxsize=4096)
def _result(by_this_load: bool, day: int, pool: str, state: str) -> RowResult:
    """One object for all rows that share it."""
    if by_this_load:
        return RowResult(outcome=Outcome.ALREADY_LOADED, state=state)
    code = RejectionCode.DUPLICATE_NUMBER
    date = datetime.fromtimestamp(day * _DAY_MS / 1000, UTC).date()
    return RowResult(
        outcome=Outcome.REFUSED,
        code=code.value,
        text=f"{reject(code).text}: on {date}, into {pool}",
        state=state,
    )
