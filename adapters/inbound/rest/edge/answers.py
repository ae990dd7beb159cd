"""From a view to a response: status, body, ETag, Location, Link."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.inbound.rest.edge.conditions import etag
from adapters.inbound.rest.edge.exchange import Exchange
from adapters.inbound.rest.edge.lists import listing
from adapters.inbound.rest.edge.negotiation import JSON
from adapters.inbound.rest.edge.outcomes import REFUSED_TITLE, aggregate, outcome_status, refusal
from adapters.inbound.rest.edge.problems import written
from adapters.inbound.rest.edge.wire import Outgoing
from shared.paging import Page

REPLAYED = "idempotency-replayed"


def answered(request: Request, exchange: Exchange, view: Any, outgoing: Outgoing[Any], usual: int) -> Response:
    """The answer that shows `view`; a function of the view and the route, so that a replay answers the same."""
    if isinstance(view, Response):
        return view
    if isinstance(view, Page):
        shown, headers = listing(exchange, request.scope["path"], view)
        return _json(outgoing.written(shown), usual, headers)
    refused = refusal(view)
    if refused is not None:
        code, members = refused
        return written(exchange, outcome_status(view, usual), code=code, title=REFUSED_TITLE, members=members)
    return _of_one(request, exchange, view, outgoing, usual)


def _of_one(request: Request, exchange: Exchange, view: Any, outgoing: Outgoing[Any], usual: int) -> Response:
    headers: dict[str, str] = {}
    versioned: Any = aggregate(view)
    if versioned is not None:
        headers["etag"] = etag(versioned.version)
        if request.method == "GET" and exchange.headers.get(b"if-none-match") == headers["etag"].encode():
            return Response(status_code=int(HTTPStatus.NOT_MODIFIED), headers=headers)
        if usual == HTTPStatus.CREATED:
            headers["location"] = f"{request.scope['path']}/{versioned.id}"
    return _json(outgoing.written(view), usual, headers)


def _json(body: bytes, status: int, headers: Mapping[str, str]) -> Response:
    return Response(body, status_code=status, headers=headers, media_type=JSON)
