"""Which Kafka principal each of ours is: by its name, by the file, by an option."""

from pathlib import Path

import pytest

from pipelines.acls.rights import Principal
from pipelines.acls.users import users_of
from pipelines.faults import SettingsError


def test_principal_is_the_user_of_its_name_unless_told_otherwise() -> None:
    users = users_of(None)
    assert users == {each: (f"User:{each}",) for each in Principal}


def test_file_says_one_user_several_or_nobody_and_an_option_stands_over_it(tmp_path: Path) -> None:
    file = tmp_path / "principals.json"
    file.write_text(
        '{"bi": "User:CN=bi,O=x", "crm": ["User:a", "User:b"], "till": [], "store": []}'
    )
    users = users_of(file, ["store=User:CN=store,O=x", "store=User:shop"])
    assert users[Principal.BI] == ("User:CN=bi,O=x",)
    assert users[Principal.CRM] == ("User:a", "User:b")
    assert users[Principal.TILL] == ()
    assert users[Principal.STORE] == ("User:CN=store,O=x", "User:shop")
    assert users[Principal.LOADER] == ("User:loader",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read"),
        ("[]", "is not JSON like"),
        ('{"bi": 1}', "is not JSON like"),
        ('{"nobody": "User:x"}', "there is no principal 'nobody'"),
        ('{"bi": "bi"}', "must be one of Kafka's principals"),
        ('{"bi": "User:*"}', "must be one of Kafka's principals"),
        ('{"bi": "User:crm"}', "User:crm is both crm and bi"),
    ],
)
def test_unusable_file_is_told_in_one_line(content: str | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "principals.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=said):
        users_of(file)


@pytest.mark.parametrize("option", ["bi", "bi=", "nobody=User:x", "bi=bi"])
def test_unusable_option_is_told_in_one_line(option: str) -> None:
    with pytest.raises(SettingsError):
        users_of(None, [option])
