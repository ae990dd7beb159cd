"""From a view to a response: status, body, ETag, Location, Link."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.inbound.rest.edge.conditions import etag, is_at_hand
from adapters.inbound.rest.edge.exchange import Exchange
from adapters.inbound.rest.edge.lists import listing
from adapters.inbound.rest.edge.negotiation import JSON
from adapters.inbound.rest.edge.outcomes import REFUSED_TITLE, aggregate, outcome_status, refusal
from adapters.inbound.rest.edge.problems import written
from shared.paging import Page

Write = Callable[[Any], bytes]

REPLAYED = "idempotency-replayed"


def answered(request: Request, exchange: Exchange, view: Any, write: Write, usual: int) -> Response:
    """The answer that shows `view`, or one that was kept; a function of both and the route: a replay is the same."""
    if isinstance(view, Response):
        return view
    if isinstance(view, Page):
        shown, headers = listing(exchange, request.scope["path"], view)
        return _json(write(shown), usual, headers)
    refused = refusal(view)
    if refused is not None:
        code, members = refused
        return written(exchange, outcome_status(view, usual), code=code, title=REFUSED_TITLE, members=members)
    return _of_one(request, exchange, view, write, usual)


def _of_one(request: Request, exchange: Exchange, view: Any, write: Write, usual: int) -> Response:
    headers: dict[str, str] = {}
    versioned = aggregate(view)
    if versioned is not None:
        key, version = versioned
        headers["etag"] = etag(version)
        if request.method == "GET" and is_at_hand(exchange, headers["etag"]):
            return Response(status_code=int(HTTPStatus.NOT_MODIFIED), headers=headers)
        if usual == HTTPStatus.CREATED:
            headers["location"] = f"{request.scope['path']}/{key}"
    return _json(write(view), usual, headers)


def _json(body: bytes, status: int, headers: Mapping[str, str]) -> Response:
    return Response(body, status_code=status, headers=headers, media_type=JSON)
