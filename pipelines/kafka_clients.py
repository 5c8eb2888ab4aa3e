"""The Kafka client's own classes, which learn of a new password while they live.

Owns the following of the password's file. Kafka asks anew who we are when a connection is made and,
where it is told to, again and again on those there are; a client that was told the new password
answers with that one. Must not know what the clients are for. Client secrets and certificates are
read once, when a client is made: no client of Kafka in C takes others up later.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol
from weakref import WeakSet

import confluent_kafka
import confluent_kafka.admin
import structlog

from pipelines.faults import SettingsError
from pipelines.settings import Settings

LOOK_AGAIN_S: Final = 5.0
"""How often the file is looked at: Kubernetes itself takes up to a minute to change it."""

_log = structlog.get_logger(__name__)


class LogsIn(Protocol):
    """Whoever may be told a new password."""

    def set_sasl_credentials(self, username: str, password: str) -> None: ...


_living: WeakSet[Any] = WeakSet()
_guard: Final = threading.Lock()


def follow(client: LogsIn) -> None:
    """Have it told of a new password for as long as somebody holds it."""
    with _guard:
        _living.add(client)


def forget(client: LogsIn) -> None:
    """Tell it nothing any more, from now on. Before a consumer is closed.

    A closed one that is told a password kills its process: the client's C code does not look.
    """
    with _guard:
        _living.discard(client)


class Consumer(confluent_kafka.Consumer):  # type: ignore[misc]  # theirs is untyped
    """The client's consumer. Close it with `close`: its own `with` does so past this class."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(dict(config))
        follow(self)

    def close(self) -> None:
        """End it; what it holds is told no password after that."""
        forget(self)
        super().close()


class Producer(confluent_kafka.Producer):  # type: ignore[misc]  # theirs is untyped
    """The client's producer."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(dict(config))
        follow(self)


class AdminClient(confluent_kafka.admin.AdminClient):  # type: ignore[misc]  # theirs is untyped
    """The client for questions that live long."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(dict(config))
        follow(self)


@contextmanager
def following_password(settings: Settings, every_s: float = LOOK_AGAIN_S) -> Iterator[None]:
    """Tell all clients of this process what stands in the file, as long as the block runs."""
    if settings.sasl_password_file is None:
        yield
        return
    stopped = threading.Event()
    known = settings.sasl_password()
    thread = threading.Thread(
        target=_follow_file,
        args=(settings, known, stopped, every_s),
        name="kafka-password",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _follow_file(settings: Settings, known: str, stopped: threading.Event, every_s: float) -> None:
    wrong = False
    while not stopped.wait(every_s):
        try:
            password = settings.sasl_password()
        except SettingsError as fault:
            if not wrong:
                _log.warning("the Kafka password stays as it was", reason=str(fault))
            wrong = True
            continue
        wrong = False
        if password != known:
            known = password
            _log.info("the Kafka password has changed", user=settings.sasl_username)
        _tell(settings.sasl_username or "", password)


def _tell(username: str, password: str) -> None:
    """Also those that were made with the old one a moment ago: to be told twice does no harm."""
    with _guard:
        # Told inside of it: whoever closes one waits for that moment.
        for client in list(_living):
            try:
                client.set_sasl_credentials(username, password)
            except RuntimeError:
                # It was closed meanwhile, and somebody still holds it.
                continue
