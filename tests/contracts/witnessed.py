"""What every implementation of ports.witnessed must do: of two that move a head, one does; what is kept is kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from adapters.outbound.sql.witnessed import SqlWitnessedHeads
from ports.witnessed import Witnessed, WitnessedHeads
from tests.contracts.ledger import FORKED, HONEST, SampleLog
from tests.contracts.worlds import InWorlds
from tests.support.world import World


def log_of_its_own(*, forked: bool = False, origin: str = "") -> SampleLog:
    """A log that nobody else follows; heads are the whole deployment's."""
    return replace(FORKED if forked else HONEST, origin=origin or f"concordat.test/{uuid4().hex}/1")


def kept(log: SampleLog, size: int) -> Witnessed:
    return Witnessed(checkpoint=log.checkpoint(size), note=log.note(size))


class WitnessedContract(InWorlds):
    """A backend brings `make`."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    def heads(self, world: World) -> WitnessedHeads:
        return SqlWitnessedHeads(world.database)

    async def moved(self, heads: WitnessedHeads, log: SampleLog, sizes: Sequence[int]) -> None:
        old = None
        for size in sizes:
            new = kept(log, size)
            assert await heads.move(old, new)
            assert await heads.get(log.origin) == new
            old = new.checkpoint

    async def test_a_log_that_was_never_witnessed_has_no_head(self, world: World) -> None:
        assert await self.heads(world).get(log_of_its_own().origin) is None

    async def test_a_head_moves_and_is_found_whole(self, world: World) -> None:
        await self.moved(self.heads(world), log_of_its_own(), (0, 1, 5, 300))

    async def test_a_size_beyond_four_bytes_is_kept(self, world: World) -> None:
        heads, log = self.heads(world), log_of_its_own()
        large = Witnessed(checkpoint=replace(log.checkpoint(1), size=1 << 40), note="n")
        assert await heads.move(None, large)
        assert await heads.get(log.origin) == large

    async def test_a_head_moves_only_from_where_it_is(self, world: World) -> None:
        heads, log = self.heads(world), log_of_its_own()
        fork = log_of_its_own(forked=True, origin=log.origin)
        await self.moved(heads, log, (5, 8))
        for wrong in (None, log.checkpoint(5), log.checkpoint(9), fork.checkpoint(8)):
            assert not await heads.move(wrong, kept(log, 9))
            assert await heads.get(log.origin) == kept(log, 8)

    async def test_the_same_head_again_is_no_trouble(self, world: World) -> None:
        heads, log = self.heads(world), log_of_its_own()
        await self.moved(heads, log, (5,))
        assert await heads.move(log.checkpoint(5), kept(log, 5))
        assert await heads.get(log.origin) == kept(log, 5)

    @pytest.mark.parametrize("start", [0, 5])
    async def test_of_many_who_move_a_head_at_once_one_does(self, world: World, start: int) -> None:
        heads, log = self.heads(world), log_of_its_own()
        if start:
            await self.moved(heads, log, (start,))
        old = log.checkpoint(start) if start else None
        sizes = range(start + 1, start + 9)
        done = await asyncio.gather(*(heads.move(old, kept(log, size)) for size in sizes))
        assert sum(done) == 1
        assert await heads.get(log.origin) == kept(log, sizes[done.index(True)])

    async def test_logs_do_not_disturb_each_other(self, world: World) -> None:
        heads, one, other = self.heads(world), log_of_its_own(), log_of_its_own()
        await self.moved(heads, one, (5, 8))
        await self.moved(heads, other, (3,))
        assert await heads.get(one.origin) == kept(one, 8)
