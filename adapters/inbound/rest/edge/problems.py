"""Refusals as RFC 9457 problems: the one table from kinds of errors to status codes, and the document that is sent.

`type` is the error's code, `instance` names the request (`urn:concordat:request:<X-Request-ID>`, to be quoted when
asking for help); the error's parameters are members of their own.
"""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from adapters.inbound.rest.edge.exchange import Exchange
from adapters.inbound.rest.edge.refusals import (
    BadHeader,
    BodyTooLarge,
    HeadersTooLarge,
    MalformedHTTP,
    MalformedJson,
    NotAcceptable,
    PreconditionRequired,
    UnknownHost,
    UnsupportedMediaType,
    WrongMethod,
)
from shared.canonical import Json, NotCanonical, plain
from shared.errors import (
    Busy,
    ConcordatError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    StaleVersion,
    TooOften,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
INTERNAL_CODE = "system/internal"
INTERNAL_TITLE = "Something went wrong here. The instance names the request in the logs."
RETRY_AFTER_SECONDS = 1

STATUS: Mapping[type[ConcordatError], int] = {
    MalformedHTTP: HTTPStatus.BAD_REQUEST,
    MalformedJson: HTTPStatus.BAD_REQUEST,
    BadHeader: HTTPStatus.BAD_REQUEST,
    UnknownHost: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    WrongMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    Conflict: HTTPStatus.CONFLICT,
    Busy: HTTPStatus.CONFLICT,
    StaleVersion: HTTPStatus.PRECONDITION_FAILED,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    TooOften: HTTPStatus.TOO_MANY_REQUESTS,
    HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The nearest kind in an error's ancestry decides."""

_OURS = {"type", "title", "status", "detail", "instance"}


def status_of(error: ConcordatError) -> int:
    """The status code for an error; 500 for a kind that the table does not know."""
    found = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return int(next(found, HTTPStatus.INTERNAL_SERVER_ERROR))


def problem(exchange: Exchange, error: ConcordatError) -> Response:
    """The answer to a request that was refused."""
    status = status_of(error)
    response = written(exchange, status, code=error.code, title=error.title, members=error.parameters)
    if isinstance(error, Unauthenticated):
        # RFC 6750: the reason is named only where a token was presented.
        presented = b"authorization" in exchange.headers
        response.headers["www-authenticate"] = 'Bearer error="invalid_token"' if presented else "Bearer"
    elif isinstance(error, Busy | Unavailable):
        response.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    elif isinstance(error, TooOften):
        response.headers["retry-after"] = str(error.retry_after_seconds)
    elif isinstance(error, WrongMethod):
        response.headers["allow"] = str(error.parameters["allowed"])
    elif isinstance(error, BodyTooLarge):
        response.headers["connection"] = "close"
    return response


def internal(exchange: Exchange) -> Response:
    """The answer to a request that failed for a reason that is nobody's business but ours."""
    return written(exchange, HTTPStatus.INTERNAL_SERVER_ERROR, code=INTERNAL_CODE, title=INTERNAL_TITLE, members={})


def written(exchange: Exchange, status: int, *, code: str, title: str, members: Mapping[str, object]) -> Response:
    """A problem document; a member that clashes with the format's own names gets `error_` before it."""
    reason = members.get("reason")
    detail = f"{title.rstrip('.')}: {reason}." if isinstance(reason, str) else title
    document = _document(status, code, title, detail, exchange.ids.request_id)
    more = {f"error_{name}" if name in _OURS else name: _shown(value) for name, value in members.items()}
    body = msgspec.json.encode(document)
    if more:
        # Sorted, so that an answer that was kept as canonical JSON is replayed in the same bytes.
        body = body[:-1] + b"," + msgspec.json.encode(more, order="deterministic")[1:]
    return Response(body, int(status), media_type=MEDIA_TYPE)


def unreadable(request_id: str) -> bytes:
    """The whole answer to what was no request, so that nobody could tell its edge anything: head and problem."""
    error, status = MalformedHTTP(), HTTPStatus(STATUS[MalformedHTTP])
    body = msgspec.json.encode(_document(status, error.code, error.title, error.title, request_id))
    head = (
        f"HTTP/1.1 {status:d} {status.phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        f"x-request-id: {request_id}",
        "cache-control: no-store",
        "connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def _document(status: int, code: str, title: str, detail: str, request_id: str) -> dict[str, Json]:
    instance = f"urn:concordat:request:{request_id}"
    return {"type": code, "title": title, "status": int(status), "detail": detail, "instance": instance}


def _shown(value: object) -> Json:
    try:
        return plain(value)
    except NotCanonical:
        return None
