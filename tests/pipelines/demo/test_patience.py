"""Waiting ends: with what was waited for, with a fault elsewhere, or with silence."""

import signal
import threading
from collections.abc import Callable

import pytest

from pipelines.demo.patience import NothingComes, Patience
from pipelines.demo.witness import Witness
from pipelines.faults import BrokerUnreachable
from pipelines.interruption import stop_signals_interrupt
from tests.pipelines.demo.test_witness import NUMBER, event


def never() -> bool:
    return False


def patience(
    *checks: Callable[[], None], witness: Witness | None = None, silence_max_s: float = 60.0
) -> Patience:
    return Patience(witness or Witness(), checks, silence_max_s=silence_max_s)


def test_waiting_ends_when_a_thread_of_the_demo_ended_by_a_fault() -> None:
    """Its fault is raised where somebody waits, not lost with the thread."""

    def work(_stop: threading.Event) -> None:
        raise BrokerUnreachable("gone")

    with patience() as waiting:
        waiting.start(work)
        with pytest.raises(BrokerUnreachable, match="gone"):
            waiting.wait_for(never, "nothing")


def test_waiting_ends_when_something_else_is_not_well() -> None:
    """A worker that died will not answer any more."""

    def check() -> None:
        raise BrokerUnreachable("the broker ended")

    with patience(check) as waiting, pytest.raises(BrokerUnreachable, match="ended"):
        waiting.wait_for(never, "nothing")


def test_waiting_in_silence_says_what_was_waited_for() -> None:
    """A demo that hangs for ever tells nobody what is wrong."""
    with patience(silence_max_s=0.0) as waiting, pytest.raises(NothingComes, match="the year"):
        waiting.wait_for(never, "the year")


def test_waiting_ends_with_the_event() -> None:
    """It had come already."""
    witness = Witness()
    witness.see(NUMBER, event("load", 1), 1)
    with patience(witness=witness) as waiting:
        waiting.wait_for(lambda: witness.has_sequences([(NUMBER, 1)]), "it")

        assert waiting.gives(lambda: witness.has_sequences([(NUMBER, 1)]), within_s=0.0)
        assert not waiting.gives(never, within_s=0.0)


def test_leaving_stops_the_threads() -> None:
    """Each is told, and is waited for."""
    stopped: list[str] = []

    def work(stop: threading.Event) -> None:
        assert stop.wait(10.0)
        stopped.append("yes")

    with patience() as waiting:
        waiting.start(work)
        waiting.pause(0.0)

    assert stopped == ["yes"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_stop_signal_interrupts_and_the_next_does_nothing(number: signal.Signals) -> None:
    """What stops the stack must not be cut short; afterwards all is as before."""
    before = signal.getsignal(number)

    def stopped_twice() -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)

    with stop_signals_interrupt(), pytest.raises(KeyboardInterrupt):
        stopped_twice()

    assert signal.getsignal(number) is before
