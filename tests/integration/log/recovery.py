"""What a log comes to after every crash of its workers; a subclass brings the world."""

from collections.abc import Awaitable, Callable

import pytest

from ports.caller import Caller
from tests.contracts.worlds import renamed
from tests.integration.log.crashes import Crash, Fuse, started
from tests.support.logs import verified
from tests.support.scenes import found
from tests.support.world import World, caller

STEPS = {
    "inside integration": "before integration.grow",
    "before integration is durable": "before integration commits",
    "after integration, before signing": "after integration has committed",
    "after signing, before publishing": "after signing has committed",
    "while publishing tiles": "before publication.put",
    "after publishing, before it is shown": "before signing.add_checkpoint",
    "before submitting": "before ledger.submit",
    "after submitting, before the evidence is stored": "after ledger.submit",
    "before the anchor is durable": "before anchoring commits",
    "after everything": "after anchoring has committed",
}
FIRST_STEPS = {
    "after the log's key was made": "after secrets.create",
    "before its key is durable": "before signing.add_key",
    "before the ledger knows the log": "before ledger.register",
    "after the ledger knows the log": "after ledger.register",
}


class Recovery:
    """`world` is a fixture."""

    async def test_after_a_crash_at_any_step_of_a_new_log_its_genesis_is_one_leaf_that_is_signed_and_anchored(
        self, world: World
    ) -> None:
        async def new(_number: int) -> Caller:
            return caller((await found(world)).id)

        burnt = await self._burn(world, new)
        assert {*STEPS.values(), *FIRST_STEPS.values()} <= burnt

    async def test_after_a_crash_at_any_step_of_a_grown_log_every_event_is_one_leaf_that_is_signed_and_anchored(
        self, world: World
    ) -> None:
        old = caller((await found(world)).id)
        await (await started(world, Fuse())).settle(old)

        async def grown(number: int) -> Caller:
            await renamed(world, old, f"Name {number}")
            return old

        burnt = await self._burn(world, grown)
        assert set(STEPS.values()) <= burnt

    async def _burn(self, world: World, work: Callable[[int], Awaitable[Caller]]) -> set[str]:
        """Crashes at each step that the workers take on this work, recovers, and verifies; returns the steps."""
        burnt, fuse, number = set(), Fuse(), 0
        while fuse.burnt or not number:
            number += 1
            club, fuse = await work(number), Fuse(number)
            try:
                await (await started(world, fuse)).settle(club)
            except Crash:
                burnt.add(fuse.burnt)
            await (await started(world, Fuse())).settle(club)
            await verified(world, club)
        assert set(fuse.labels) == burnt
        return burnt

    async def test_a_second_crash_while_recovering_is_recovered_from_as_well(self, world: World) -> None:
        club = caller((await found(world)).id)
        for first, second in ((3, 2), (9, 4), (12, 12), (15, 7)):
            await renamed(world, club, f"Name {first}")
            for left in (first, second):
                try:
                    await (await started(world, Fuse(left))).settle(club)
                except Crash:
                    await renamed(world, club, f"Between {left}")
            await (await started(world, Fuse())).settle(club)
            await verified(world, club)

    async def test_an_event_that_was_forgotten_before_it_was_a_leaf_would_be_noticed(self, world: World) -> None:
        club = caller((await found(world)).id)
        await (await started(world, Fuse())).settle(club)
        await renamed(world, club, "Haven")
        # Planted bug: effect and acknowledgement in two transactions, and a crash in between.
        async with world.begin_log(club) as tx:
            await tx.log.drop("log", await tx.log.take("log", 10))
        await (await started(world, Fuse())).settle(club)
        with pytest.raises(AssertionError):
            await verified(world, club)
