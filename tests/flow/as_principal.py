"""Runs `giftcert` as a principal of the secured Kafka: each command with the login of its part.

`python -m tests.flow.as_principal DIRECTORY COMMAND …`: the directory has a JSON file of variables
for each command, by its name.
"""

import json
import os
import sys
from pathlib import Path

from pipelines.cli import main


def run() -> None:
    """Take on the principal, and be the command."""
    directory, command = Path(sys.argv[1]), sys.argv[2]
    login = directory / f"{command}.json"
    if login.exists():
        os.environ.update(json.loads(login.read_text(encoding="ascii")))
    sys.argv[:3] = [sys.argv[0], command]
    main()


if __name__ == "__main__":
    run()
