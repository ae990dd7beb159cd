"""Founding a club, where the id follows from the idempotency key and the origin from the slug."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.outbound.sql.clubs import SqlClubsTx
from app.clubs.clubs import FoundClub
from core.clubs.geography import Position
from core.log.records import parse_record
from ports.unit_of_work import KeyReused, Replayed
from tests.support.databases import MEMORY
from tests.support.world import caller, world_at

HARBOUR = FoundClub(
    slug="harbour",
    name="Harbour",
    zone="Europe/Berlin",
    currency="EUR",
    position=Position(latitude_microdegrees=53_540_000, longitude_microdegrees=9_990_000),
)
HAVEN = replace(HARBOUR, slug="haven")


class Failing(SqlClubsTx):
    """Fails at the very end, after everything was written."""

    async def close(self) -> None:
        await super().close()
        raise ZeroDivisionError


async def test_a_founding_that_was_rolled_back_leaves_no_origin_to_the_next_one(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world:
        clubs, founder = world.clubs.clubs, caller(None)
        with pytest.raises(ZeroDivisionError):
            failing = replace(clubs, begin=world.system.infrastructure.begin(Failing))
            await failing.found(founder.under("found", "k1", HARBOUR), HARBOUR)
        club = await clubs.found(founder.under("found", "k1", HAVEN), HAVEN)
        async with world.begin_log(caller(club.id)) as tx:
            (pending,) = await tx.log.take("log", 10)
            record = parse_record((await tx.log.record(pending.event_id)).data)
        assert record.log == record.object["origin"] == "local.concordat.example/haven/1"


async def test_a_key_founds_one_club(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world:
        clubs, founder = world.clubs.clubs, caller(None)
        await clubs.found(founder.under("found", "k1", HARBOUR), HARBOUR)
        with pytest.raises(Replayed):
            await clubs.found(founder.under("found", "k1", HARBOUR), HARBOUR)
        with pytest.raises(KeyReused):
            await clubs.found(founder.under("found", "k1", HAVEN), HAVEN)
        await clubs.found(replace(founder, principal="eve").under("found", "k1", HAVEN), HAVEN)
        assert len(await world.backlog.directory()) == 2
