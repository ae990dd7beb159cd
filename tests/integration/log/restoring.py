"""A database that is set back behind what the world has seen of its logs; a subclass says how that is done."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from adapters.outbound.ed25519 import Signer
from adapters.outbound.sql import schema
from adapters.outbound.sql.database import mine
from app.log.guard import LogFrozen
from app.log.publisher import CHECKPOINT
from core.clubs.settlement import SettlementState
from core.log.notes import VerifierKey
from core.log.receipts import Validity, verify_receipt
from ports.caller import Caller
from tests.contracts.worlds import renamed
from tests.support.logs import verified
from tests.support.scenes import found, two_clubs
from tests.support.settling import after_march, settle, standing, visited
from tests.support.world import World, caller, world_at

_FIRST = select(schema.leaf.c.event_id).where(schema.leaf.c.index == 0, mine(schema.leaf))


class Stage:
    """One database that is backed up and restored, beside the folder of ledger, secrets and publication."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def back_up(self) -> None:
        raise NotImplementedError

    def restore(self) -> None:
        raise NotImplementedError

    async def tamper(self, statement: str) -> None:
        """As somebody to whom the database is only a file or a superuser's session."""
        raise NotImplementedError

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        """From the start of a process to its end."""
        async with world_at(self.url, self.folder) as world:
            yield world


async def grown(world: World, club: Caller, *names: str) -> None:
    """As many leaves more, signed, anchored and published."""
    await renamed(world, club, *names)
    await world.settle()


async def seen(world: World, club: Caller) -> tuple[object, object, object]:
    """What the world has seen of a log: the ledger's head, what is published, and the newest stored checkpoint."""
    async with world.begin_log(club) as tx:
        origin, newest = (await tx.log.head()).origin, await tx.log.checkpoint()
    publication = world.system.infrastructure.publication
    return await world.ledger.head(origin), await publication.get(origin, CHECKPOINT), newest


async def exchange_key(world: World, club: Caller) -> None:
    """Another key in the place of the log's, by somebody who can write to the database."""
    async with world.begin_log(club) as tx:
        key = VerifierKey(name=(await tx.log.head()).origin, public=Signer(bytes(32)).key)
        statement = update(schema.log_key).where(mine(schema.log_key)).values(verifier_key=str(key))
        assert await tx.session.change(statement) == 1


class Restoring:
    """`stage` is a fixture."""

    @pytest.mark.parametrize("since", [(), ("New",), ("New", "Newer", "Newest")], ids=["behind", "as far", "further"])
    async def test_a_log_that_a_restore_has_put_behind_the_ledger_is_frozen_and_never_signed(
        self, stage: Stage, since: tuple[str, ...]
    ) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, "One", "Two")
        stage.back_up()
        async with stage.world() as world:
            await grown(world, club, "Three")
        stage.restore()
        async with stage.world() as world:
            before = await seen(world, club)
            await renamed(world, club, *since)
            other = caller((await found(world)).id)
            for _ in range(2):
                await world.settle()
            assert await seen(world, club) == before
            frozen = world.pipeline.guard.frozen[club.of_club]
            # Whatever was recorded since waits: it does not take the places of what was lost.
            assert frozen.parameters["reason"] == "the log is behind the ledger"
            async with world.look(club) as tx:
                assert (await tx.log.head()).size == 3
            assert world.system.alarms() == [str(frozen)]
            assert await verified(world, other) == 1
            await self._still_answers(world, club)

    async def _still_answers(self, world: World, club: Caller) -> None:
        """Receipts of what was covered before are made and verify."""
        async with world.begin_log(club) as tx:
            (first,) = [row["event_id"] for row in await tx.session.all(_FIRST)]
        receipt = await world.log.receipts.get(club, first)
        bundle = await world.log.trust.bundle()
        assert verify_receipt(receipt, bundle, world.system.infrastructure.signatures).validity is Validity.VALID

    async def test_a_log_that_was_published_further_than_it_was_anchored_is_frozen_too(self, stage: Stage) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, "One", "Two")
        stage.back_up()
        async with stage.world() as world:
            await renamed(world, club, "Three")
            await world.pipeline.integrate()
            await world.pipeline.sign()
        stage.restore()
        async with stage.world() as world:
            await renamed(world, club, "Another")
            before = await seen(world, club)
            await world.settle()
            assert await seen(world, club) == before
            reason = world.pipeline.guard.frozen[club.of_club].parameters["reason"]
            assert reason == "the log is behind what was published"

    async def test_a_backup_that_lacks_nothing_is_gone_on_from(self, stage: Stage) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, "One", "Two")
        stage.back_up()
        stage.restore()
        async with stage.world() as world:
            await grown(world, club, "Three")
            assert world.system.alarms() == []
            assert await verified(world, club) == 4

    async def test_a_month_is_not_settled_with_what_a_log_that_was_set_back_has_left(self, stage: Stage) -> None:
        async with stage.world() as world:
            scene = await two_clubs(world)
            await visited(scene, 1)
        stage.back_up()
        async with stage.world() as world:
            await visited(replace(scene, world=world), 1)
        stage.restore()
        async with stage.world() as world:
            after_march(world)
            first, second = sorted((scene.home, scene.host), key=lambda each: each.of_club)
            with pytest.raises(LogFrozen, match="the log is behind"):
                await settle(world, first)
            assert await settle(world, second) == 0
            (month,) = await standing(world, first)
            assert month.state is SettlementState.OPEN
            secrets = world.system.infrastructure.secrets
            assert await secrets.get(f"pair/{first.of_club}.{second.of_club}/blinding") is None

    async def test_a_restore_under_a_running_worker_is_noticed(self, stage: Stage) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, "One", "Two")
        stage.back_up()
        async with stage.world() as world:
            await grown(world, club, "Three")
            await world.database.close()
            stage.restore()
            before = await seen(world, club)
            await renamed(world, club, "Another", "And one more")
            await world.settle()
            assert await seen(world, club) == before
            assert world.system.alarms()

    async def test_a_log_whose_signing_key_is_lost_is_frozen_and_gets_no_other_one(self, stage: Stage) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, "One")
            before = await seen(world, club)
        secrets = stage.folder / "secrets"
        shutil.move(secrets, stage.folder / "lost")
        secrets.mkdir(mode=0o700)
        for kept in ("ledger+witness", "token+access", "rest+cursor"):
            shutil.copy(stage.folder / "lost" / kept, secrets / kept)
        async with stage.world() as world:
            await grown(world, club, "Two")
            assert await seen(world, club) == before
            assert "not among the secrets" in world.system.alarms()[0]
        shutil.rmtree(secrets)
        shutil.move(stage.folder / "lost", secrets)
        async with stage.world() as world:
            await world.settle()
            assert await verified(world, club) == 3

    async def test_a_log_is_not_signed_with_another_log_s_key(self, stage: Stage) -> None:
        async with stage.world() as world:
            clubs = [caller((await found(world)).id) for _ in range(2)]
            await world.settle()
        one, two = sorted((stage.folder / "secrets").glob("log+*"))
        shutil.copy(one, two)
        async with stage.world() as world:
            for club in clubs:
                await renamed(world, club, "Haven")
            await world.settle()
            assert len(world.system.alarms()) == 1
            assert "is not the log's" in world.system.alarms()[0]

    async def test_a_log_whose_key_was_exchanged_in_the_database_and_among_the_secrets_is_not_signed(
        self, stage: Stage
    ) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, "One")
            before = await seen(world, club)
            await exchange_key(world, club)
        (seed,) = (stage.folder / "secrets").glob("log+*")
        seed.write_bytes(bytes(32))
        async with stage.world() as world:
            await grown(world, club, "Two")
            assert await seen(world, club) == before
            assert "not those that the ledger has" in world.system.alarms()[0]

    async def test_a_log_with_a_key_beside_its_own_is_frozen_under_a_running_worker(self, stage: Stage) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            await grown(world, club, "One")
            before = await seen(world, club)
            async with world.begin_log(club) as tx:
                (own,) = await tx.log.keys()
            await exchange_key(world, club)
            async with world.begin_log(club) as tx:
                await tx.log.add_key(replace(own, from_size=2))
            await grown(world, club, "Two")
            assert await seen(world, club) == before
            assert "key 2 of the log is not among the secrets" in world.system.alarms()[0]
