"""The figures of one process, read from its `/metrics` in Prometheus' text format.

Owns the parsing and the few ways of summing up. Knows the names of no figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

_LONGEST: Final = 100


def printable(text: str) -> str:
    """What somebody says of himself, fit for a terminal: whoever joins a group may say anything."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text[:_LONGEST])


class NoFigures(ValueError):
    """What was answered is not in that format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One line: its labels and its value."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Every sample by its name; one that is no number is left out."""

    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> "Figures":
        """The figures in an exposition. NoFigures."""
        found: dict[str, list[Sample]] = {}
        try:
            for family in text_string_to_metric_families(text):
                for each in family.samples:
                    if not isfinite(each.value):
                        continue
                    labels = {key: printable(text) for key, text in each.labels.items()}
                    sample = Sample(labels=labels, value=each.value)
                    found.setdefault(each.name, []).append(sample)
        except (ValueError, KeyError, IndexError) as error:
            raise NoFigures(f"its figures cannot be read: {printable(str(error))}") from None
        return cls(samples={name: tuple(samples) for name, samples in found.items()})

    def total(self, name: str, **labels: str) -> float | None:
        """The sum over all samples of that name with these labels; None where there is none."""
        values = [
            sample.value
            for sample in self.samples.get(name, ())
            if labels.items() <= sample.labels.items()
        ]
        return sum(values) if values else None

    def largest(self, name: str, **labels: str) -> float | None:
        """The same, the largest of them."""
        values = [
            sample.value
            for sample in self.samples.get(name, ())
            if labels.items() <= sample.labels.items()
        ]
        return max(values, default=None)

    def by(self, name: str, label: str) -> dict[str, float]:
        """The values by one label."""
        found: dict[str, float] = {}
        for sample in self.samples.get(name, ()):
            value = sample.labels.get(label, "")
            found[value] = found.get(value, 0.0) + sample.value
        return found

    def labels(self, name: str) -> Mapping[str, str]:
        """The labels of the first sample of that name; empty where there is none."""
        samples = self.samples.get(name, ())
        return samples[0].labels if samples else {}
