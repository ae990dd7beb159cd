"""Endpoints that a strict route cannot serve are refused when the app is made, not when somebody calls."""

from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Body, Depends, Header

from adapters.inbound.rest.edge.authentication import Calling
from adapters.inbound.rest.edge.routes import StrictRoute
from adapters.inbound.rest.edge.signatures import NotReadable
from adapters.inbound.rest.edge.wire import Json
from tests.unit.rest.fake import Amend, Make, Thing


def mount(endpoint: Any, path: str = "/v1/x", **options: Any) -> None:
    APIRouter(route_class=StrictRoute).add_api_route(path, endpoint, **{"operation_id": "x.x", **options})


async def given(name: str) -> str:
    return name


def not_async(caller: Calling) -> None: ...


async def bare_body(caller: Calling, command: Make) -> None: ...


async def coerced_header(caller: Calling, x: Annotated[int, Header()]) -> None: ...


async def deep_dependency(caller: Calling, x: Annotated[str, Depends(given)]) -> None: ...


async def forgetful(caller: Calling) -> None: ...


@pytest.mark.parametrize("endpoint", [not_async, bare_body, coerced_header, deep_dependency])
def test_what_would_be_coerced_or_cost_a_thread_is_refused(endpoint: Any) -> None:
    with pytest.raises(NotReadable):
        mount(endpoint, methods=["POST"])


def test_a_path_parameter_that_nobody_reads_is_refused() -> None:
    with pytest.raises(NotReadable):
        mount(forgetful, "/v1/{thing_id}")


def test_an_operation_needs_a_name() -> None:
    with pytest.raises(ValueError, match="operation id"):
        mount(forgetful, operation_id=None)


def test_what_is_annotated_is_served() -> None:
    async def good(caller: Calling, thing_id: UUID, command: Json[Amend]) -> Thing:
        raise NotImplementedError

    async def also_good(caller: Calling, command: Annotated[Amend, Body()]) -> None: ...

    mount(good, "/v1/{thing_id}", methods=["PATCH"])
    mount(also_good, methods=["POST"])
