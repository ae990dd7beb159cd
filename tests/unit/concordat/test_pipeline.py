"""Between the log's workers nothing is forgotten, whatever fails at whichever moment: ports fail, the rest is real."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest

from adapters.inbound.jobs.pipeline import Pipeline
from app.log.publisher import CHECKPOINT
from app.workers import LONGEST_WAIT_SECONDS
from concordat.assembly.workers import LogWorkers, build_workers
from core.log.checkpoints import parse_checkpoint
from core.log.notes import parse_note
from core.log.trust import KeyRange
from ports.caller import Caller
from ports.ledger import Anchored, Ledger, LedgerBusy, LedgerHead, LedgerRejected, Submission
from ports.log import Backlog, DirectoryEntry, LogKey, LogTx, Publication, Waiting
from ports.unit_of_work import Begin
from shared.errors import ConcordatError, Unavailable
from tests.contracts.worlds import renamed
from tests.support.databases import MEMORY
from tests.support.scenes import found
from tests.support.world import World, caller, world_at


@dataclass
class Faults:
    """The ports around the workers; those that are named in `down` fail, for whom `rejects` says a ledger refuses."""

    world: World
    down: set[str] = field(default_factory=set)
    rejects: bool = False
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """What happens while the ledger is at work."""

    def workers(self) -> LogWorkers:
        """As after a start of the process: nothing is remembered."""
        i = self.world.system.infrastructure
        faulty = replace(
            i,
            ledger=FaultyLedger(self, i.ledger),
            backlog=FaultyBacklog(self, i.backlog),
            publication=FaultyPublication(self, i.publication),
        )
        return build_workers(faulty)

    def check(self, port: str) -> None:
        if port in self.down:
            raise Unavailable(port=port)


@dataclass
class FaultyLedger:
    faults: Faults
    real: Ledger

    async def head(self, origin: str) -> LedgerHead | None:
        return await self.real.head(origin)

    async def origins(self) -> Sequence[str]:
        return await self.real.origins()

    async def register(self, origin: str, verifier_key: str) -> None:
        await self.real.register(origin, verifier_key)

    async def keys(self, origin: str) -> Sequence[KeyRange]:
        return await self.real.keys(origin)

    async def rotate(self, origin: str, size: int, verifier_key: str, signatures: tuple[bytes, bytes]) -> None:
        await self.real.rotate(origin, size, verifier_key, signatures)

    async def evidence(self, origin: str, size: int) -> dict[str, object] | None:
        return await self.real.evidence(origin, size)

    async def trust(self) -> dict[str, object]:
        return await self.real.trust()

    async def check(self) -> None:
        await self.real.check()

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Anchored | LedgerRejected]:
        if "ledger" in self.faults.down:
            raise LedgerBusy
        if self.faults.rejects:
            return [LedgerRejected(reason="bad-proof") for _ in submissions]
        if self.faults.meanwhile is not None:
            await self.faults.meanwhile()
        return await self.real.submit(submissions)


@dataclass
class FaultyPublication:
    """Fails at the second log, so that the stage before has done part of its work."""

    faults: Faults
    real: Publication
    seen: set[str] = field(default_factory=set)

    async def put(self, origin: str, path: str, data: bytes) -> None:
        self.seen.add(origin)
        if len(self.seen) > 1:
            self.faults.check("publication")
        await self.real.put(origin, path, data)

    async def get(self, origin: str, path: str) -> bytes | None:
        return await self.real.get(origin, path)

    async def origins(self) -> Sequence[str]:
        return await self.real.origins()

    async def check(self) -> None:
        await self.real.check()


@dataclass
class FaultyBacklog:
    faults: Faults
    real: Backlog

    async def clubs_with_work(self, consumer: str) -> Sequence[UUID]:
        self.faults.check("backlog")
        return await self.real.clubs_with_work(consumer)

    async def waiting(self) -> Mapping[str, Waiting]:
        return await self.real.waiting()

    async def directory(self) -> Sequence[DirectoryEntry]:
        return await self.real.directory()

    async def keys(self) -> Mapping[str, Sequence[LogKey]]:
        return await self.real.keys()

    async def entry(self, origin: str) -> DirectoryEntry:
        return await self.real.entry(origin)


@pytest.fixture
async def faults(tmp_path: Path) -> AsyncIterator[Faults]:
    async with world_at(MEMORY, tmp_path) as world:
        yield Faults(world)


async def round_of(pipeline: Pipeline) -> list[str]:
    """One turn of each stage; the names of those that failed, as a whole or in some club's turn."""
    failed = []
    for stage, worker in ((pipeline.integrate, pipeline.integrator), (pipeline.sign, pipeline.signer)):
        try:
            await stage()
        except ConcordatError:
            failed.append(stage.__name__)
        if worker.turns.troubled:
            failed.append(stage.__name__)
    try:
        await pipeline.anchor()
    except ConcordatError:
        failed.append("anchor")
    return failed


async def anchored(world: World, *clubs: UUID) -> bool:
    """Is everything that was recorded of these clubs covered by the ledger's evidence, and published?"""
    for club in clubs:
        async with world.look(caller(club)) as tx:
            head, anchor = await tx.log.head(), await tx.log.anchor()
        note = await world.system.infrastructure.publication.get(head.origin, CHECKPOINT)
        published = 0 if note is None else parse_checkpoint(parse_note(note.decode()).text).size
        if not 0 < head.size == published == (0 if anchor is None else anchor.size):
            return False
    return not set(clubs) & set(await world.backlog.clubs_with_work("log"))


async def test_what_is_recorded_is_anchored_after_one_turn_of_each_stage(faults: Faults) -> None:
    pipeline = faults.workers().pipeline
    clubs = [(await found(faults.world)).id for _ in range(2)]
    assert await round_of(pipeline) == []
    assert await anchored(faults.world, *clubs)
    assert not pipeline.unsigned | pipeline.unanchored.keys()


@pytest.mark.parametrize("done", [0, 1, 2])
async def test_a_crash_after_any_stage_leaves_nothing_behind_after_the_next_start(faults: Faults, done: int) -> None:
    club = (await found(faults.world)).id
    crashed = faults.workers().pipeline
    for stage in (crashed.integrate, crashed.sign)[:done]:
        await stage()
    assert await round_of(faults.workers().pipeline) == []
    assert await anchored(faults.world, club)


@pytest.mark.parametrize("port", ["backlog", "publication", "ledger"])
async def test_what_grew_while_a_port_was_down_is_anchored_once_it_is_back(faults: Faults, port: str) -> None:
    pipeline = faults.workers().pipeline
    await round_of(pipeline)
    faults.down = {port}
    clubs = [(await found(faults.world)).id for _ in range(3)]
    assert await round_of(pipeline) != []
    assert not await anchored(faults.world, *clubs)
    faults.down = set()
    faults.world.clock.forward(seconds=LONGEST_WAIT_SECONDS)
    assert await round_of(pipeline) == []
    assert await anchored(faults.world, *clubs)


@dataclass
class Closed:
    """Opens transactions of every club but one."""

    begin: Begin[LogTx]
    club: UUID

    def __call__(self, caller: Caller) -> AbstractAsyncContextManager[LogTx]:
        if caller.club == self.club:
            raise Unavailable
        return self.begin(caller)


async def test_a_log_that_cannot_be_integrated_does_not_make_another_one_forgotten(faults: Faults) -> None:
    pipeline = faults.workers().pipeline
    await round_of(pipeline)
    one, closed, other = sorted([(await found(faults.world)).id for _ in range(3)])
    integrator = pipeline.integrator
    pipeline.integrator = replace(integrator, begin=Closed(integrator.begin, closed))
    assert await round_of(pipeline) == ["integrate"]
    assert await round_of(pipeline) == ["integrate"]
    assert await anchored(faults.world, one, other)
    pipeline.integrator = integrator
    faults.world.clock.forward(seconds=LONGEST_WAIT_SECONDS)
    assert await round_of(pipeline) == []
    assert await anchored(faults.world, closed)


async def test_a_checkpoint_that_the_ledger_rejects_is_offered_again(faults: Faults) -> None:
    pipeline = faults.workers().pipeline
    club = (await found(faults.world)).id
    faults.rejects = True
    assert await round_of(pipeline) == []
    assert pipeline.unanchored.keys() == {club}
    faults.rejects = False
    await pipeline.anchor()
    assert await anchored(faults.world, club)


async def test_a_wish_to_be_anchored_wakes_the_anchorer_which_then_leaves_nothing_out(faults: Faults) -> None:
    workers = faults.workers()
    club = (await found(faults.world)).id
    await workers.hear_wishes()
    assert not workers.pipeline.wanted.is_set()
    await workers.anchoring.ask(caller(club))
    await workers.hear_wishes()
    assert workers.pipeline.wanted.is_set()
    await workers.pipeline.anchor()
    assert await anchored(faults.world, club)


async def test_a_wish_that_cannot_be_taken_keeps_no_other_one_waiting(faults: Faults) -> None:
    workers = faults.workers()
    clubs = sorted([(await found(faults.world)).id for _ in range(3)])
    for club in clubs:
        await workers.anchoring.ask(caller(club))
    closed = replace(workers.anchoring, begin=Closed(workers.anchoring.begin, clubs[1]))
    assert await closed.wanted()
    assert await faults.world.backlog.clubs_with_work("anchor") == [clubs[1]]
    assert not await closed.wanted()


async def test_a_log_that_is_behind_its_ledger_raises_the_alarm(faults: Faults) -> None:
    club = (await found(faults.world)).id
    await round_of(faults.workers().pipeline)
    async with faults.world.system.database.transaction(club) as session:
        await session.connection.exec_driver_sql("UPDATE log SET size = 0")
    restarted = faults.workers()
    assert restarted.alarms() == []
    await round_of(restarted.pipeline)
    assert len(restarted.alarms()) == 1
    assert "behind the ledger" in restarted.alarms()[0]


async def test_a_busy_log_waits_since_its_last_anchor_began_and_not_for_ever(faults: Faults) -> None:
    pipeline, club = faults.workers().pipeline, (await found(faults.world)).id
    seen = []

    async def grows() -> None:
        seen.append(pipeline.waiting[club])
        await renamed(faults.world, caller(club), f"Name {len(seen)}")
        await pipeline.integrate()
        await pipeline.sign()

    faults.meanwhile = grows
    for _ in range(3):
        faults.world.clock.forward(seconds=10)
        assert await round_of(pipeline) == []
    assert seen == sorted(set(seen))
    assert pipeline.waiting[club] > seen[-1]
    faults.meanwhile = None
    assert await round_of(pipeline) == []
    assert pipeline.waiting == {}
