"""Runs `giftcert` commands one after the other in one process, for those that end at once.

`python -m tests.flow.commands_in_turn`: a JSON list of `{"environment", "arguments"}` on standard
input, a list of `{"code", "out", "err"}` on standard output. What a start costs is paid once.
"""

import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from pipelines.cli import run


def main() -> None:
    """Run all of them."""
    ended = []
    for each in json.load(sys.stdin):
        os.environ.clear()
        os.environ.update(each["environment"])
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = run(each["arguments"])
        ended.append({"code": code, "out": out.getvalue(), "err": err.getvalue()})
    json.dump(ended, sys.stdout)


if __name__ == "__main__":
    main()
