"""What FastAPI and Starlette raise themselves, as problems like all others; nothing of it is passed through as text."""

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, cast

from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from adapters.inbound.rest.edge.exchange import exchange_of
from adapters.inbound.rest.edge.problems import problem, written
from adapters.inbound.rest.edge.refusals import BodyTooLarge, NoSuchRoute, NotAsDescribed, WrongMethod
from adapters.inbound.rest.edge.strict_json import MOST_ERRORS, pointer_to
from shared.errors import ConcordatError


async def on_refusal(request: Request, error: Exception) -> Response:
    """Every ConcordatError, from wherever."""
    return problem(exchange_of(request.scope), cast(ConcordatError, error))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """No route, a wrong method, a body over the limit; a module's own routes may raise others."""
    exchange, error = exchange_of(request.scope), cast(HTTPException, error)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(exchange, NoSuchRoute())
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return problem(exchange, WrongMethod(allowed=", ".join(sorted(set(_methods_at(request))))))
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return problem(exchange, BodyTooLarge(limit_bytes=int(error.detail)))
    phrase = HTTPStatus(error.status_code).phrase
    code = "http/" + re.sub(r"[^a-z]+", "-", phrase.lower())
    response = written(exchange, error.status_code, code=code, title=phrase, members={})
    response.headers.update(error.headers or {})
    return response


async def on_validation_error(request: Request, error: Exception) -> Response:
    """A plain FastAPI route refused its input: where, but neither what was sent nor pydantic's words about it."""
    errors = [_place(found["loc"]) for found in cast(RequestValidationError, error).errors()[:MOST_ERRORS]]
    return problem(exchange_of(request.scope), NotAsDescribed(errors=errors))


def _place(location: Iterable[Any]) -> dict[str, str]:
    where, *path = location
    return {"in": str(where), "pointer": pointer_to(*path), "reason": "is not valid"}


def _methods_at(request: Request) -> Iterator[str]:
    """Every method that some route takes at this path: Starlette itself names those of the first alone."""
    for route in iter_route_contexts(request.app.routes):
        pattern, methods = getattr(route, "path_regex", None), getattr(route, "methods", None)
        if pattern is not None and methods and pattern.match(request.scope["path"]):
            yield from methods
