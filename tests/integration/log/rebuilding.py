"""Logs that are rebuilt after a restore out of what was published; a subclass brings the stage."""

import shutil
from dataclasses import replace

import pytest

from app.log.publisher import Publisher
from app.log.rebuild import Rebuilt
from app.log.signer import Signer
from concordat.checks import State as Found
from concordat.checks.logs import examine_logs
from core.log.audit.findings import Code
from core.log.rebuilding import Stretch
from core.log.receipts import State, Validity, receipt_text, verify_bytes
from core.log.tiles import TILE_WIDTH
from ports.caller import Caller
from ports.log import NotYetSigned
from tests.contracts.worlds import renamed
from tests.integration.audit.bank import audited
from tests.integration.log.crashes import Crash, DyingBeforeThePromise, Fuse
from tests.integration.log.restoring import Stage, grown
from tests.integration.log.set_back import (
    TAMPERED,
    Lost,
    Published,
    event_at,
    forked,
    kept,
    rebuilt,
    set_back,
    stored,
    whole,
)
from tests.support.scenes import found
from tests.support.world import World, caller


class Rebuilding:
    """`stage` is a fixture."""

    async def test_a_log_is_rebuilt_with_the_records_that_wait_and_goes_on(self, stage: Stage) -> None:
        told = await set_back(stage)
        async with stage.world() as world:
            await renamed(world, told.club, "New")
            await world.settle()
            assert len(world.system.alarms()) == 1
            before = await stored(world, told.club)
            expected = Rebuilt(origin=told.origin, before=3, after=6, lost=(Stretch(first=4, last=5),))
            assert await rebuilt(world, write=False) == [expected]
            assert await stored(world, told.club) == before
            assert await rebuilt(world) == [expected]
            assert expected.found == 1
            assert await rebuilt(world) == []
        async with stage.world() as world:
            await world.settle()
            declarations = 2
            assert await whole(world, told.club) == 6 + declarations + 1
            assert await event_at(world, told.club, 3) == told.waits
            await self._everything_verifies(world, told)
            await grown(world, told.club, "Newer")
            assert await whole(world, told.club) == 10

    async def _everything_verifies(self, world: World, told: Lost) -> None:
        bundle, signatures = await world.log.trust.bundle(), world.system.infrastructure.signatures
        old = receipt_text(await world.log.receipts.get(told.club, await event_at(world, told.club, 0))).encode()
        again = receipt_text(await world.log.receipts.get(told.club, told.waits)).encode()
        for receipt in (told.receipt, old, again):
            verification = verify_bytes(receipt, bundle, signatures)
            assert (verification.validity, verification.state) == (Validity.VALID, State.ANCHORED)
        findings, logs = await audited(
            world.database, world.ledger, publication=world.system.infrastructure.publication
        )
        assert findings == []
        assert [log.lost for log in logs] == [(Stretch(first=4, last=5),)]

    async def test_the_audit_accepts_what_a_rebuild_declared_before_any_worker_ran_again(self, stage: Stage) -> None:
        await set_back(stage)
        async with stage.world() as world:
            await rebuilt(world)
            findings, logs = await audited(world.database, world.ledger)
            assert findings == []
            assert [log.lost for log in logs] == [(Stretch(first=4, last=5),)]

    async def test_a_database_from_before_the_first_leaf_gets_key_and_genesis_back(self, stage: Stage) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
        stage.back_up()
        async with stage.world() as world:
            await world.settle()
            await grown(world, club, "Lost")
            genesis = await event_at(world, club, 0)
        stage.restore()
        async with stage.world() as world:
            (one,) = await rebuilt(world)
            assert (one.before, one.after, one.found, one.lost) == (0, 2, 1, (Stretch(first=1, last=1),))
        async with stage.world() as world:
            await world.settle()
            assert await whole(world, club) == 3
            assert await event_at(world, club, 0) == genesis
            assert (await audited(world.database, world.ledger))[0] == []

    async def test_a_rebuild_that_is_cut_off_at_any_step_is_gone_on_with(self, stage: Stage) -> None:
        told = await set_back(stage)
        again, left, burnt = kept(stage), 0, set()
        fuse = Fuse(1)
        while fuse.burnt or not left:
            left += 1
            fuse = Fuse(left)
            async with stage.world() as world:
                try:
                    await rebuilt(world, fuse=fuse)
                except Crash:
                    burnt.add(fuse.burnt)
            async with stage.world() as world:
                await rebuilt(world)
                await world.settle()
                assert await whole(world, told.club) == 8
                assert await event_at(world, told.club, 3) == told.waits
                assert (await audited(world.database, world.ledger))[0] == []
            again()
        assert {"before rebuilding.grow", "after rebuilding.drop", "before rebuilding.add_anchor"} <= burnt
        assert {"before rebuilding commits", "after rebuilding has committed"} <= burnt

    @pytest.mark.parametrize("name", ["entry", "short", "gone", "root", "key", "garbage", "older"])
    async def test_a_publication_that_was_tampered_with_is_not_believed(self, stage: Stage, name: str) -> None:
        told = await set_back(stage)
        reason = TAMPERED[name](Published(stage, told.origin))
        async with stage.world() as world:
            before = await stored(world, told.club)
            (one,) = await rebuilt(world)
            assert one.refused is not None and reason in one.refused
            assert (one.before, one.after, one.found, one.lost) == (3, 3, 0, ())
            assert await stored(world, told.club) == before
        async with stage.world() as world:
            for turn in (world.pipeline.integrate, world.pipeline.sign, world.pipeline.anchor):
                await turn()
            assert await stored(world, told.club) == before

    @pytest.mark.parametrize("published", [("Fork", "Forks"), ("Fork", "Forks", "Forked")], ids=["as far", "further"])
    async def test_a_publication_that_the_ledger_contradicts_is_not_believed(
        self, stage: Stage, published: tuple[str, ...]
    ) -> None:
        told = await set_back(stage)
        async with forked(stage, told) as world:
            await grown(world, told.club, *published)
        stage.restore()
        async with stage.world() as world:
            before = await stored(world, told.club)
            (one,) = await rebuilt(world)
            assert one.refused is not None and "the ledger contradicts what was published" in one.refused
            assert await stored(world, told.club) == before

    async def test_what_the_ledger_alone_has_seen_stays_lost_and_the_log_frozen(self, stage: Stage) -> None:
        told = await set_back(stage)
        async with stage.world() as world:
            await rebuilt(world)
            await world.settle()
        older = kept(stage)
        async with stage.world() as world:
            await grown(world, told.club, "Seen by the ledger")
        ledger = stage.folder / "ledger"
        shutil.copytree(ledger, stage.folder / "newer")
        older()
        shutil.rmtree(ledger)
        shutil.move(stage.folder / "newer", ledger)
        async with stage.world() as world:
            (one,) = await rebuilt(world)
            assert (one.before, one.after, one.beyond) == (3, 8, 1)
        async with stage.world() as world:
            await world.settle()
            assert "the log is behind the ledger" in world.system.alarms()[0]
            assert (await rebuilt(world))[0].refused is not None

    async def test_nothing_published_is_said_with_what_the_ledger_has_seen(self, stage: Stage) -> None:
        await set_back(stage)
        shutil.rmtree(stage.folder / "published")
        async with stage.world() as world:
            (one,) = await rebuilt(world)
            assert one.refused is not None
            assert "0 leaves were published, the ledger has seen 6" in one.refused

    async def test_leaves_that_took_the_places_of_published_ones_are_named(self, stage: Stage) -> None:
        told = await set_back(stage)
        async with stage.world() as world:
            # Planted bug: an integrator that believes that it knows the log.
            world.pipeline.guard.known[told.club.of_club] = 3
            await renamed(world, told.club, "New")
            await world.pipeline.integrate()
            (one,) = await rebuilt(world)
            assert one.refused is not None
            assert "the database has another leaf 4 than was published" in one.refused

    async def test_a_log_whose_key_is_lost_cannot_be_rebuilt(self, stage: Stage) -> None:
        await set_back(stage)
        for key in (stage.folder / "secrets").glob("log+*"):
            key.unlink()
        async with stage.world() as world:
            (one,) = await rebuilt(world)
            assert one.refused is not None and "not among the secrets" in one.refused

    async def test_one_log_that_cannot_be_rebuilt_keeps_no_other_from_it(self, stage: Stage) -> None:
        async with stage.world() as world:
            clubs = [caller((await found(world)).id) for _ in range(3)]
            await world.settle()
        stage.back_up()
        async with stage.world() as world:
            for club in clubs:
                await grown(world, club, "Lost")
            origins = [entry.origin for entry in await world.backlog.directory() if entry.club == clubs[1].of_club]
        stage.restore()
        TAMPERED["entry"](Published(stage, origins[0]), size=2)
        async with stage.world() as world:
            told = {one.origin: one for one in await rebuilt(world)}
            assert [origin for origin, one in told.items() if one.refused] == origins
            assert sorted(one.after for one in told.values()) == [1, 2, 2]

    async def test_a_club_that_is_missing_as_a_whole_is_named(self, stage: Stage) -> None:
        async with stage.world() as world:
            await found(world)
            await world.settle()
        stage.back_up()
        async with stage.world() as world:
            club = caller((await found(world, "summit")).id)
            await world.settle()
            async with world.begin_log(club) as tx:
                origin = (await tx.log.head()).origin
        stage.restore()
        async with stage.world() as world:
            findings, _logs = await audited(world.database, world.ledger)
            assert [(one.code, one.origin) for one in findings] == [(Code.LOG_MISSING, origin)]
            checks = await examine_logs(world.system)
            assert [check.state for check in checks] == [Found.WARNING] and origin in checks[0].found
            assert await rebuilt(world) == []

    async def test_doctor_names_a_log_that_is_behind_and_what_to_do(self, stage: Stage) -> None:
        told = await set_back(stage)
        async with stage.world() as world:
            (check,) = await examine_logs(world.system)
            assert check.state is Found.FAILED
            assert f"{told.origin} is frozen: the log is behind the ledger (size 3 here, 6 there)" in check.found
            assert "log rebuild" in check.advice
            await rebuilt(world)
            (check,) = await examine_logs(world.system)
            assert check.state is Found.OK

    async def test_a_long_log_is_rebuilt_across_tiles(self, stage: Stage) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, *(f"Name {number}" for number in range(TILE_WIDTH - 10)))
        stage.back_up()
        async with stage.world() as world:
            await grown(world, club, *(f"Lost {number}" for number in range(TILE_WIDTH)))
            await renamed(world, club, "Published and not anchored")
            await world.pipeline.integrate()
            await world.pipeline.sign()
        stage.restore()
        async with stage.world() as world:
            (one,) = await rebuilt(world, batch=100)
            assert one.lost == (Stretch(first=TILE_WIDTH - 9, last=2 * TILE_WIDTH - 9),)
        async with stage.world() as world:
            await world.settle()
            assert await whole(world, club) == 2 * TILE_WIDTH - 8 + 4
            assert (await audited(world.database, world.ledger))[0] == []

    @pytest.mark.parametrize("published_since", [(), ("Published",)], ids=["as far as published", "behind it"])
    async def test_what_a_crash_left_beyond_the_published_checkpoint_does_not_stand_in_the_way(
        self, stage: Stage, published_since: tuple[str, ...]
    ) -> None:
        """A full tile without its checkpoint, and a restore: every later one was refused as published otherwise."""
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, *(f"Name {number}" for number in range(TILE_WIDTH - 5)))
        stage.back_up()
        async with stage.world() as world:
            await grown(world, club, *published_since)
            await renamed(world, club, *(f"Lost {number}" for number in range(10)))
            await world.pipeline.integrate()
            with pytest.raises(Crash):
                await dying_before_the_promise(world).tick([club.of_club])
        stage.restore()
        async with stage.world() as world:
            assert len(await rebuilt(world, batch=100)) == len(published_since)
        async with stage.world() as world:
            for number in range(15):
                await grown(world, club, f"New {number}")
            assert await whole(world, club) > TILE_WIDTH + 5
            publication = world.system.infrastructure.publication
            assert (await audited(world.database, world.ledger, publication=publication))[0] == []

    async def test_a_checkpoint_that_was_not_published_was_shown_to_nobody(self, stage: Stage) -> None:
        """Nothing that is compared after a restore knows of it: the log may sign another root of its size."""
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, "One", "Two")
        stage.back_up()
        async with stage.world() as world:
            before = await shown(world, club)
            await renamed(world, club, "Lost")
            await world.pipeline.integrate()
            with pytest.raises(Crash):
                await dying_before_the_promise(world).tick([club.of_club])
            assert await shown(world, club) == before
            with pytest.raises(NotYetSigned):
                await world.log.receipts.get(club, await event_at(world, club, 3))
        stage.restore()
        async with stage.world() as world:
            await grown(world, club, "Another")
            assert await whole(world, club) == 4
            assert (await audited(world.database, world.ledger))[0] == []


async def shown(world: World, club: Caller) -> str:
    """The checkpoint that everybody may read."""
    async with world.begin_log(club) as tx:
        origin = (await tx.log.head()).origin
    return await world.log.published.checkpoint(origin)


def dying_before_the_promise(world: World) -> Signer:
    signer = world.pipeline.signer
    publisher = Publisher(publication=DyingBeforeThePromise(world.system.infrastructure.publication))
    return replace(signer, guard=replace(signer.guard, publisher=publisher))
