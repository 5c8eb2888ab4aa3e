"""The stream library's own Kafka clients, told of a new password like all others of the process.

Owns knowing where the library keeps them. Must not use them for anything else.
"""

from functools import wraps
from typing import Any, Protocol

from pipelines.kafka_clients import follow, forget


class StreamApplication(Protocol):
    """As much of the library's application as is needed: what it wraps its clients in."""

    _consumer: Any
    _producer: Any
    _topic_manager: Any


class LibraryClients:
    """The clients of one application. It must be kept as long as the application works."""

    def __init__(self, application: StreamApplication) -> None:
        self._application = application
        follow(self)
        consumer = application._consumer
        close = consumer.close

        @wraps(close)
        def forgotten_then_closed() -> None:
            # The library keeps a consumer whose last callback failed while it was being closed.
            forget(self)
            close()

        consumer.close = forgotten_then_closed

    def set_sasl_credentials(self, username: str, password: str) -> None:
        """Tell each that is there by now; the library makes them when it first needs them."""
        application = self._application
        for client in (
            application._consumer._inner_consumer,
            application._producer._producer._inner_producer,
            application._topic_manager._admin._inner_admin,
        ):
            if client is not None:
                client.set_sasl_credentials(username, password)
