"""What every call passes, whatever process it comes to: who calls, how often, and the counting."""

from dataclasses import dataclass, field
from typing import Self

from http_edge.access.clients import load_clients
from http_edge.access.limits import RateLimiter
from http_edge.access.tokens import TokenVerifier
from http_edge.serving.forwarding import Forwarder
from http_edge.serving.metrics import EdgeMetrics
from http_edge.serving.patience import Patience
from pipelines.settings import Settings
from pipelines.tls import FollowedFiles, trusted_authorities
from pipelines.tracing.tracer import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The parts that a processor's edge and a correlator's have in common.

    `trust` is whom to believe over TLS; its files are followed while the edge runs. `tracer` is
    None where traces are off.
    """

    settings: Settings
    tokens: TokenVerifier
    limiter: RateLimiter
    metrics: EdgeMetrics
    forwarder: Forwarder
    trust: FollowedFiles
    tracer: Tracer | None = None
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def of(cls, settings: Settings, tracer: Tracer | None = None) -> Self:
        """The gate that settings describe. SettingsError when one is missing or wrong."""
        trust = trusted_authorities(settings)
        return cls(
            settings=settings,
            tokens=TokenVerifier(settings, load_clients(settings)),
            limiter=RateLimiter(settings),
            metrics=EdgeMetrics(),
            forwarder=Forwarder(settings.edge_url(), trust.context),
            trust=trust,
            tracer=tracer,
        )
