"""Reads the secrets that come in files.

Owns what is said of an unusable one, which is never what is in it. Must not log, nor keep a secret.
"""

from pathlib import Path

from pipelines.faults import SettingsError


def read_secret(path: Path, setting: str) -> str:
    """The file's text without line breaks at its end. SettingsError, naming `setting`, if none."""
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"{setting}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        # Not chained by `from error`: that exception carries the bytes.
        raise SettingsError(f"{setting}: {path} is not UTF-8 text ({error.reason})") from None
    if not secret:
        raise SettingsError(f"{setting}: {path} is empty")
    return secret
