"""Master keys of the one-time codes: read whole, or refused in one line that shows no key."""

import base64
import json
from pathlib import Path

import pytest

from pipelines.cvc_keys import load_cvc_keys
from pipelines.faults import SettingsError
from pipelines.settings import load_settings

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
TWO_KEYS = json.dumps(
    {"old": base64.b64encode(OLD).decode(), "new": base64.b64encode(NEW).decode()}
)
ONE_KEY = json.dumps({"only": base64.b64encode(OLD).decode()})


def test_loading_keys_from_a_file_gives_all_and_the_current_one(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(TWO_KEYS)
    keys = load_cvc_keys(load_settings({"cvc_key_file": file, "cvc_current_key_id": "new"}))
    assert keys.current_id == "new"
    assert keys.by_id == {"old": OLD, "new": NEW}


def test_loading_one_key_from_the_variable_takes_it_as_current() -> None:
    keys = load_cvc_keys(load_settings({"cvc_keys": ONE_KEY}))
    assert (keys.current_id, keys.by_id) == ("only", {"only": OLD})


def test_showing_keys_shows_no_key() -> None:
    keys = load_cvc_keys(load_settings({"cvc_keys": ONE_KEY}))
    assert repr(keys) == "CvcKeys(current_id='only')"


WRONG = [
    ({}, "no master key for CVC: set GIFTCERT_CVC_KEY_FILE"),
    ({"cvc_keys": "hush"}, "GIFTCERT_CVC_KEYS is not JSON (line 1)"),
    ({"cvc_keys": '["hush"]'}, "GIFTCERT_CVC_KEYS must be a JSON object"),
    ({"cvc_keys": "{}"}, "GIFTCERT_CVC_KEYS must be a JSON object"),
    ({"cvc_keys": '{"a": "hush"}'}, "key 'a' must be base64 of at least 32 random bytes"),
    ({"cvc_keys": '{"a": "!hush"}'}, "key 'a' must be base64 of at least 32 random bytes"),
    ({"cvc_keys": '{"a": 7}'}, "key 'a' must be base64 of at least 32 random bytes"),
    ({"cvc_keys": '{"": "hush"}'}, "a key id is empty"),
    ({"cvc_keys": '{"' + "k" * 201 + '": "hush"}'}, "must be 1 to 200 printable characters"),
    ({"cvc_keys": '{"2026\\n": "hush"}'}, "must be 1 to 200 printable characters"),
    ({"cvc_keys": TWO_KEYS}, "set GIFTCERT_CVC_CURRENT_KEY_ID to one of new, old"),
    (
        {"cvc_keys": TWO_KEYS, "cvc_current_key_id": "next"},
        "GIFTCERT_CVC_CURRENT_KEY_ID='next' is not in GIFTCERT_CVC_KEYS, which holds new, old",
    ),
    ({"cvc_key_file": "/no/such/file"}, "GIFTCERT_CVC_KEY_FILE: cannot read /no/such/file"),
]


@pytest.mark.parametrize(("over", "said"), WRONG)
def test_loading_keys_that_cannot_be_used_says_why_and_shows_none(
    over: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_cvc_keys(load_settings(over))
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None or "hush" not in str(caught.value.__cause__)
