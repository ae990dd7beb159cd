"""What the OpenAPI says of a strict route beyond its types: headers that it reads, and problems where they occur."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute

from adapters.inbound.callers import LONGEST_KEY
from adapters.inbound.rest.edge.authentication import KeyRule
from adapters.inbound.rest.edge.lists import DESCRIBED
from adapters.inbound.rest.edge.problems import MEDIA_TYPE
from adapters.inbound.rest.edge.signatures import Shape
from adapters.inbound.rest.edge.wire import ID_PATTERN

PROBLEM_SCHEMA: Mapping[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457: `type` is a stable code; the error's parameters are members beside these.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "examples": ["visit/quota-exceeded"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The request, as the logs know it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "pointer", "reason"],
                "properties": {
                    "in": {"type": "string", "enum": ["body", "query"]},
                    "pointer": {"type": "string"},
                    "reason": {"type": "string"},
                },
            },
        },
    },
    "additionalProperties": True,
}


def described(shape: Shape, method: str, path: str, options: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's options for the route, with responses and parameters added; what the route says itself wins."""
    statuses = [status for status, occurs in _statuses(shape, method).items() if occurs]
    problems = {int(status): _problem(status) for status in statuses}
    return {
        **options,
        "responses": {**problems, **(options.get("responses") or {})},
        "openapi_extra": {**(options.get("openapi_extra") or {}), "parameters": _parameters(shape, method, path)},
    }


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's document with the schema of problems, titles in words, and parameters as they are read.

    Those are never null, and ids have one spelling. Once only: a title is taken off the description.
    """
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.update(_titled(operation.pop("description", "")))
            for parameter in operation.get("parameters", ()):
                choices = [each for each in parameter["schema"].get("anyOf", ()) if each != {"type": "null"}]
                if len(choices) == 1:
                    parameter["schema"] = choices[0]
                if parameter["schema"].get("format") == "uuid":
                    parameter["schema"]["pattern"] = ID_PATTERN
    return document


def _titled(explained: str) -> dict[str, str]:
    """The first sentence of a route's docstring as title, and what follows it; the name of a function is no title."""
    title, _, more = re.sub(r"\.(\s+|$)", "\0", explained.strip(), count=1).partition("\0")
    return {"summary": title, "description": more} if more else {"summary": title}


def offered_by(route: APIRoute) -> Sequence[str]:
    """The media types in which a route answers: that of its response class first, then what it declares beside it."""
    usual = route.response_class.value if isinstance(route.response_class, DefaultPlaceholder) else route.response_class
    declared = route.responses.get(200, {}).get("content", {})
    return [*dict.fromkeys([str(usual.media_type), *declared])]


def _problem(status: HTTPStatus) -> dict[str, Any]:
    return {
        "description": status.phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _statuses(shape: Shape, method: str) -> dict[HTTPStatus, bool]:
    effect, known = method in ("POST", "PATCH"), shape.caller is not None
    return {
        HTTPStatus.BAD_REQUEST: True,
        HTTPStatus.UNAUTHORIZED: known,
        HTTPStatus.FORBIDDEN: known,
        HTTPStatus.NOT_FOUND: bool(shape.ids or shape.texts) or effect,
        HTTPStatus.NOT_ACCEPTABLE: True,
        HTTPStatus.CONFLICT: effect,
        HTTPStatus.PRECONDITION_FAILED: effect,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: effect,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: effect,
        HTTPStatus.UNPROCESSABLE_ENTITY: True,
        HTTPStatus.PRECONDITION_REQUIRED: method == "PATCH",
        HTTPStatus.TOO_MANY_REQUESTS: True,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: True,
        HTTPStatus.INTERNAL_SERVER_ERROR: True,
        HTTPStatus.SERVICE_UNAVAILABLE: True,
    }


def _parameters(shape: Shape, method: str, path: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = [*DESCRIBED] if shape.is_list else []
    if method in ("POST", "PATCH") and shape.key is not KeyRule.IGNORED:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": shape.key is KeyRule.REQUIRED,
                "description": "The same key and body answers again as the first time, for 24 hours.",
                "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
            }
        )
    if method == "PATCH" or (method == "POST" and "{" in path):
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": method == "PATCH",
                "description": "The ETag of the version that the change is based on.",
                "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,15}"$'},
            }
        )
    return found
