"""What every implementation of ports.ledger must do when the key of a log is exchanged, the forged cases included."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import pytest

from core.log.notes import Algorithm
from core.log.trust import KeyRange
from core.log.witness import rotation_message
from ports.ledger import Anchored, Ledger, LedgerRejected
from tests.contracts.ledger import FORKED, HONEST, ORIGIN, OTHER, SUMMIT, LedgerContract, SampleLog, reason_of

NEXT, THIRD = replace(HONEST, seed=bytes([5]) * 32), replace(HONEST, seed=bytes([6]) * 32)
"""The honest log under the keys that it may rotate to."""


async def rotate(ledger: Ledger, size: int, old: SampleLog = HONEST, new: SampleLog = NEXT) -> None:
    """With good signatures of both keys."""
    message = rotation_message(ORIGIN, size, old.key, new.key)
    await ledger.rotate(ORIGIN, size, str(new.key), (old.signer(message), new.signer(message)))


def ranges(*keys: tuple[SampleLog, int, int | None]) -> list[KeyRange]:
    return [KeyRange(key=log.key, from_size=start, until_size=until) for log, start, until in keys]


class Rotations(LedgerContract):
    """A part of the ledger's suite."""

    async def keys_of(self, ledger: Ledger, origin: str = ORIGIN) -> list[KeyRange]:
        return list(await ledger.keys(origin))

    async def refuses_to_rotate(self, ledger: Ledger, reason: str, rotation: Awaitable[None]) -> None:
        """For this reason, with nothing changed."""
        before = await self.keys_of(ledger)
        with pytest.raises(LedgerRejected) as refusal:
            await rotation
        assert refusal.value.parameters["reason"] == reason
        assert await self.keys_of(ledger) == before

    async def test_the_key_of_a_log_is_the_one_that_it_was_registered_with(self, tmp_path: Path) -> None:
        ledger = await self.make(tmp_path)
        assert await self.keys_of(ledger) == []
        await ledger.register(ORIGIN, str(HONEST.key))
        assert await self.keys_of(ledger) == ranges((HONEST, 0, None))
        assert await self.keys_of(ledger, OTHER) == []

    async def test_from_its_size_on_the_new_key_is_needed_and_before_it_the_old_one(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        await rotate(ledger, 8)
        assert await self.keys_of(ledger) == ranges((HONEST, 0, 8), (NEXT, 8, None))
        early = [NEXT.submission(7, 5), HONEST.submission(7, 5)]
        assert [reason_of(answer) for answer in await ledger.submit(early)] == ["bad-signature", 7]
        late = [HONEST.submission(9, 7), NEXT.submission(9, 7), HONEST.submission(5)]
        assert [reason_of(answer) for answer in await ledger.submit(late)] == ["bad-signature", 9, 5]
        for size in (5, 7, 9):
            await self.vouches(ledger, HONEST.checkpoint(size))
        await self.stop(ledger)
        ledger = await self.make(tmp_path)
        assert await self.keys_of(ledger) == ranges((HONEST, 0, 8), (NEXT, 8, None))
        assert await ledger.head(ORIGIN) == HONEST.head(9)
        assert [reason_of(answer) for answer in await ledger.submit([HONEST.submission(12, 9)])] == ["bad-signature"]
        assert await ledger.submit([NEXT.submission(12, 9)]) == [Anchored(origin=ORIGIN, size=12)]

    async def test_a_log_that_was_never_anchored_may_rotate(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path)
        await rotate(ledger, 1)
        answers = await ledger.submit([HONEST.submission(1), NEXT.submission(1)])
        assert [reason_of(answer) for answer in answers] == ["bad-signature", 1]

    async def test_to_rotate_again_to_the_same_changes_nothing(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        for _again in range(3):
            await rotate(ledger, 8)
        await ledger.submit([NEXT.submission(9, 5)])
        await self.stop(ledger)
        ledger = await self.make(tmp_path)
        await rotate(ledger, 8)
        await ledger.register(ORIGIN, str(HONEST.key))
        assert await self.keys_of(ledger) == ranges((HONEST, 0, 8), (NEXT, 8, None))

    async def test_keys_follow_each_other(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        await rotate(ledger, 6)
        await rotate(ledger, 8, NEXT, THIRD)
        answers = await ledger.submit([NEXT.submission(7, 5), NEXT.submission(9, 7), THIRD.submission(9, 7)])
        assert [reason_of(answer) for answer in answers] == [7, "bad-signature", 9]
        assert await self.keys_of(ledger) == ranges((HONEST, 0, 6), (NEXT, 6, 8), (THIRD, 8, None))

    @pytest.mark.parametrize("place", [0, 1])
    async def test_both_keys_have_to_sign_the_rotation(self, tmp_path: Path, place: int) -> None:
        ledger = await self.make_with(tmp_path, 5)
        message = rotation_message(ORIGIN, 8, HONEST.key, NEXT.key)
        stranger, other = SUMMIT.signer(message), rotation_message(ORIGIN, 9, HONEST.key, NEXT.key)
        good = HONEST.signer(message), NEXT.signer(message)
        again = HONEST.signer(other), NEXT.signer(other)
        for bad in (stranger, again[place], good[1 - place], bytes(64)):
            one, two = (bad, good[1]) if place == 0 else (good[0], bad)
            rotation = ledger.rotate(ORIGIN, 8, str(NEXT.key), (one, two))
            await self.refuses_to_rotate(ledger, "bad-signature", rotation)
        await rotate(ledger, 8)

    async def test_a_key_begins_beyond_the_head_and_beyond_the_last_one(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        for size in (0, 1, 5):
            await self.refuses_to_rotate(ledger, "wrong-size", rotate(ledger, size))
        await rotate(ledger, 8)
        for size in (6, 8):
            await self.refuses_to_rotate(ledger, "wrong-size", rotate(ledger, size, NEXT, THIRD))

    async def test_a_key_that_the_log_had_before_is_refused(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        await self.refuses_to_rotate(ledger, "other-key", rotate(ledger, 8, HONEST, HONEST))
        await rotate(ledger, 8)
        await self.refuses_to_rotate(ledger, "other-key", rotate(ledger, 9, NEXT, HONEST))
        await self.refuses_to_rotate(ledger, "other-key", rotate(ledger, 9))

    async def test_a_log_that_nobody_registered_has_no_key_to_rotate(self, tmp_path: Path) -> None:
        ledger = await self.make(tmp_path)
        await self.refuses_to_rotate(ledger, "unknown-origin", rotate(ledger, 1))

    @pytest.mark.parametrize(
        "key", ["", "not a key", str(SUMMIT.key), str(replace(NEXT.key, algorithm=Algorithm.COSIGNATURE))]
    )
    async def test_a_log_rotates_to_no_other_thing_than_a_key_of_its_own(self, tmp_path: Path, key: str) -> None:
        ledger = await self.make_with(tmp_path, 5)
        rotation = ledger.rotate(ORIGIN, 8, key, (bytes(64), bytes(64)))
        await self.refuses_to_rotate(ledger, "malformed", rotation)

    async def test_of_two_keys_at_once_one_takes_over_and_the_other_is_told(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        told = await asyncio.gather(
            *(rotate(ledger, 8, HONEST, new) for new in (NEXT, THIRD, NEXT, THIRD)), return_exceptions=True
        )
        refused = [isinstance(each, LedgerRejected) for each in told]
        assert refused in ([False, True] * 2, [True, False] * 2), told
        reasons = {each.parameters["reason"] for each in told if isinstance(each, LedgerRejected)}
        assert reasons == {"wrong-size"}
        winner = THIRD if refused[0] else NEXT
        assert await self.keys_of(ledger) == ranges((HONEST, 0, 8), (winner, 8, None))

    async def test_a_fork_is_refused_under_the_new_key_too(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        await rotate(ledger, 6)
        forked = replace(FORKED, seed=NEXT.seed)
        answers = await ledger.submit([forked.submission(8, 5), NEXT.submission(8, 5), forked.submission(8, 8)])
        assert [reason_of(answer) for answer in answers] == ["bad-proof", 8, "fork"]
