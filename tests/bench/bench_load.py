"""`giftcert load` end to end: rows a second, and how long a caller waits meanwhile.

A real stack on this machine. `GIFTCERT_TEST_BROKER` chooses the broker as for the flow tests,
`GIFTCERT_TEST_LOAD_ROWS` how many rows (a million is what it is held to), and
`GIFTCERT_TEST_LOAD_PROCESSORS` how many processors.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from pipelines.edge_client import BearerToken, RenewedToken
from pipelines.local.broker import AUTO
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from tests.bench.measuring import title

ROWS = int(os.environ.get("GIFTCERT_TEST_LOAD_ROWS", "100000"))
PROCESSORS = int(os.environ.get("GIFTCERT_TEST_LOAD_PROCESSORS", "2"))
PAUSE_S = 0.25


def test_load(tmp_path: Path) -> None:
    options = StackOptions(
        data_dir=tmp_path / "stack",
        broker=os.environ.get("GIFTCERT_TEST_BROKER") or AUTO,
        processors=PROCESSORS,
        environment={"GIFTCERT_RATE_LIMIT": "1000000/minute"},
    )
    first, second, path = tmp_path / "first.csv", tmp_path / "second.csv", tmp_path / "numbers.csv"
    with Stack(options) as stack:
        title(f"Bulk load of {ROWS:,} rows on {stack.broker.kind}, {PROCESSORS} processors")
        giftcert(stack, "generate", str(path), "--count", str(ROWS))
        giftcert(stack, "generate", str(first), "--count", "2000", "--pool", "WARM")
        giftcert(stack, "load", str(first))
        with Caller(stack, "WARM") as alone:
            time.sleep(5.0)
        report = str(tmp_path / "report.csv")
        with Caller(stack, "WARM") as beside, Caller(stack, "ELECTRONIC") as same:
            timed("load", stack, "load", str(path), "--report", report)
        timed("the same again", stack, "load", str(path), "--report", report)
        timed("dry run", stack, "load", str(path), "--dry-run")
        second.write_text(path.read_text() + "GC-EXTRA-1\n")
        timed("all of it in another file", stack, "load", str(second), allowed=(0, 1))
    print(f"  a caller who asks for a number waits, without a load: {alone}")
    print(f"    beside the load, of another pool: {beside}")
    print(f"    beside the load, of the pool that is loaded: {same}")


class Caller:
    """Asks for a pool's next number again and again; how long each took."""

    def __init__(self, stack: Stack, pool: str) -> None:
        self._pool = pool
        self._token = RenewedToken(lambda: stack.token("store"))
        self._url = stack.http_urls[0]
        self._stopped = threading.Event()
        self._taken_s: list[float] = []
        self._errors = 0
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Caller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def __str__(self) -> str:
        taken = sorted(each * 1000 for each in self._taken_s)
        middle, late = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
        return (
            f"p50 {middle:.0f}, p99 {late:.0f}, longest {taken[-1]:.0f} ms "
            f"({len(taken)} calls, {self._errors} not answered)"
        )

    def _ask(self) -> None:
        with httpx.Client(
            base_url=self._url, timeout=60.0, trust_env=False, auth=BearerToken(self._token)
        ) as client:
            calls = 0
            while not self._stopped.wait(PAUSE_S):
                calls += 1
                asked_s = time.perf_counter()
                answer = client.post(
                    "/certificates/next",
                    json={"pool": self._pool, "channel": "ONLINE_STORE"},
                    headers={"Idempotency-Key": f"bench-{id(self)}-{calls}"},
                )
                self._taken_s.append(time.perf_counter() - asked_s)
                self._errors += answer.status_code not in (201, 409)


def giftcert(stack: Stack, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
    environment: Mapping[str, str] = {**os.environ, **stack.environment}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode in allowed, done
    return done.stdout


def timed(what: str, stack: Stack, *arguments: str, allowed: tuple[int, ...] = (0,)) -> None:
    before, started_s = os.times(), time.perf_counter()
    out = giftcert(stack, *arguments, allowed=allowed)
    seconds = time.perf_counter() - started_s
    after = os.times()
    own_s = after.children_user + after.children_system
    own_s -= before.children_user + before.children_system
    said = re.sub(r"^.*?rows: ", "", out.splitlines()[0])
    print(
        f"  {what}: {seconds:.1f} s, {ROWS / seconds:,.0f} rows a second; "
        f"{own_s * 1e6 / ROWS:.0f} µs of the loader's own time a row; {said}"
    )
