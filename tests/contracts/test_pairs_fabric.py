"""Settlements on Fabric, on simulated networks and real ones: the suite, and what organisations have to do with it."""

from pathlib import Path

import pytest

from adapters.outbound.fabric.pairs import FabricPairs
from core.log.trust import LedgerTrust
from ports.pairs import LedgerRejected, Pairs
from tests.contracts.ledger import HONEST, ORIGIN, SUMMIT
from tests.contracts.pairs import ORIGINS, PAIR, PairsContract
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import Ledgers

ENDORSEMENT_POLICY_FAILURE = 10


class TestFabricPairs(PairsContract):
    """The second club's log was registered by the second organisation, so that both have to endorse."""

    @pytest.fixture(autouse=True)
    def on(self, ledgers: Ledgers) -> None:
        self._ledgers, self._attempts = ledgers, MemoryAttempts()

    async def make(self, _place: Path) -> FabricPairs:
        await self._ledgers.register(ORIGIN, str(HONEST.key))
        await self._ledgers.register(SUMMIT.origin, str(SUMMIT.key), organisation=2)
        return FabricPairs(await self._ledgers.make(self._attempts))

    async def stop(self, pairs: Pairs) -> None:
        assert isinstance(pairs, FabricPairs)
        await self._ledgers.stack.aclose()

    def trust(self) -> LedgerTrust:
        return self._ledgers.trust

    async def test_the_pair_needs_the_organisations_that_registered_the_logs(self, tmp_path: Path) -> None:
        pairs = await self.make(tmp_path)
        one, other = (peer.msp_id for peer in self._ledgers.network.peers)
        assert (await pairs.open(PAIR.id, PAIR.keys, ORIGINS)).organisations == (one, other)

    async def test_a_pair_of_one_organisation_says_so(self, tmp_path: Path) -> None:
        pairs = await self.make(tmp_path)
        own = self._ledgers.network.peers[0].msp_id
        opened = await pairs.open(PAIR.id, PAIR.keys, (ORIGIN, ORIGIN))
        assert opened.organisations == (own, own)
        await pairs.settle(PAIR.signed())
        await self.vouches(pairs, PAIR.signed().settled)

    async def test_a_pair_of_which_neither_organisation_is_ours_is_not_ours_to_open(self, tmp_path: Path) -> None:
        pairs = await self.make(tmp_path)
        with pytest.raises(LedgerRejected) as refusal:
            await pairs.open(PAIR.id, PAIR.keys, (SUMMIT.origin, SUMMIT.origin))
        assert refusal.value.parameters["reason"] == "not-allowed"

    async def test_a_log_that_nobody_registered_belongs_to_no_organisation(self, tmp_path: Path) -> None:
        pairs = await self.make(tmp_path)
        with pytest.raises(LedgerRejected) as refusal:
            await pairs.open(PAIR.id, PAIR.keys, (ORIGIN, "concordat.test/nobody/1"))
        assert refusal.value.parameters["reason"] == "unknown-origin"

    async def test_a_settlement_that_one_organisation_alone_endorsed_is_void(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        assert await self._ledgers.settled_by_first_alone(PAIR.signed()) == ENDORSEMENT_POLICY_FAILURE
        assert await pairs.settled(PAIR.id, "2026-03") is None
        await pairs.settle(PAIR.signed())
