"""What every implementation of ports.pairs must do: one commitment for a pair's period, signed by both, for ever."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from adapters.outbound.ed25519 import Signer
from adapters.outbound.signatures import SIGNATURES
from core.log.errors import EvidenceInvalid
from core.log.evidence import check_settled
from core.log.pairs import Settled, Signed
from core.log.trust import LedgerTrust
from ports.pairs import LedgerRejected, Pairs
from shared.canonical import Json
from tests.contracts.ledger import ORIGIN, OTHER

MARCH, APRIL = "2026-03", "2026-04"
ORIGINS = (ORIGIN, OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePair:
    """A pair as its two clubs know it."""

    id: bytes = bytes([7]) * 32
    seeds: tuple[bytes, bytes] = (bytes([3]) * 32, bytes([4]) * 32)

    @property
    def keys(self) -> tuple[bytes, bytes]:
        one, other = self.seeds
        return Signer(one).key, Signer(other).key

    def signed(self, commitment: int = 8, period: str = MARCH) -> Signed:
        settled = Settled(pair=self.id, period=period, commitment=bytes([commitment]) * 32)
        one, other = [Signer(seed)(settled.message) for seed in self.seeds]
        return Signed(settled=settled, signatures=(one, other))


PAIR = SamplePair()
STRANGER = SamplePair(id=bytes([9]) * 32, seeds=(bytes([5]) * 32, bytes([6]) * 32))
ZERO = bytes(64)


def badly_signed() -> dict[str, Signed]:
    """Settlements of the pair that it did not sign."""
    good, (one, other) = PAIR.signed(), PAIR.signed().signatures
    return {
        "the first did not sign": replace(good, signatures=(ZERO, other)),
        "the second did not sign": replace(good, signatures=(one, ZERO)),
        "the signatures change places": replace(good, signatures=(other, one)),
        "one signed twice": replace(good, signatures=(one, one)),
        "another commitment was signed": replace(good, signatures=PAIR.signed(9).signatures),
        "another period was signed": replace(good, signatures=PAIR.signed(8, APRIL).signatures),
        "another pair signed": replace(good, signatures=replace(STRANGER, id=PAIR.id).signed().signatures),
    }


class PairsContract:
    """A backend brings `make`, `stop` and `trust`: made where another one was stopped, it is the same one restarted.

    The logs of ORIGINS are registered.
    """

    async def make(self, place: Path) -> Pairs:
        raise NotImplementedError

    async def stop(self, pairs: Pairs) -> None:
        raise NotImplementedError

    def trust(self) -> LedgerTrust:
        raise NotImplementedError

    async def made(self, place: Path, *pairs: SamplePair) -> Pairs:
        """With these pairs opened."""
        made = await self.make(place)
        for pair in pairs:
            await made.open(pair.id, pair.keys, ORIGINS)
        return made

    async def vouches(self, pairs: Pairs, settled: Settled) -> None:
        evidence = await pairs.evidence(settled)
        assert evidence is not None
        check_settled(cast("dict[str, Json]", evidence), settled, self.trust(), SIGNATURES)

    async def test_a_pair_is_opened_once_and_looked_at_by_whoever_opens_it_again(self, tmp_path: Path) -> None:
        pairs = await self.make(tmp_path)
        opened = await pairs.open(PAIR.id, PAIR.keys, ORIGINS)
        assert (opened.id, opened.keys, opened.settled) == (PAIR.id, PAIR.keys, 0)
        assert await pairs.open(PAIR.id, PAIR.keys, ORIGINS) == opened

    async def test_a_pair_under_other_keys_is_refused(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        one, other = PAIR.keys
        for keys in ((other, one), STRANGER.keys, (one, STRANGER.keys[1])):
            with pytest.raises(LedgerRejected) as refusal:
                await pairs.open(PAIR.id, keys, ORIGINS)
            assert refusal.value.parameters["reason"] == "other-pair"
        await pairs.settle(PAIR.signed())

    async def test_what_both_signed_is_held_with_evidence_that_verifies_offline(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        march, april = PAIR.signed(), PAIR.signed(9, APRIL)
        assert await pairs.settled(PAIR.id, MARCH) is None
        assert await pairs.evidence(march.settled) is None
        await pairs.settle(march)
        await pairs.settle(april)
        for signed in (march, april):
            assert await pairs.settled(PAIR.id, signed.settled.period) == signed.settled
            await self.vouches(pairs, signed.settled)
        assert (await pairs.open(PAIR.id, PAIR.keys, ORIGINS)).settled == 2
        assert await pairs.settled(STRANGER.id, MARCH) is None

    async def test_evidence_vouches_for_nothing_else(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        settled = PAIR.signed().settled
        await pairs.settle(PAIR.signed())
        evidence = cast("dict[str, Json]", await pairs.evidence(settled))
        for other in (
            PAIR.signed(9).settled,
            replace(settled, period=APRIL),
            replace(settled, pair=STRANGER.id),
        ):
            with pytest.raises(EvidenceInvalid):
                check_settled(evidence, other, self.trust(), SIGNATURES)

    @pytest.mark.parametrize("name", badly_signed())
    async def test_what_not_both_signed_is_refused_and_nothing_is_held(self, tmp_path: Path, name: str) -> None:
        pairs = await self.made(tmp_path, PAIR)
        assert await _refusal(pairs, badly_signed()[name]) == "bad-signature"
        assert await pairs.settled(PAIR.id, MARCH) is None
        await pairs.settle(PAIR.signed())

    async def test_a_pair_that_nobody_opened_settles_nothing(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        assert await _refusal(pairs, STRANGER.signed()) == "unknown-pair"

    async def test_settling_the_same_again_changes_nothing(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        for _again in range(3):
            await pairs.settle(PAIR.signed())
        assert (await pairs.open(PAIR.id, PAIR.keys, ORIGINS)).settled == 1

    async def test_another_commitment_for_a_settled_period_is_refused(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        await pairs.settle(PAIR.signed())
        assert await _refusal(pairs, PAIR.signed(9)) == "settled"
        assert await pairs.settled(PAIR.id, MARCH) == PAIR.signed().settled
        await self.vouches(pairs, PAIR.signed().settled)

    async def test_submitters_of_the_same_at_once_all_succeed(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        await asyncio.gather(*(pairs.settle(PAIR.signed()) for _submitter in range(6)))
        assert (await pairs.open(PAIR.id, PAIR.keys, ORIGINS)).settled == 1

    async def test_of_two_submitters_at_once_with_different_commitments_one_wins(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        rivals = [PAIR.signed(8), PAIR.signed(9)]
        answers = await asyncio.gather(*(_outcome(pairs, each) for each in rivals * 2))
        winner = rivals[answers.index(None)]
        assert answers == [None if each == winner else "settled" for each in rivals * 2]
        assert await pairs.settled(PAIR.id, MARCH) == winner.settled

    async def test_pairs_and_periods_do_not_disturb_each_other(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR, STRANGER)
        every = [each.signed(8, period) for each in (PAIR, STRANGER) for period in (MARCH, APRIL)]
        await asyncio.gather(*map(pairs.settle, every))
        assert [await pairs.settled(each.settled.pair, each.settled.period) for each in every] == [
            each.settled for each in every
        ]

    async def test_a_restart_forgets_nothing(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        await pairs.settle(PAIR.signed())
        await self.stop(pairs)
        pairs = await self.make(tmp_path)
        await self.vouches(pairs, PAIR.signed().settled)
        assert await _refusal(pairs, PAIR.signed(9)) == "settled"
        await pairs.settle(PAIR.signed())
        await pairs.settle(PAIR.signed(9, APRIL))
        assert (await pairs.open(PAIR.id, PAIR.keys, ORIGINS)).settled == 2


async def _outcome(pairs: Pairs, signed: Signed) -> str | None:
    try:
        await pairs.settle(signed)
    except LedgerRejected as refused:
        return str(refused.parameters["reason"])
    return None


async def _refusal(pairs: Pairs, signed: Signed) -> str:
    reason = await _outcome(pairs, signed)
    assert reason is not None
    return reason
