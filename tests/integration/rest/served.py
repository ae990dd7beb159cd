"""Two clubs behind the real REST edge, in the test's own process: SQLite, real tokens and permissions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from httpx2 import ASGITransport, AsyncClient

from adapters.inbound.rest.edge.metrics import Metrics
from concordat.edges import rest_app
from concordat.readiness import Readiness
from ports.caller import Caller
from ports.tokens import Claims
from tests.support.scenes import Scene, two_clubs
from tests.support.world import World, products_own, world_at

DESK = frozenset({"concierge", "secretary"})


@dataclass(frozen=True, kw_only=True)
class Served:
    """A served world with the scene of two clubs in it."""

    scene: Scene
    app: Any

    @property
    def world(self) -> World:
        return self.scene.world

    def token(self, caller: Caller, roles: frozenset[str] = DESK) -> str:
        i = self.world.system.infrastructure
        soon = i.now() + timedelta(minutes=5)
        return i.tokens.issue(Claims(principal=caller.principal, club=caller.club, roles=roles, expires_at=soon))

    def client(self, caller: Caller, roles: frozenset[str] = DESK) -> AsyncClient:
        headers = {"authorization": f"Bearer {self.token(caller, roles)}"}
        return AsyncClient(transport=ASGITransport(self.app), base_url="http://api.test", headers=headers)


@asynccontextmanager
async def served_at(url: str, folder: Path, **settings: Any) -> AsyncIterator[Served]:
    """The scene of two clubs over this database; whoever calls has the product's permissions."""
    async with world_at(url, folder, overrides={"allow": products_own()}, **settings) as world:
        scene = await two_clubs(world)
        yield Served(scene=scene, app=rest_app(world.system, Readiness(world.system), Metrics()))
