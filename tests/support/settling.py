"""Two clubs with visits in March, and the month after it."""

from uuid import UUID

from app.clubs.settlements import SettlementView
from ports.caller import Caller
from tests.support.scenes import Scene
from tests.support.world import World

MARCH = "2026-03"


async def visited(scene: Scene, visits: int = 3) -> list[UUID]:
    """Members of Harbour are checked in at Summit; relay and log have had their turns afterwards."""
    found = []
    for _visit in range(visits):
        visit = (await scene.checked_in((await scene.member()).id)).visit
        assert visit is not None
        found.append(visit.id)
    await caught_up(scene.world)
    return found


async def caught_up(world: World) -> None:
    """What happened is known to every consumer and has its place in the logs, which are anchored."""
    await world.relay.tick()
    await world.settle()


async def settle(world: World, *clubs: Caller) -> int:
    """One turn of the job in each of these clubs; how many periods were settled."""
    return sum([await world.clubs.settlements.settle(club.of_club) for club in clubs])


async def standing(world: World, club: Caller) -> list[SettlementView]:
    return await world.clubs.settlements.list(club)


def after_march(world: World) -> None:
    """March is over, and its last instant is a day ago."""
    world.clock.forward(days=22)
