"""A changed password reaches every client that lives, and a broken file reaches none."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.kafka_clients import Consumer, follow, following_password
from pipelines.library_clients import LibraryClients
from pipelines.settings import Settings, load_settings
from tests.pipelines.local.local_machine import await_condition

with warnings.catch_warnings(record=True):
    from quixstreams import Application

EVERY_S = 0.01


class FakeClient:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def set_sasl_credentials(self, username: str, password: str) -> None:
        self.told.append((username, password))


class ClosedClient(FakeClient):
    def set_sasl_credentials(self, username: str, password: str) -> None:
        super().set_sasl_credentials(username, password)
        raise RuntimeError("Consumer closed")


def settings_of(file: Path) -> Settings:
    return load_settings(
        {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": "me",
            "sasl_password_file": file,
        }
    )


@pytest.mark.parametrize("make", [FakeClient, ClosedClient])
def test_changed_file_is_told_to_every_client_that_lives(
    make: Callable[[], FakeClient], tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    early, late = make(), FakeClient()
    follow(early)
    with following_password(settings_of(file), EVERY_S):
        follow(late)
        file.write_text("second\n")
        for client in (early, late):
            await_condition(lambda client=client: ("me", "second") in client.told)  # type: ignore[misc]  # bound at once


def test_consumer_that_was_closed_is_told_nothing_and_nobody_dies_of_it(tmp_path: Path) -> None:
    """Kafka's client would end the whole process."""
    file = tmp_path / "password"
    file.write_text("first")
    settings = settings_of(file)
    consumer = Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "any", "log_level": 0})
    library = Application(
        broker_address="127.0.0.1:1", consumer_group="any", loglevel=None, auto_create_topics=False
    )
    library_clients = LibraryClients(library)
    inner = library._consumer._consumer
    library._consumer.close()  # type: ignore[no-untyped-call]  # theirs is untyped
    # As the library leaves it when its last callback fails.
    library._consumer._inner_consumer = inner
    consumer.close()
    awaited = FakeClient()
    follow(awaited)
    with following_password(settings, EVERY_S):
        await_condition(lambda: len(awaited.told) > 1)
    # Held until here: what nobody holds is told nothing anyway.
    del library_clients, consumer


def test_broken_file_leaves_the_password_as_it_was_until_it_is_whole_again(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first")
    client = FakeClient()
    follow(client)
    with following_password(settings_of(file), EVERY_S):
        file.write_text("")
        file.unlink()
        file.write_text("second")
        await_condition(lambda: ("me", "second") in client.told)
    assert {word for _, word in client.told} <= {"first", "second"}


def test_login_without_a_password_has_nothing_to_follow() -> None:
    client = FakeClient()
    follow(client)
    with following_password(load_settings(), EVERY_S):
        pass
    assert client.told == []
