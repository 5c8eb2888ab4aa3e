"""The processor's end: who is told to stop, who is waited for, and what is closed last."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.commands import processor as module
from tests.pipelines.commands.worker_parts import FakeBackground, Part

ENDED_S = 8.0


class Processor:
    """A processor of parts that only write down what they are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
        self.told: list[str] = []
        self.background = FakeBackground(self.told, error)
        self.closes_s = 0.0
        self.end_of_outbox: Callable[[object], None] | None = None

        def part(name: str) -> Callable[..., Any]:
            return lambda *_arguments, **_options: Part(name, self.told)

        for name in ("load_settings", "load_cvc_keys", "EdgeServices", "Owners", "WorkerStore"):
            monkeypatch.setattr(module, name, part("other"))
        names = ("forwarder", "trust", "metrics", "patience")
        gate = SimpleNamespace(**{name: Part("other", self.told) for name in names})
        monkeypatch.setattr(module, "Gate", SimpleNamespace(of=lambda *_: gate))
        monkeypatch.setattr(module, "create_app", part("other"))
        for name in ("configure_logs", "require_topics", "framing_for", "expiry_command"):
            monkeypatch.setattr(module, name, lambda *_, **__: None)
        monkeypatch.setattr(module, "build_processor", part("worker"))
        monkeypatch.setattr(module, "EdgeServer", part("edge"))
        monkeypatch.setattr(module, "TimerLoop", part("timers"))
        monkeypatch.setattr(module, "tracer_for", lambda *_: None)
        monkeypatch.setattr(module, "sampler_of", part("sampler"))
        monkeypatch.setattr(module, "WorkerMetrics", part("other"))
        monkeypatch.setattr(module, "Outbox", self.opened)
        monkeypatch.setattr(module, "Background", self.background.with_options)

    def opened(
        self, _settings: object, _name: str, on_end: Callable[[object], None]
    ) -> "Processor":
        self.end_of_outbox = on_end
        return self

    def send(self, *_: object) -> None: ...

    def close(self, timeout_s: float) -> None:
        self.told.append("outbox.close")
        self.closes_s = timeout_s

    def run(self) -> list[str]:
        module.processor()
        return [step for step in self.told if not step.startswith("other.")]


ORDER = ["worker.run", "sampler.stop", "timers.stop", "edge.stop", "threads.join", "outbox.close"]


def test_outbox_is_closed_only_after_those_who_write_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request or a deadline that came last would otherwise be queued for nobody."""
    assert Processor(monkeypatch).run() == ORDER


def test_outbox_is_closed_also_after_a_thread_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = RuntimeError("the replies are gone")
    processor = Processor(monkeypatch, failure)
    with pytest.raises(RuntimeError) as caught:
        processor.run()
    assert caught.value is failure
    assert processor.told[-2:] == ORDER[-2:]


def test_waits_of_the_end_together_stay_within_eight_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also when every thread hangs and Kafka takes nothing."""
    processor = Processor(monkeypatch)
    processor.run()
    assert processor.background.names == ["edge", "timers", "figures"]
    assert processor.background.waits_s + processor.closes_s < ENDED_S


def test_processor_whose_outbox_has_ended_for_good_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the fault that the outbox tells of."""
    processor = Processor(monkeypatch)
    processor.run()
    assert processor.end_of_outbox is not None
    processor.end_of_outbox("Kafka takes nothing any more")
    assert processor.told[-1] == "worker.end_with"
