"""Stands in for a worker, an issuer or a neighbour: says it is ready and does as FAKE_WORKER tells.

Run as a script: `fake_worker.py ROLE`. FAKE_WORKER is one of the words below, or `ROLE:WORD` for
one role only: `die` ends at once, `unready` never is ready, `stubborn` does not heed SIGTERM.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path


class Answers(BaseHTTPRequestHandler):
    """/readyz and /jwks, and anything else with the worker's own environment."""

    status = 200

    def do_GET(self) -> None:
        if self.path in ("/readyz", "/jwks"):
            self._answer(self.status, b"" if self.status == 200 else b"not yet")
        else:
            settings = {k: v for k, v in os.environ.items() if k.startswith("GIFTCERT_")}
            self._answer(200, json.dumps({"pid": os.getpid(), "settings": settings}).encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - their name for it
        pass

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(role: str, *arguments: str) -> None:
    """Be a worker of `role`; an issuer is told its address by `arguments`."""
    word = os.environ.get("FAKE_WORKER", "").removeprefix(f"{role}:")
    print(f"a fake {role} speaks its last words", flush=True)
    if word == "die":
        raise SystemExit(3)
    if word == "unready":
        Answers.status = 503
    signal.signal(signal.SIGTERM, signal.SIG_IGN if word == "stubborn" else signal.SIG_DFL)
    if role == "issuer":
        told = dict(pairwise(arguments))
        host, port = told["--host"], told["--port"]
    else:
        host, port = os.environ["GIFTCERT_HTTP_HOST"], os.environ["GIFTCERT_HTTP_PORT"]
        runs = Path(os.environ["GIFTCERT_STATE_DIR"]) / "runs"
        with runs.open("a", encoding="ascii") as file:
            file.write(".")
    HTTPServer((host, int(port)), Answers).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
