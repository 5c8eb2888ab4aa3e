"""`python -m tests.helm.write_chart`: writes the chart's generated parts anew, as `make docs` does.

Owns where they go. What they say is `chart_files`'s.
"""

import json

from tests.helm.chart_files import CHART, GENERATED_FILES, with_places, with_settings


def main() -> None:
    """Write every generated file and definition."""
    for name, made in GENERATED_FILES.items():
        (CHART / name).write_text(made(), encoding="utf-8")
    path = CHART / "values.schema.json"
    schema = with_settings(json.loads(path.read_text(encoding="utf-8")))
    path.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
    page = CHART / "README.md"
    page.write_text(with_places(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
