"""Logs while the ledger does not answer: they are signed as long as the publication agrees, and never forked."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.inbound.jobs.pipeline import Pipeline
from adapters.outbound.local.ledger import LocalLedger
from app.log.publisher import CHECKPOINT
from core.log.checkpoints import parse_checkpoint
from core.log.notes import parse_note
from ports.caller import Caller
from ports.ledger import LedgerUnavailable
from tests.contracts.worlds import renamed
from tests.integration.log.restoring import grown
from tests.integration.log.test_restoring_sqlite import SqliteStage
from tests.support.logs import verified
from tests.support.scenes import found
from tests.support.world import Clock, World, caller, world_at


class Silenced:
    """A ledger that answers nothing while `down`; `asked` counts what it was asked meanwhile."""

    def __init__(self, real: LocalLedger) -> None:
        self.real, self.down, self.asked = real, False, 0

    def __getattr__(self, name: str) -> Any:
        if self.down and name != "trust":
            return self._unanswered
        return getattr(self.real, name)

    async def _unanswered(self, *_: object) -> None:
        self.asked += 1
        raise LedgerUnavailable(fault="unavailable")


class Stage(SqliteStage):
    """The ledger outlives the processes, as one of other people does."""

    ledger: Silenced

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        async with world_at(self.url, self.folder, overrides={"ledger": self.ledger}) as world:
            yield world

    @property
    def published(self) -> Path:
        return self.folder / "published"

    def back_up(self) -> None:
        super().back_up()
        shutil.rmtree(self.folder / "backup", ignore_errors=True)
        shutil.copytree(self.published, self.folder / "backup")

    def restore_publication(self) -> None:
        """What nobody should do: the publication is to know more than the database."""
        shutil.rmtree(self.published)
        shutil.copytree(self.folder / "backup", self.published)


@pytest.fixture
def stage(sqlite_url: str, tmp_path: Path) -> Stage:
    stage = Stage(sqlite_url, tmp_path / "world")
    stage.ledger = Silenced(LocalLedger(tmp_path / "ledger", bytes([7]) * 32, Clock()))
    return stage


async def turn(pipeline: Pipeline) -> str:
    """One turn of each stage; what stopped the anchorer."""
    await pipeline.integrate()
    await pipeline.sign()
    try:
        await pipeline.anchor()
    except LedgerUnavailable as error:
        return error.code
    return ""


async def published_size(world: World, club: Caller) -> int:
    async with world.look(club) as tx:
        origin = (await tx.log.head()).origin
    note = await world.system.infrastructure.publication.get(origin, CHECKPOINT)
    return 0 if note is None else parse_checkpoint(parse_note(note.decode()).text).size


async def restored(stage: Stage) -> Caller:
    """A log that the ledger has seen further than the database has, which was backed up at two leaves."""
    async with stage.world() as world:
        club = caller((await found(world)).id)
        await grown(world, club, "One")
    stage.back_up()
    async with stage.world() as world:
        await grown(world, club, "Two")
    stage.restore()
    return club


async def signed_in_silence(world: World, stage: Stage, club: Caller) -> None:
    """Two leaves more, other ones than the ledger has seen, while it does not answer; it does afterwards."""
    stage.ledger.down = True
    await renamed(world, club, "Another", "And one more")
    await turn(world.pipeline)
    assert await published_size(world, club) == 4
    stage.ledger.down = False


async def test_a_worker_that_starts_without_the_ledger_signs_and_publishes_old_logs_and_new_ones(stage: Stage) -> None:
    async with stage.world() as world:
        old = caller((await found(world)).id)
        await grown(world, old, "One")
    async with stage.world() as world:
        stage.ledger.down = True
        new = caller((await found(world)).id)
        await renamed(world, old, "Two")
        assert await turn(world.pipeline) == "ledger/unavailable"
        assert (await published_size(world, old), await published_size(world, new)) == (3, 1)
        stage.ledger.down = False
        assert await turn(world.pipeline) == ""
        assert (await verified(world, old), await verified(world, new)) == (3, 1)
        assert world.pipeline.guard.due == set()


async def test_a_silent_ledger_is_not_waited_for_in_every_club_s_turn(stage: Stage) -> None:
    async with stage.world() as world:
        stage.ledger.down = True
        clubs = [caller((await found(world)).id) for _ in range(5)]
        await turn(world.pipeline)
        # Once by the first club's turn, once by the anchorer.
        assert stage.ledger.asked == 2
        for club in clubs:
            await renamed(world, club, "Haven")
        await turn(world.pipeline)
        assert stage.ledger.asked == 3
        assert [await published_size(world, club) for club in clubs] == [2] * 5


async def test_a_restored_log_is_frozen_without_the_ledger_since_the_publication_knows_more(stage: Stage) -> None:
    club = await restored(stage)
    async with stage.world() as world:
        stage.ledger.down = True
        await renamed(world, club, "Another", "And one more")
        await turn(world.pipeline)
        assert world.pipeline.guard.frozen[club.of_club].parameters["reason"] == "the log is behind what was published"
        assert await published_size(world, club) == 3


async def test_with_the_publication_set_back_as_well_the_log_is_frozen_as_soon_as_the_ledger_answers(
    stage: Stage,
) -> None:
    club = await restored(stage)
    stage.restore_publication()
    async with stage.world() as world:
        await signed_in_silence(world, stage, club)
        # Nothing new was recorded: it is compared nevertheless.
        await turn(world.pipeline)
        reason = world.pipeline.guard.frozen[club.of_club].parameters["reason"]
        assert reason == "the log has another root than the ledger"
        await renamed(world, club, "Yet another")
        await turn(world.pipeline)
        assert await published_size(world, club) == 4


async def test_a_publication_that_lacks_an_anchor_is_not_taken_for_the_ledger(stage: Stage) -> None:
    async with stage.world() as world:
        club = caller((await found(world)).id)
        await grown(world, club, "One")
    shutil.rmtree(stage.published)
    async with stage.world() as world:
        stage.ledger.down = True
        await renamed(world, club, "Two")
        await turn(world.pipeline)
        assert await published_size(world, club) == 0
        assert isinstance(world.troubled[club.of_club].error, LedgerUnavailable)
        stage.ledger.down = False
        world.clock.forward(seconds=60)
        await world.settle()
        assert await verified(world, club) == 3


async def test_what_is_published_no_more_is_not_anchored(stage: Stage) -> None:
    async with stage.world() as world:
        club = caller((await found(world)).id)
        await world.pipeline.integrate()
        await world.pipeline.sign()
        shutil.rmtree(stage.published)
        await world.pipeline.anchor()
        async with world.look(club) as tx:
            origin = (await tx.log.head()).origin
        assert await stage.ledger.head(origin) is None
        await grown(world, club, "Two")
        assert await verified(world, club) == 2


async def test_a_guard_that_forgot_what_it_owes_the_ledger_would_be_noticed(stage: Stage) -> None:
    club = await restored(stage)
    stage.restore_publication()
    async with stage.world() as world:
        await signed_in_silence(world, stage, club)
        # Planted bug: nothing is compared afterwards.
        world.pipeline.guard.due.clear()
        world.pipeline.unanchored.clear()
        await renamed(world, club, "Yet another")
        await turn(world.pipeline)
        assert await published_size(world, club) == 5
