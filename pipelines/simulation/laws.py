"""The laws of the service, held against everything that is left of a run.

Owns the order of the checks. Each is a file of its own, and each says what it looks at.
"""

from typing import TYPE_CHECKING

from pipelines.simulation.actors import Breach
from pipelines.simulation.laws_calls import judge_asked_by_callers, judge_calls
from pipelines.simulation.laws_fold import fold_again, judge_asked, judge_fold
from pipelines.simulation.laws_log import ReadLog
from pipelines.simulation.laws_orders import commands_by_fact, judge_orders
from pipelines.simulation.laws_outcomes import expected_outcomes, judge_outcomes
from pipelines.simulation.laws_secrets import judge_secrets
from pipelines.simulation.laws_sources import judge_dead_letters, judge_forgotten, judge_sources
from pipelines.simulation.laws_stores import judge_stores
from pipelines.simulation.laws_stream import judge_stream
from pipelines.simulation.neighbours import Neighbours
from pipelines.topics import FACTS

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe


def check(universe: "Universe", neighbours: Neighbours) -> list[Breach]:
    """Every breach that the log, the stores and the neighbours' own books show."""
    poison = neighbours.sources.poison
    log = ReadLog(universe, poison)
    outcomes = expected_outcomes(log)
    folded = fold_again(log, universe.partitions)
    cases, intents = judge_orders(
        log,
        commands_by_fact(folded[FACTS]),
        neighbours.books(),
        outcomes,
        late=universe.climate.ends_late,
    )
    return [
        *judge_stream(log),
        *judge_outcomes(log, outcomes),
        *judge_fold(universe, folded),
        *judge_asked(log, folded),
        *judge_stores(universe, log, outcomes),
        *intents,
        *judge_sources(universe, log),
        *judge_dead_letters(log, poison, folded),
        *judge_forgotten(universe, cases),
        *judge_calls(neighbours.callers, log, outcomes),
        *judge_asked_by_callers(neighbours.callers, log, universe.settings),
        *judge_secrets(universe, log, neighbours.wallet.told()),
    ]
