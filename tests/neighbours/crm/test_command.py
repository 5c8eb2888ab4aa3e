"""`giftcert crm` at its start: what is missing or wrong is one line, and tells no secret."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SMS = {"GIFTCERT_CRM_SMS_URL": "https://sms.example/messages"}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end as an operator does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIFTCERT_")}
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "crm", *arguments],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "there is no gateway: set GIFTCERT_CRM_SMS_URL or GIFTCERT_CRM_SMTP_HOST"),
        (SMS, "there is no token for the service: set GIFTCERT_CRM_TOKEN_URL"),
        (
            {**SMS, "GIFTCERT_CRM_SMS_SECRET_FILE": "/there/is/none"},
            "GIFTCERT_CRM_SMS_SECRET_FILE: cannot read /there/is/none",
        ),
        ({**SMS, "GIFTCERT_TOKEN": "token-81c2"}, "GIFTCERT_STATE_DIR is not set"),
    ],
)
def test_start_without_what_it_needs_is_one_line_and_exit_code_2(
    environment: dict[str, str], said: str
) -> None:
    ended = run(environment)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith(f"giftcert: {said}")
    assert len(ended.stderr.splitlines()) == 1
    assert "token-81c2" not in ended.stderr


def test_help_says_what_it_reads_writes_and_shows() -> None:
    told = run({}, "--help").stdout
    for word in ("GiftCertificates.Stream", "All_Clients", "/metrics", "GIFTCERT_CRM_SMS_URL"):
        assert word in told
