"""Media types: what a body may be declared as, and which form of the answer the client accepts."""

import re
from collections.abc import Sequence

from starlette.requests import Request

from adapters.inbound.rest.edge.exchange import Exchange, exchange_of
from adapters.inbound.rest.edge.refusals import BadHeader, NotAcceptable, UnsupportedMediaType

JSON = "application/json"

_JSON_BODY = re.compile(r'application/json(?:\s*;\s*charset=(?:utf-8|"utf-8"))?', re.IGNORECASE)
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def require_json(exchange: Exchange) -> None:
    """Raises UnsupportedMediaType unless the body is declared as JSON in UTF-8."""
    declared = exchange.headers.get(b"content-type")
    if declared is None or b"content-encoding" in exchange.headers:
        raise UnsupportedMediaType(supported=JSON)
    if declared == b"application/json":
        return
    if _JSON_BODY.fullmatch(declared.decode("latin-1").strip()) is None:
        raise UnsupportedMediaType(supported=JSON)


def accepted(exchange: Exchange, offered: Sequence[str]) -> str:
    """The offered media type that the client likes best, the first of equals; raises NotAcceptable."""
    accept = exchange.headers.get(b"accept")
    if accept is None or accept == b"*/*":
        return offered[0]
    ranges = [_range(part) for part in accept.decode("latin-1").split(",") if part.strip()]
    best = max(offered, key=lambda media_type: _quality(media_type, ranges))
    if _quality(best, ranges) == 0:
        raise NotAcceptable(offered=list(offered))
    return best


def wants(request: Request, media_type: str) -> bool:
    """Whether this form of the answer was negotiated, where a route offers several."""
    return exchange_of(request.scope).media_type == media_type


def _range(part: str) -> tuple[str, float]:
    media_range, *parameters = (item.strip().lower() for item in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            if _QUALITY.fullmatch(value.strip()) is None:
                raise BadHeader(header="accept", reason="has a malformed quality")
            return media_range, float(value)
    return media_range, 1.0


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The most specific range decides (RFC 9110, section 12.5.1)."""
    for candidate in (media_type, media_type.split("/", 1)[0] + "/*", "*/*"):
        found = [quality for media_range, quality in ranges if media_range == candidate]
        if found:
            return max(found)
    return 0.0
