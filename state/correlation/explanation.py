"""Why a correlation stands as it does: its fields, and sentences that follow from them.

Pure: the same record gives the same explanation. The fields are `overview`'s, the sentences are
`reasons`'; nothing is decided here.
"""

from dataclasses import dataclass

from state.correlation.overview import Overview, overview_of
from state.correlation.reasons import sentences_about
from state.correlation.record import Correlation
from state.correlation.sentences import Sentence, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that can be said of one correlation. Sentences come the weightiest first.

    `forgotten_at_ms` is when a correlation that concerns no certificate is dropped;
    `other_order_id` is a second order with the same correlation id, for which nothing is done.
    """

    correlation_id: str
    since_ms: int
    forgotten_at_ms: int | None
    other_order_id: str | None
    overview: Overview
    sentences: tuple[Sentence, ...]

    @property
    def settled(self) -> bool:
        """Whether nothing is short, awaited or wrong."""
        return all(sentence.tone is Tone.NOTE for sentence in self.sentences)


def explain(correlation: Correlation) -> Explanation:
    """What is known of the correlation, and what that means."""
    overview = overview_of(correlation)
    return Explanation(
        correlation_id=correlation.correlation_id,
        since_ms=correlation.since_ms,
        forgotten_at_ms=None if correlation.concerns_certificates else correlation.deadline_ms,
        other_order_id=correlation.other_order_id,
        overview=overview,
        sentences=sentences_about(correlation, overview),
    )
