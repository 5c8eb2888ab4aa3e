"""The correlator's threads and end: who runs beside the loop, who is told to stop, who closes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.commands import correlator as module
from pipelines.topics import FACTS, Role
from tests.pipelines.commands.worker_parts import FakeBackground, Part

ENDED_S = 8.0


class Correlator:
    """A correlator of parts that only write down what they are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
        self.told: list[str] = []
        self.made: dict[str, tuple[Any, ...]] = {}
        self.background = FakeBackground(self.told, error)
        self.closes_s = 0.0
        self.end_of_outbox: Callable[[object], None] | None = None

        def part(name: str, made: str | None = None) -> Callable[..., Any]:
            def make(*arguments: Any, **options: Any) -> Part:
                self.made[made or name] = (*arguments, *options.values())
                return Part(name, self.told)

            return make

        for name in ("load_settings", "Owners", "WorkerStore", "CorrelatorServices"):
            monkeypatch.setattr(module, name, part("other", name))
        names = ("forwarder", "trust", "metrics", "patience")
        gate = SimpleNamespace(**{name: Part("other", self.told) for name in names})
        monkeypatch.setattr(module, "Gate", SimpleNamespace(of=lambda *_: gate))
        for name in ("configure_logs", "require_topics", "framing_for", "policy_of"):
            monkeypatch.setattr(module, name, lambda *_, **__: None)
        for name in ("create_correlator_app", "deadline_fact"):
            monkeypatch.setattr(module, name, lambda *_, **__: None)
        monkeypatch.setattr(module, "build_correlator", part("worker"))
        monkeypatch.setattr(module, "EdgeServer", part("edge"))
        monkeypatch.setattr(module, "TimerLoop", part("timers"))
        monkeypatch.setattr(module, "tracer_for", lambda *_: None)
        monkeypatch.setattr(module, "sampler_of", part("sampler"))
        monkeypatch.setattr(module, "WorkerMetrics", part("other"))
        monkeypatch.setattr(module, "Outbox", self.opened)
        monkeypatch.setattr(module, "Background", self.background.with_options)

    def opened(
        self, _settings: object, _name: str, on_end: Callable[[object], None]
    ) -> "Correlator":
        self.end_of_outbox = on_end
        return self

    def send(self, *_: object) -> None: ...

    def close(self, timeout_s: float) -> None:
        self.told.append("outbox.close")
        self.closes_s = timeout_s

    def run(self) -> list[str]:
        module.correlator()
        return [step for step in self.told if not step.startswith("other.")]


ORDER = ["worker.run", "sampler.stop", "timers.stop", "edge.stop", "threads.join", "outbox.close"]


def test_correlator_told_to_stop_ends_its_threads_before_what_they_write_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Correlator(monkeypatch).run() == ORDER


def test_correlator_whose_thread_failed_still_closes_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = RuntimeError("the listener is gone")
    correlator = Correlator(monkeypatch, failure)
    with pytest.raises(RuntimeError) as caught:
        correlator.run()
    assert caught.value is failure
    assert correlator.told[-2:] == ORDER[-2:]


def test_correlator_whose_thread_fails_aborts_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A correlator that cannot be asked any more must not look well."""
    correlator = Correlator(monkeypatch)
    correlator.run()
    correlator.background.fail()
    assert correlator.told[-1] == "worker.abort"


def test_correlator_listens_and_keeps_time_beside_its_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    correlator = Correlator(monkeypatch)
    correlator.run()
    assert correlator.background.names == ["edge", "timers", "figures"]
    assert correlator.made["WorkerStore"][1] is FACTS
    assert correlator.made["Owners"][1] is Role.CORRELATOR


def test_correlator_waits_at_its_end_together_stay_within_eight_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also when every thread hangs and Kafka takes nothing."""
    correlator = Correlator(monkeypatch)
    correlator.run()
    assert correlator.background.waits_s + correlator.closes_s < ENDED_S


def test_correlator_whose_outbox_has_ended_for_good_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the fault that the outbox tells of."""
    correlator = Correlator(monkeypatch)
    correlator.run()
    assert correlator.end_of_outbox is not None
    correlator.end_of_outbox("Kafka takes nothing any more")
    assert correlator.told[-1] == "worker.end_with"
