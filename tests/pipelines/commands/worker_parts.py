"""Stand-ins for the parts of a worker, for the tests of the two composition roots.

Owns what they write down. Which parts a worker has is its own test's.
"""

from collections.abc import Callable


class Part:
    """Stands in for any part of a worker, and writes down what it is told."""

    def __init__(self, name: str, told: list[str]) -> None:
        self._name = name
        self._told = told
        self.tally = self.requests = self

    def __getattr__(self, method: str) -> Callable[..., None]:
        return lambda *_arguments, **_options: self._told.append(f"{self._name}.{method}")


class FakeBackground:
    """Threads that end as soon as they are waited for, one of them perhaps with an error."""

    def __init__(self, told: list[str], error: Exception | None) -> None:
        self._told = told
        self._error = error
        self.names: list[str] = []
        self.waits_s = 0.0
        self.fail: Callable[[], None] = lambda: None

    def with_options(self, on_failure: Callable[[], None]) -> "FakeBackground":
        self.fail = on_failure
        return self

    def start(self, name: str, work: Callable[[], None]) -> None:
        self.names.append(name)

    def join(self, timeout_s: float) -> None:
        self._told.append("threads.join")
        self.waits_s += timeout_s * len(self.names)
        if self._error is not None:
            raise self._error
