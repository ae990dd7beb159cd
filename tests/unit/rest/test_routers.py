"""Each operation calls the use case of its name, with the caller first and the path's ids before the command."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from adapters.inbound.rest.clubs.agreements import agreements_router
from adapters.inbound.rest.clubs.clubs import clubs_router
from adapters.inbound.rest.clubs.members import members_router
from adapters.inbound.rest.clubs.verdicts import verdicts_router
from adapters.inbound.rest.clubs.visits import visits_router
from app.clubs.agreements import Agreements
from app.clubs.clubs import Clubs
from app.clubs.members import Members
from app.clubs.verdicts import Verdicts
from app.clubs.visit_counts import VisitCounts
from app.clubs.visits import Visits
from shared.paging import PageRequest

CALLED_OTHERWISE = {
    "clubs.club.read": "get",
    "clubs.directory.read": "directory",
    "clubs.member.read": "get",
    "clubs.agreement.read": "get",
    "clubs.visit.read": "get",
    "clubs.verdict.read": "get",
}


class Recorder:
    """Answers an empty list to whatever is called, and remembers it."""

    def __init__(self) -> None:
        self.called: list[tuple[str, tuple[object, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[list[Any]]]:
        async def answer(*arguments: object) -> list[Any]:
            self.called.append((name, arguments))
            return []

        return answer


RECORDER = Recorder()
FAKE = cast(Any, RECORDER)
ROUTES: list[tuple[APIRoute, type]] = [
    (cast(APIRoute, route), use_cases)
    for router, use_cases in (
        (visits_router(FAKE), Visits),
        (members_router(FAKE), Members),
        (agreements_router(FAKE), Agreements),
        (clubs_router(FAKE), Clubs),
        (verdicts_router(FAKE, FAKE), Verdicts),
    )
    for route in router.routes
]


def use_case(route: APIRoute, use_cases: type) -> tuple[str, type]:
    """Name and class of what the operation stands for."""
    name = str(route.operation_id)
    holder = VisitCounts if name == "clubs.visit_count.list" else use_cases
    return CALLED_OTHERWISE.get(name, name.rsplit(".", 1)[1]), holder


@pytest.mark.parametrize(("route", "use_cases"), ROUTES, ids=[str(route.operation_id) for route, _ in ROUTES])
async def test_an_operation_calls_the_use_case_of_its_name(route: APIRoute, use_cases: type) -> None:
    RECORDER.called.clear()
    given = {
        name: PageRequest() if name == "page" else object() for name in inspect.signature(route.endpoint).parameters
    }
    await route.endpoint(**given)
    name, holder = use_case(route, use_cases)
    [(called, arguments)] = RECORDER.called
    assert called == name and inspect.iscoroutinefunction(getattr(holder, name))
    expected = [value for parameter, value in given.items() if called != "directory" or parameter != "page"]
    assert list(arguments) == expected


def test_a_router_is_made_anew_for_each_app() -> None:
    one, other = clubs_router(FAKE), clubs_router(FAKE)
    assert isinstance(one, APIRouter) and one is not other
