"""REST for the log: receipts, trust bundle, anchoring on demand, and the published logs as C2SP tlog-tiles."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from adapters.inbound.rest.edge.authentication import Calling, CallingRepeatably
from adapters.inbound.rest.edge.negotiation import JSON, wants
from adapters.inbound.rest.edge.refusals import NoSuchRoute
from adapters.inbound.rest.edge.routes import StrictRoute
from app.log.anchoring import Anchoring
from app.log.published import PublishedLogs
from app.log.receipts import Receipts
from app.log.trust import Trust
from core.log.errors import MalformedTile
from core.log.receipts import Receipt, receipt_json, receipt_text
from core.log.trust import write_bundle

TEXT = "text/plain"
IN_TWO_SPELLINGS: dict[int | str, dict[str, Any]] = {200: {"content": {TEXT: {"schema": {"type": "string"}}}}}
"""What a route that answers with a receipt declares."""

_IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
_FRESH = {"cache-control": "no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """A receipt as one JSON object; `concordat verify` takes it as well as the text form. Hashes are base64."""

    v: int
    record: str
    salt: str
    commitment: str
    disclosures: list[str]
    evidence: dict[str, Any] | None
    check: str
    index: int
    hashes: list[str]
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorAsked:
    """The wish is noted; the receipts of what it covers become anchored soon."""

    asked: bool


class OctetStream(Response):
    """Bytes of a tile."""

    media_type = "application/octet-stream"


def spelt(request: Request, receipt: Receipt) -> ReceiptView | Response:
    """The receipt as JSON, or as tlog-proof text for a client that likes it better."""
    if wants(request, TEXT):
        return PlainTextResponse(receipt_text(receipt))
    return ReceiptView(**cast("dict[str, Any]", receipt_json(receipt)))


def log_router(receipts: Receipts, trust: Trust, anchoring: Anchoring) -> APIRouter:
    """What a club may ask of its own log."""
    router = APIRouter(route_class=StrictRoute, tags=["log"])

    @router.get("/v1/log/receipts/{event_id}", operation_id="log.receipt.read", responses=IN_TWO_SPELLINGS)
    async def receipt(request: Request, caller: Calling, event_id: UUID) -> ReceiptView | Response:
        """The receipt of an event: as JSON, or as tlog-proof text with `Accept: text/plain`."""
        return spelt(request, await receipts.get(caller, event_id))

    @router.post("/v1/log/anchor", operation_id="log.anchor.ask", status_code=202)
    async def anchor(caller: CallingRepeatably) -> AnchorAsked:
        """Have the log anchored soon, not at the next full interval. To ask twice does no harm."""
        await anchoring.ask(caller)
        return AnchorAsked(asked=True)

    @router.get("/v1/trust", operation_id="log.trust.read", response_class=JSONResponse)
    async def trust_bundle(caller: Calling) -> Response:
        """What a verifier of receipts has to know beforehand: the very bytes that `concordat trust export` writes."""
        return Response(write_bundle(await trust.bundle()), media_type=JSON)

    return router


def tiles_router(published: PublishedLogs) -> APIRouter:
    """The published logs, for anybody: what a tlog-tiles client asks for below `/log/<origin>/`."""
    router = APIRouter(route_class=StrictRoute, tags=["published logs"])

    @router.get("/log/{origin:path}/checkpoint", operation_id="log.checkpoint.read", response_class=PlainTextResponse)
    async def checkpoint(origin: str) -> Response:
        """The newest signed checkpoint."""
        return PlainTextResponse(await published.checkpoint(origin), headers=_FRESH)

    @router.get("/log/{origin:path}/tile/{tile:path}", operation_id="log.tile.read", response_class=OctetStream)
    async def tile(origin: str, tile: str) -> Response:
        """A tile or an entry bundle below the newest checkpoint."""
        try:
            return OctetStream(await published.file(origin, f"tile/{tile}"), headers=_IMMUTABLE)
        except MalformedTile:
            raise NoSuchRoute from None

    return router
