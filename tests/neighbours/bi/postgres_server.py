"""A PostgreSQL server for as long as a test needs it, on a socket that nobody else sees.

Owns its directory and its processes. It will not run as root, so a test that does hands it to
somebody who may do nothing else. Where the machine has none, the tests that need it are skipped.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PLACES = "/usr/lib/postgresql"
_USERS = ("postgres", "nobody")
USER, PASSWORD = "bi", "a-password-of-the-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A running server. Addresses have no password, as in the settings."""

    folder: Path

    @property
    def address(self) -> str:
        return f"postgresql://{USER}@/postgres?host={self.folder}"


def programs() -> Path | None:
    """Where `initdb` and `pg_ctl` are; None where the machine has none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path(_PLACES).glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@contextmanager
def postgres_server(where: Path) -> Iterator[PostgresServer]:
    """Make a cluster, start it, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="giftcert-postgres-"))
    user = _unprivileged()
    try:
        (folder / "password").write_text(PASSWORD)
        if user is not None:
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        data = str(folder / "data")
        made = ["-D", data, "-U", USER, "--pwfile", str(folder / "password"), "-N"]
        _run(where / "initdb", [*made, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C"], user)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        log = str(folder / "log")
        _run(where / "pg_ctl", ["-D", data, "-o", options, "-l", log, "-w", "start"], user)
        try:
            yield PostgresServer(folder=folder)
        finally:
            _run(where / "pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs it when we are root; None: we do."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return next(known[name] for name in _USERS if name in known)


def _run(program: Path, arguments: Sequence[str], user: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        [program, *arguments],
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
        cwd="/",
        check=False,
        # What the server inherits must not keep a pipe open.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if program.name == "initdb" else subprocess.DEVNULL,
    )
    assert done.returncode == 0, (program.name, done.stderr)
