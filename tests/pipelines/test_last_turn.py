"""A loop is alive for as long as it may rightly be silent, and no longer."""

import pytest

from pipelines.last_turn import LastTurn
from pipelines.neighbours.bi.run_mart import hangs_after_s as mart_hangs_after_s
from pipelines.neighbours.bi.settings import BiSettings
from pipelines.neighbours.crm.run_crm import hangs_after_s as crm_hangs_after_s
from pipelines.settings import Settings
from tests.pipelines.told_time import ToldTime

SILENCES = [(0.0, True), (59.9, True), (60.0, True), (60.1, False), (3_600.0, False)]


@pytest.mark.parametrize(("silent_s", "alive"), SILENCES)
def test_loop_that_is_silent_is_alive_for_its_time(silent_s: float, alive: bool) -> None:
    time = ToldTime()
    last_turn = LastTurn(hangs_after_s=60.0, clock=time)
    time.now_s += silent_s
    assert last_turn.alive is alive
    assert last_turn.age_s == pytest.approx(silent_s)


def test_loop_that_turns_again_is_alive_again() -> None:
    time = ToldTime()
    last_turn = LastTurn(hangs_after_s=60.0, clock=time)
    time.now_s += 61.0
    assert not last_turn.alive
    last_turn.note()
    time.now_s += 59.0
    assert last_turn.alive


def test_bounds_are_beyond_what_the_settings_let_a_loop_wait_for() -> None:
    settings = Settings(_env_prefix="NO_SUCH_PREFIX_", transaction_timeout_ms=900_000)
    # Its watchdog ends a commit five seconds after a transaction's life.
    assert crm_hangs_after_s(settings) > 905.0
    told = BiSettings(_env_prefix="NO_SUCH_PREFIX_", wait_s=3_600, batch_ms=60_000)
    assert mart_hangs_after_s(told) > 3_660.0
