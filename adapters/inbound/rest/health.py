"""Liveness and readiness, for probes: public, without secrets, the same on the public and on the admin port."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import JSONResponse

Ready = Callable[[], Awaitable[Mapping[str, bool]]]
"""Says of each part that this process needs whether it answers; ready when all do."""


def health_router(ready: Ready) -> APIRouter:
    """`/healthz` says that the process runs, `/readyz` whether it should be sent requests."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> JSONResponse:
        return await readiness(ready)

    return router


async def readiness(ready: Ready) -> JSONResponse:
    """200 when every part answers, else 503 that names those that do not."""
    parts = await ready()
    if all(parts.values()):
        return JSONResponse({"status": "ready", "parts": dict(parts)})
    unavailable = HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse({"status": "not ready", "parts": dict(parts)}, unavailable, headers={"retry-after": "1"})
