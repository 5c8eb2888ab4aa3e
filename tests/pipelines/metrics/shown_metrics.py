"""What a scrape shows beside what is documented: whatever is on one side only, or told otherwise.

Owns that comparison, for every process of ours, and the reading of single samples.
"""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from pipelines.metrics.rows import MetricRow

Samples = dict[str, float]


def differences(text: str, rows: Iterable[MetricRow], *, absent: frozenset[str]) -> Iterator[str]:
    """How a scrape differs from the list. `absent`: what has no value in this very process."""
    shown = {family.name: family for family in text_string_to_metric_families(text)}
    for row in rows:
        family = shown.pop(row.name.removesuffix("_total"), None)
        if family is None:
            yield f"{row.name} is documented and not shown"
        elif (family.type, family.documentation) != (row.kind, row.meaning):
            yield f"{row.name} is shown as {family.type}: {family.documentation}"
        elif not family.samples:
            if row.name not in absent:
                yield f"{row.name} has no value"
        else:
            labels = {tuple(sorted(set(each.labels) - {"le"})) for each in family.samples}
            if labels != {tuple(sorted(row.labels))}:
                yield f"{row.name} has the labels {labels}"
    yield from (f"{name} is shown and not documented" for name in shown)


def samples(text: str) -> Samples:
    """Every sample by its name without the prefix and its labels' values, by the labels' names."""
    return {
        "/".join([each.name.removeprefix("giftcert_"), *_values(each.labels)]): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def _values(labels: Mapping[str, str]) -> list[str]:
    told = [value for name, value in sorted(labels.items()) if name != "le"]
    return [*told, labels["le"]] if "le" in labels else told
