"""Cross-origin requests: an exact list of origins, and nothing at all for every other."""

from collections.abc import Sequence

from starlette.responses import Response

from adapters.inbound.rest.edge.exchange import Exchange

Headers = Sequence[tuple[bytes, bytes]]

_METHODS = b"GET, POST, PATCH"
_REQUEST_HEADERS = (
    b"accept, authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, x-request-id"
)
_RESPONSE_HEADERS = (
    b"ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID, traceparent"
)
_VARY = (b"vary", b"Origin")


def headers_for(exchange: Exchange, origins: frozenset[str]) -> Headers:
    """What every answer to a listed origin carries. No credentials: the token is a header that scripts set."""
    if not origins:
        return ()
    origin = exchange.headers.get(b"origin")
    if origin is None or origin.decode("latin-1") not in origins:
        return (_VARY,)
    return (
        _VARY,
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _RESPONSE_HEADERS),
    )


def preflight(method: str, exchange: Exchange, origins: frozenset[str]) -> Response | None:
    """The answer to a preflight of a listed origin; None leaves the request to the routes, which know no OPTIONS."""
    origin = exchange.headers.get(b"origin", b"").decode("latin-1")
    if method != "OPTIONS" or origin not in origins or b"access-control-request-method" not in exchange.headers:
        return None
    allowed = {
        "access-control-allow-methods": _METHODS.decode(),
        "access-control-allow-headers": _REQUEST_HEADERS.decode(),
        "access-control-max-age": "600",
    }
    return Response(status_code=204, headers=allowed)
