"""Database, secrets and ledger do not know the same keys of a log: one was set back, lags, or lost a seed."""

import shutil
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import update

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import mine
from app.log.guard import LogFrozen
from app.log.keys import KeysDisputed, secret_of
from core.log.trust import KeyRange
from ports.ledger import Ledger, LedgerBusy, LedgerUnavailable
from tests.contracts.worlds import renamed
from tests.integration.log.restoring import Stage, grown
from tests.integration.log.rotating import keys_of, one_log, origin_of, rotated, signed_within_ranges
from tests.integration.log.set_back import rebuilt, whole
from tests.support.logs import verified
from tests.support.world import World

OTHER_KEYS = "the log's keys are not those that the ledger has"


class Lagging:
    """A ledger whose readers are asked at a peer that has heard of no key but these."""

    def __init__(self, real: Ledger, known: Sequence[KeyRange]) -> None:
        self.real, self.known = real, known

    def __getattr__(self, name: str) -> Any:
        return self._known if name == "keys" else getattr(self.real, name)

    async def _known(self, _origin: str) -> Sequence[KeyRange]:
        return self.known


class Silent:
    """A ledger that does not answer."""

    def __getattr__(self, name: str) -> Any:
        async def silent(*_: object) -> None:
            raise LedgerUnavailable(fault="unavailable")

        return silent


def with_ledger(world: World, ledger: Any) -> None:
    for holder in (world.pipeline.guard, world.pipeline.guard.keys):
        object.__setattr__(holder, "ledger", ledger)


class AtOdds:
    """`stage` is a fixture."""

    async def test_a_seed_of_another_length_is_named_and_nothing_is_signed_until_it_is_back(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            await rotated(world, club)
            origin = await origin_of(world, club)
        seed = stage.folder / "secrets" / secret_of(origin, 2).replace("/", "+")
        whole_seed = seed.read_bytes()
        seed.write_bytes(whole_seed[:31])
        async with stage.world() as world:
            await grown(world, club, "Three")
            reason = "what the secrets have for key 2 of the log is no seed of 32 bytes"
            assert world.pipeline.guard.frozen[club.of_club].parameters["reason"] == reason
            with pytest.raises(KeysDisputed, match=reason):
                await world.log.trust.exported()
        seed.write_bytes(whole_seed)
        async with stage.world() as world:
            await world.settle()
            assert await verified(world, club) == 5

    async def test_a_rebuild_needs_no_seed_of_a_key_that_was_left(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            origin = await origin_of(world, club)
        stage.back_up()
        async with stage.world() as world:
            await rotated(world, club)
            await grown(world, club, "Lost")
        stage.restore()
        (stage.folder / "secrets" / secret_of(origin).replace("/", "+")).unlink()
        async with stage.world() as world:
            await world.settle()
            assert "log rebuild" in str(world.pipeline.guard.frozen[club.of_club].parameters["remedy"])
            (one,) = await rebuilt(world)
            assert (one.refused, one.after) == (None, 5)
        async with stage.world() as world:
            await world.settle()
            assert await whole(world, club) == 6

    async def test_a_peer_that_has_not_heard_of_a_new_key_freezes_nothing(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            ledger, old = world.pipeline.guard.ledger, await keys_of(world, club)
            with_ledger(world, Lagging(ledger, old))
            number = await world.pipeline.rotation.ask(club.of_club)
            await world.pipeline.rotate()
            assert isinstance(world.pipeline.rotation.turns.troubled[club.of_club].error, LedgerBusy)
            assert await world.pipeline.rotation.done(club.of_club, number) is None
            with_ledger(world, ledger)
            world.clock.forward(minutes=1)
            await world.pipeline.rotate()
            await world.settle()
        async with stage.world() as world:
            with_ledger(world, Lagging(world.pipeline.guard.ledger, old))
            await grown(world, club, "Three")
            assert world.system.alarms() == []
            assert await signed_within_ranges(world, club) == [1, 2, 2]
            assert await verified(world, club) == 5

    async def test_a_ledger_that_was_set_back_before_a_rotation_is_told_of_it_again(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            origin = await origin_of(world, club)
        shutil.copytree(stage.folder / "ledger", stage.folder / "ledger of before")
        async with stage.world() as world:
            await rotated(world, club)
            keys = await keys_of(world, club)
        shutil.rmtree(stage.folder / "ledger")
        shutil.move(stage.folder / "ledger of before", stage.folder / "ledger")
        async with stage.world() as world:
            await grown(world, club, "Three")
            assert world.pipeline.anchorer.rejected[club.of_club].parameters["reason"] == "bad-signature"
            await world.settle()
            assert tuple(await world.ledger.keys(origin)) == keys
            assert await verified(world, club) == 5

    @pytest.mark.parametrize("at", [0, 4])
    async def test_a_ledger_that_lacks_a_key_excuses_no_change_of_another_one(self, stage: Stage, at: int) -> None:
        async with one_log(stage) as (world, club):
            await rotated(world, club)
            old = [KeyRange(key=(await keys_of(world, club))[0].key)]
            column = schema.log_key.c.from_size
            change = update(schema.log_key).where(mine(schema.log_key), column == at).values(until_size=9)
            async with world.begin_log(club) as tx:
                assert await tx.session.change(change) == 1
            with_ledger(world, Lagging(world.pipeline.guard.ledger, old))
            with pytest.raises(LogFrozen, match=OTHER_KEYS):
                await world.pipeline.guard.compare(club.of_club)

    @pytest.mark.parametrize("silent", [False, True])
    async def test_a_database_that_forgot_the_keys_of_a_rotated_log_signs_nothing_with_the_first_one(
        self, stage: Stage, silent: bool
    ) -> None:
        async with one_log(stage) as (world, club):
            await rotated(world, club)
            assert await signed_within_ranges(world, club) == [1, 2]
        await stage.tamper("DELETE FROM log_key")
        async with stage.world() as world:
            if silent:
                with_ledger(world, Silent())
            await renamed(world, club, "Three")
            await world.pipeline.integrate()
            await world.pipeline.sign()
            async with world.look(club) as tx:
                newest = await tx.log.checkpoint()
            assert newest is not None and newest.size == 4

    async def test_a_database_from_before_a_rotation_that_nothing_followed_signs_nothing_until_that_is_asked_for_again(
        self, stage: Stage
    ) -> None:
        async with one_log(stage) as (world, club):
            pass
        stage.back_up()
        async with stage.world() as world:
            number = await world.pipeline.rotation.ask(club.of_club)
            await world.pipeline.rotate()
            new = await world.pipeline.rotation.done(club.of_club, number)
        stage.restore()
        async with stage.world() as world:
            await grown(world, club, "Three")
            assert world.pipeline.guard.frozen[club.of_club].parameters["reason"] == OTHER_KEYS
            assert await signed_within_ranges(world, club) == [1]
        async with stage.world() as world:
            assert await world.pipeline.rotation.ask(club.of_club) == number
            await world.pipeline.rotate()
            assert await world.pipeline.rotation.done(club.of_club, number) == new
            await world.settle()
            assert await signed_within_ranges(world, club) == [1, 2]
            assert await verified(world, club) == 5
