"""What an endpoint asks for, read from its signature once: caller, ids, query parameters, page, body."""

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from fastapi import params
from starlette.requests import Request
from starlette.responses import Response

from adapters.inbound.rest.edge.authentication import BEARER, KeyRule
from adapters.inbound.rest.edge.lists import CURSOR, LIMIT, Listing, page_request
from adapters.inbound.rest.edge.wire import Incoming
from shared.paging import Page

_IN_PATH = re.compile(r"{([a-z_]+)(?::[a-z]+)?}")

Dependency = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A query parameter with the value that it has when it is absent."""

    name: str
    incoming: Incoming[Any]
    default: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Names are those of the endpoint's parameters; `answer` is the type of what it returns."""

    caller: str | None = None
    key: KeyRule = KeyRule.ALLOWED
    request: str | None = None
    ids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    dependencies: tuple[tuple[str, Dependency], ...] = ()
    command: str | None = None
    incoming: Incoming[Any] | None = None
    answer: Any = None

    @property
    def is_list(self) -> bool:
        return any(dependency is page_request for _, dependency in self.dependencies)

    @property
    def known_parameters(self) -> frozenset[str]:
        names = {parameter.name for parameter in self.parameters}
        return frozenset(names | {LIMIT, CURSOR} if self.is_list else names)


class NotReadable(TypeError):
    """An endpoint asks for something that a strict route does not give."""


def shape_of(path: str, endpoint: Callable[..., Any]) -> Shape:
    """Raises NotReadable, when the app is made and not when it is called."""
    if not inspect.iscoroutinefunction(endpoint):
        raise NotReadable(f"{endpoint.__qualname__} is not async: it would cost a thread for each request")
    hints = get_type_hints(endpoint, include_extras=True)
    defaults = {name: each.default for name, each in inspect.signature(endpoint).parameters.items()}
    in_path = set(_IN_PATH.findall(path))
    found: dict[str, Any] = {"answer": _answer(hints.pop("return", None))}
    for name, hint in hints.items():
        for field, value in _part(name, hint, defaults[name], in_path).items():
            found[field] = (*found.get(field, ()), *value) if isinstance(value, tuple) else value
    if missing := in_path - {*found.get("ids", ()), *found.get("texts", ())}:
        raise NotReadable(f"{endpoint.__qualname__} ignores {missing} of its path")
    return Shape(**found)


def _part(name: str, hint: Any, default: Any, in_path: set[str]) -> dict[str, Any]:
    kind, marks = (hint, ()) if get_origin(hint) is not Annotated else (get_args(hint)[0], get_args(hint)[1:])
    if kind is Request:
        return {"request": name}
    if name in in_path:
        return {"ids": (name,)} if kind is UUID else {"texts": (name,)}
    for mark in marks:
        if isinstance(mark, params.Depends) and mark.dependency is BEARER:
            return {"caller": name, "key": next((each for each in marks if isinstance(each, KeyRule)), KeyRule.ALLOWED)}
        if isinstance(mark, params.Depends) and _takes_a_request(mark.dependency):
            return {"dependencies": ((name, mark.dependency),)}
        if isinstance(mark, params.Query):
            return {"parameters": (Parameter(name=name, incoming=Incoming(_sent(kind)), default=default),)}
        if isinstance(mark, params.Body):
            return {"command": name, "incoming": Incoming(kind)}
    raise NotReadable(f"{name}: neither caller, path, query, page, body nor async dependency on the request alone")


def _takes_a_request(dependency: Any) -> bool:
    if not inspect.iscoroutinefunction(dependency):
        return False
    return [each.annotation for each in inspect.signature(dependency).parameters.values()] == [Request]


def _sent(kind: Any) -> Any:
    """The type of a parameter that came: an optional one is absent or has a value, it is never null."""
    return _without(kind, lambda option: option is NoneType)


def _answer(hint: Any) -> Any:
    """What the OpenAPI shows: a page goes out as a listing, a ready-made response beside a view as nothing."""
    hint = _without(hint, lambda option: isinstance(option, type) and issubclass(option, Response))
    if get_origin(hint) is Page:
        return cast(Any, Listing)[get_args(hint)[0]]
    return hint


def _without(kind: Any, dropped: Callable[[Any], bool]) -> Any:
    if get_origin(kind) not in (Union, UnionType):
        return kind
    kept = tuple(option for option in get_args(kind) if not dropped(option))
    return reduce(or_, kept)


def names_in(path: str) -> Sequence[str]:
    """The names of the path's parameters, in order."""
    return _IN_PATH.findall(path)
