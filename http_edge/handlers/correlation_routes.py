"""A correlator's own small edge: its correlations explained, its store's images, its health.

Owns which routes a correlator answers. It is for other processes of ours and for support; channels
call a processor.
"""

from functools import partial
from typing import Final

from starlette.types import ASGIApp

from http_edge.api.calls import BY_OPERATION
from http_edge.app import app_of
from http_edge.asking.correlator_services import CorrelatorServices
from http_edge.asking.dispatch import call_routes
from http_edge.handlers.correlation_calls import explain_own_correlation
from http_edge.handlers.image_calls import image_routes
from http_edge.handlers.service_routes import health_routes
from pipelines.store_images import StoreImages
from pipelines.topics import Role

_EXPLAIN: Final = BY_OPERATION["explainCorrelation"]


def create_correlator_app(services: CorrelatorServices) -> ASGIApp:
    """The edge of one correlator."""
    gate = services.gate
    handlers = {_EXPLAIN.operation: partial(explain_own_correlation, services)}
    routes = [
        *call_routes(gate, [_EXPLAIN], handlers),
        *health_routes(services.worker, gate.metrics),
        *image_routes(gate, StoreImages(services.worker, Role.CORRELATOR)),
    ]
    return app_of(gate, routes)
