"""Changes of clubs, members and visits over REST and real storage: what is absent, null, refused or too late."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient, Response

from adapters.inbound.rest.edge.metrics import Metrics
from concordat.development import token_for
from concordat.edges import rest_app
from concordat.readiness import Readiness
from core.clubs.visit_states import VisitState
from tests.support.databases import MEMORY
from tests.support.scenes import Scene, two_clubs
from tests.support.world import world_at

NO_SUCH_TIME = "24:00"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with world_at(MEMORY, tmp_path) as world:
        yield await two_clubs(world)


@pytest.fixture
async def home(scene: Scene) -> AsyncIterator[AsyncClient]:
    """Somebody with every role in Harbour."""
    system = scene.world.system
    headers = {"authorization": f"Bearer {token_for(system, scene.home.of_club)}"}
    transport = ASGITransport(rest_app(system, Readiness(system), Metrics()))
    async with AsyncClient(transport=transport, base_url="http://api.test", headers=headers) as client:
        yield client


async def patched(client: AsyncClient, path: str, body: dict[str, Any]) -> Response:
    shown = await client.get(path)
    return await client.patch(path, json=body, headers={"if-match": shown.headers["etag"]})


def refused(answer: Response) -> tuple[int, str, list[str]]:
    """Status, code, and the fields at fault."""
    problem = answer.json()
    return answer.status_code, problem["type"], [each["pointer"] for each in problem.get("errors", ())]


async def test_a_residence_that_is_null_is_emptied_and_one_that_is_absent_stays(
    scene: Scene, home: AsyncClient
) -> None:
    member = await scene.member()
    visit, path = await scene.requested(member.id), f"/v1/members/{member.id}"

    async def told() -> int | None:
        async with scene.world.begin(scene.host) as tx:
            return (await tx.grants.get(visit.id)).distance_from_residence_metres

    renamed = await patched(home, path, {"name": "Ada Second"})
    assert renamed.json()["residence"] == {"latitude_microdegrees": 53_000_000, "longitude_microdegrees": 10_000_000}
    assert await told() is not None
    emptied = await patched(home, path, {"residence": None})
    assert (emptied.status_code, emptied.json()["residence"], emptied.json()["name"]) == (200, None, "Ada Second")
    assert await told() is None
    there = {"latitude_microdegrees": 1, "longitude_microdegrees": 2}
    assert (await patched(home, path, {"residence": there})).json()["residence"] == there
    assert await told() is not None


@pytest.mark.parametrize("field", ["name", "category"])
async def test_what_a_member_cannot_be_without_is_not_emptied(scene: Scene, home: AsyncClient, field: str) -> None:
    path = f"/v1/members/{(await scene.member()).id}"
    before = await home.get(path)
    assert refused(await patched(home, path, {field: None})) == (422, "request/invalid", [f"/{field}"])
    assert (await home.get(path)).json() == before.json()


@pytest.mark.parametrize("field", ["name", "zone", "currency", "position", "closing_time"])
async def test_what_a_club_cannot_be_without_is_not_emptied(scene: Scene, home: AsyncClient, field: str) -> None:
    path = f"/v1/clubs/{scene.home.of_club}"
    assert refused(await patched(home, path, {field: None})) == (422, "request/invalid", [f"/{field}"])
    assert (await home.get(path)).json()["version"] == 1


async def test_one_key_stands_for_null_or_absent_and_not_for_both(scene: Scene, home: AsyncClient) -> None:
    path = f"/v1/members/{(await scene.member()).id}"
    headers = {"if-match": (await home.get(path)).headers["etag"], "idempotency-key": "k"}
    assert (await home.patch(path, json={"residence": None}, headers=headers)).status_code == 200
    assert (await home.patch(path, json={"residence": None}, headers=headers)).headers["idempotency-replayed"] == "true"
    assert refused(await home.patch(path, json={}, headers=headers))[:2] == (422, "idempotency/mismatch")


async def test_a_club_says_when_its_house_closes(scene: Scene, home: AsyncClient) -> None:
    path = f"/v1/clubs/{scene.home.of_club}"
    assert (await home.get(path)).json()["closing_time"] == "00:00"
    assert (await patched(home, path, {"closing_time": "02:30"})).json()["closing_time"] == "02:30"
    answer = await patched(home, path, {"closing_time": NO_SUCH_TIME})
    assert refused(answer)[:2] == (422, "club/bad-time-of-day")
    assert answer.json()["field"] == "closing_time" and NO_SUCH_TIME not in answer.text
    assert (await home.get(path)).json()["closing_time"] == "02:30"


async def test_vis6_a_booking_that_was_missed_is_not_cancelled_afterwards(scene: Scene, home: AsyncClient) -> None:
    booked = await scene.confirmed((await scene.member()).id)
    scene.world.clock.forward(hours=20)
    answer = await home.post(f"/v1/visits/{booked.id}/cancel", json={"reason": "Rain"})
    assert refused(answer)[:2] == (409, "visit/window-over")
    assert answer.json()["last_day"] == "2026-03-12"
    assert (await scene.world.clubs.visits.get(scene.home, booked.id)).state is VisitState.CONFIRMED
