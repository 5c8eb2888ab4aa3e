"""The clients' file: what it gives, and one line for each way to get it wrong."""

from pathlib import Path

import pytest

from http_edge.access.clients import load_clients
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from state.certificate.commands import Channel


def settings_with(path: Path | None) -> Settings:
    return Settings.model_validate({"clients_file": path})


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "clients.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def complaint(settings: Settings) -> str:
    with pytest.raises(SettingsError) as caught:
        load_clients(settings)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_file_gives_each_client_its_channel(tmp_path: Path) -> None:
    content = """{
        "till": {"channel": "POS"},
        "store": {"channel": "ONLINE_STORE"},
        "Support.2_a-b": {"channel": null},
        "%s": {"channel": null}
    }"""
    assert load_clients(settings_with(written(tmp_path, content % LONG[1:]))) == {
        "till": Channel.POS,
        "store": Channel.ONLINE_STORE,
        "Support.2_a-b": None,
        LONG[1:]: None,
    }


def test_channels_of_the_file_are_the_domains_own(tmp_path: Path) -> None:
    """Not text that happens to compare equal: the flow tells channels apart by identity too."""
    clients = load_clients(settings_with(written(tmp_path, '{"till": {"channel": "POS"}}')))
    assert clients["till"] is Channel.POS


def test_setting_left_out_says_what_to_set() -> None:
    assert complaint(settings_with(None)) == (
        "GIFTCERT_CLIENTS_FILE is not set: give a JSON file of the clients and their channels, "
        'like {"till": {"channel": "POS"}, "support": {"channel": null}}'
    )


def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    assert complaint(settings_with(path)) == (
        f"GIFTCERT_CLIENTS_FILE: cannot read {path}: No such file or directory"
    )


CHOICE = "ONLINE_STORE, POS, or null for a client that neither sells nor spends"
EXAMPLE = '{"till": {"channel": "POS"}, "support": {"channel": null}}'
NO_OBJECT = 'must be an object like {"channel": "POS"}'
LONG = "x" * 65
UNREADABLE = [
    ("not text", b'{"t\xff": {}}', "is not UTF-8 text (invalid start byte)"),
    ("empty", "", "is not JSON (line 1: Expecting value)"),
    ("not JSON", '{"till":\n POS}', "is not JSON (line 2: Expecting value)"),
    ("two documents", "{} {}", "is not JSON (line 1: Extra data)"),
    ("a list", '[{"till": "POS"}]', f"must be a JSON object like {EXAMPLE}"),
    ("nobody", "{}", "names no client: nobody could call"),
]
FAULTS = [
    ("no object", '{"till": "POS"}', f'client "till" {NO_OBJECT}'),
    (
        "no channel",
        '{"till": {}}',
        f'client "till" must have channel once: {CHOICE}',
    ),
    (
        "channel twice",
        '{"till": {"channel": "POS", "channel": null}}',
        f'client "till" must have channel once: {CHOICE}',
    ),
    (
        "unknown field",
        '{"till": {"channel": "POS", "scope": "all"}}',
        'client "till" has an unknown field "scope": there is only channel',
    ),
    (
        "unknown channel",
        '{"till": {"channel": "SHOP"}}',
        f'client "till" has an unknown channel "SHOP": it must be {CHOICE}',
    ),
    (
        "channel in small letters",
        '{"till": {"channel": "pos"}}',
        f'client "till" has an unknown channel "pos": it must be {CHOICE}',
    ),
    (
        "channel of another type",
        '{"till": {"channel": ["POS"]}}',
        f'client "till" has an unknown channel ["POS"]: it must be {CHOICE}',
    ),
    (
        "client twice",
        '{"till": {"channel": "POS"}, "till": {"channel": null}}',
        'client "till" stands twice',
    ),
    (
        "id with a space",
        '{"the till": {"channel": null}}',
        'client id "the till" must be 1 to 64 of A-Z a-z 0-9 . _ -',
    ),
    (
        "id with a line break",
        '{"till\\n": {"channel": null}}',
        'client id "till\\n" must be 1 to 64 of A-Z a-z 0-9 . _ -',
    ),
    (
        "id in other letters",
        '{"касса": {"channel": null}}',
        'client id "\\u043a\\u0430\\u0441\\u0441\\u0430" must be 1 to 64 of A-Z a-z 0-9 . _ -',
    ),
    (
        "id left empty",
        '{"": {"channel": null}}',
        'client id "" must be 1 to 64 of A-Z a-z 0-9 . _ -',
    ),
    (
        "id too long",
        f'{{"{LONG}": {{"channel": null}}}}',
        f'client id "{LONG}" must be 1 to 64 of A-Z a-z 0-9 . _ -',
    ),
    (
        "two faults",
        '{"a": {}, "b": 1}',
        f'client "a" must have channel once: {CHOICE}; client "b" {NO_OBJECT}',
    ),
]


@pytest.mark.parametrize(
    ("content", "fault"), [pytest.param(*rest, id=name) for name, *rest in UNREADABLE]
)
def test_file_that_names_no_clients_is_one_line(
    tmp_path: Path, content: str | bytes, fault: str
) -> None:
    text = complaint(settings_with(written(tmp_path, content)))
    assert text.startswith("GIFTCERT_CLIENTS_FILE")
    assert text.endswith(f"{tmp_path / 'clients.json'} {fault}")


@pytest.mark.parametrize(
    ("content", "fault"), [pytest.param(*rest, id=name) for name, *rest in FAULTS]
)
def test_file_with_a_wrong_client_says_what_is_wrong(
    tmp_path: Path, content: str, fault: str
) -> None:
    path = written(tmp_path, content)
    assert complaint(settings_with(path)) == f"GIFTCERT_CLIENTS_FILE {path}: {fault}"


def test_very_long_text_in_the_file_is_cut_in_the_complaint(tmp_path: Path) -> None:
    path = written(tmp_path, f'{{"{"y" * 10_000}": {{"channel": null}}}}')
    assert len(complaint(settings_with(path))) < 300


def test_clients_cannot_be_changed_once_they_are_read(tmp_path: Path) -> None:
    clients = load_clients(settings_with(written(tmp_path, '{"till": {"channel": "POS"}}')))
    with pytest.raises(TypeError):
        clients["intruder"] = None  # type: ignore[index]  # what the test is about
