"""What every implementation of ports.attempts must do: what was kept is there, once, until its outcome is certain."""

import asyncio
from dataclasses import replace
from hashlib import sha256
from uuid import uuid4

import pytest

from adapters.outbound.sql.attempts import SqlAttempts
from ports.attempts import REFUSED, Attempt, Attempts
from tests.contracts.worlds import InWorlds
from tests.support.world import World


def attempt(number: int = 0, round: bytes | None = None) -> Attempt:
    """An attempt of a round of its own."""
    of = sha256(uuid4().bytes).digest() if round is None else round
    return Attempt(round=of, number=number, tx_id=sha256(of + bytes([number])).hexdigest(), envelope=b"\0signed\xff")


class AttemptsContract(InWorlds):
    """A backend brings `make`; rounds are the tests' own, since the table is everybody's."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    def attempts(self, world: World) -> Attempts:
        return SqlAttempts(world.database)

    async def test_a_round_that_was_never_tried_has_no_attempt(self, world: World) -> None:
        assert await self.attempts(world).newest(attempt().round) is None

    async def test_what_is_kept_is_found_byte_for_byte(self, world: World) -> None:
        attempts, first = self.attempts(world), attempt()
        assert await attempts.keep(first) == first
        assert await attempts.newest(first.round) == first
        assert first in await attempts.unsettled()

    async def test_the_newest_attempt_has_the_highest_number(self, world: World) -> None:
        attempts, first = self.attempts(world), attempt()
        for number in (0, 1, 10, 2):
            await attempts.keep(attempt(number, first.round))
        newest = await attempts.newest(first.round)
        assert newest is not None
        assert newest.number == 10

    async def test_of_two_who_keep_the_same_attempt_both_get_the_first(self, world: World) -> None:
        attempts, first = self.attempts(world), attempt()
        others = [replace(first, envelope=bytes([number])) for number in range(8)]
        kept = await asyncio.gather(*(attempts.keep(other) for other in others))
        assert set(kept) == {await attempts.newest(first.round)}
        assert await attempts.keep(first) == kept[0]

    async def test_an_outcome_is_noted_once_and_stays(self, world: World) -> None:
        attempts, first = self.attempts(world), attempt()
        await attempts.keep(first)
        await attempts.settle(first, 11)
        await attempts.settle(first, 0)
        assert await attempts.newest(first.round) == replace(first, outcome=11)
        assert await attempts.keep(first) == replace(first, outcome=11)

    async def test_what_is_settled_is_unsettled_no_more(self, world: World) -> None:
        attempts = self.attempts(world)
        valid, refused, waiting = attempt(), attempt(), attempt()
        for each in (valid, refused, waiting):
            await attempts.keep(each)
        await attempts.settle(valid, 0)
        await attempts.settle(refused, REFUSED)
        left = await attempts.unsettled()
        assert waiting in left
        assert not {valid.round, refused.round} & {each.round for each in left}

    async def test_unsettled_attempts_come_oldest_first(self, world: World) -> None:
        attempts, several = self.attempts(world), [attempt() for _each in range(5)]
        for each in several:
            await attempts.keep(each)
        own = {each.round for each in several}
        assert [each for each in await attempts.unsettled() if each.round in own] == several
