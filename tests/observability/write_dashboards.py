"""Writes the dashboards into the chart: `python -m tests.observability.write_dashboards`.

Owns the files and nothing of what is in them.
"""

import json
from pathlib import Path
from typing import Final

from tests.observability import (
    board_certificates,
    board_edge,
    board_kafka,
    board_neighbours,
    board_objectives,
    board_overview,
)
from tests.observability.grafana import Dashboard, rendered
from tests.observability.rule_files import CHART

DASHBOARDS: Final = (
    board_overview.BOARD,
    board_objectives.BOARD,
    board_kafka.BOARD,
    board_edge.BOARD,
    board_certificates.BOARD,
    board_neighbours.BOARD,
)
FOLDER: Final = CHART / "dashboards"


def path_of(board: Dashboard) -> Path:
    """Where a dashboard lies in the chart."""
    return FOLDER / f"{board.name}.json"


def text_of(board: Dashboard) -> str:
    """What its file says."""
    return json.dumps(rendered(board), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Rewrite each file that is not as it must be, and say which."""
    for board in DASHBOARDS:
        path, wanted = path_of(board), text_of(board)
        if not path.exists() or path.read_text(encoding="utf-8") != wanted:
            path.write_text(wanted, encoding="utf-8")
            print(f"rewrote {path.relative_to(CHART)}")


if __name__ == "__main__":
    main()
