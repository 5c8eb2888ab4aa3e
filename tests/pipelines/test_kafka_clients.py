"""A changed password reaches every client that lives, and a broken file reaches none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.kafka_clients import follow, following_password
from pipelines.settings import Settings, load_settings
from tests.pipelines.local.local_machine import await_condition

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
