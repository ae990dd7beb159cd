"""Makes the public app out of modules' routers: one middleware, one set of handlers, one OpenAPI document."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from adapters.inbound.cursors import Cursors
from adapters.inbound.limits import Limits
from adapters.inbound.rest.docs import OPENAPI, docs_router
from adapters.inbound.rest.edge.described import completed
from adapters.inbound.rest.edge.entrance import Entrance
from adapters.inbound.rest.edge.exchange import Services
from adapters.inbound.rest.edge.handlers import on_http_exception, on_refusal, on_validation_error
from adapters.inbound.rest.edge.metrics import Metrics
from adapters.inbound.rest.edge.routes import Index
from adapters.inbound.rest.health import Ready, health_router
from adapters.inbound.rest.settings import Settings
from ports.tokens import Tokens
from shared.errors import ConcordatError
from shared.ids import NewId

TITLE = "Concordat"
API_VERSION = "1.0.0"
DESCRIPTION = """Reciprocal visits between clubs, with receipts that verify offline.

Every refusal is an RFC 9457 problem whose `type` is a stable code and whose `instance` names the request. Times are in
UTC with `Z`, ids are UUIDv7, bytes are base64url without padding. A POST or PATCH may carry an `Idempotency-Key` (24
hours); a PATCH has to carry `If-Match`. Lists are paged by the cursors in `meta`. `RateLimit` says how many requests
are left to the caller, and 429 with `Retry-After` that none are.
"""


class Api(FastAPI):
    """FastAPI whose document says what types alone do not."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def create_app(
    routers: Sequence[APIRouter],
    *,
    tokens: Tokens,
    limits: Limits,
    cursor_key: bytes,
    new_id: NewId,
    ready: Ready,
    metrics: Metrics,
    settings: Settings,
) -> FastAPI:
    """The public app.

    `cursor_key` (32 bytes) signs list cursors and has to be the same in every process.
    """
    app = Api(
        title=TITLE,
        version=API_VERSION,
        description=DESCRIPTION,
        openapi_url=OPENAPI if settings.docs else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=True,
        telemetry={"operation_spans": False},
    )
    app.add_exception_handler(ConcordatError, on_refusal)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    # Not include_router: every route of an included router is matched twice and costs ten times as much.
    all_routers = (*routers, health_router(ready), *((docs_router(),) if settings.docs else ()))
    routes = [route for router in all_routers for route in router.routes]
    app.router.routes.extend([Index(routes), *routes])
    services = Services(
        tokens=tokens,
        cursors=Cursors(cursor_key),
        new_id=new_id,
        limits=limits,
        trusted_proxies=settings.trusted_proxies,
    )
    app.add_middleware(Entrance, services=services, settings=settings, metrics=metrics)
    return app
