"""The admin app, for a port of its own that the public never reaches: metrics and probes."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.inbound.rest.edge.metrics import CONTENT_TYPE, Metrics, Readings
from adapters.inbound.rest.health import Ready, readiness


def create_admin_app(metrics: Metrics, *, ready: Ready, readings: Sequence[Readings] = ()) -> Starlette:
    """`readings` lend gauges, such as how much is pending, that are read when the metrics are asked for."""

    async def show_metrics(_request: Request) -> Response:
        return Response(await metrics.exposition(readings), media_type=CONTENT_TYPE)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        return await readiness(ready)

    return Starlette(routes=[Route("/metrics", show_metrics), Route("/healthz", healthz), Route("/readyz", readyz)])
