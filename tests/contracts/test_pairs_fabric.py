"""Settlements on Fabric, on simulated networks and real ones: the suite, and what organisations have to do with it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.outbound.fabric.gateway.transport import Transport
from adapters.outbound.fabric.pairs import FabricPairs
from core.log.trust import LedgerTrust
from ports.pairs import LedgerRejected, Pairs
from tests.contracts.ledger import HONEST, ORIGIN, SUMMIT, SampleLog
from tests.contracts.pairs import ORIGINS, PAIR, STRANGER, PairsContract
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import Ledgers

ENDORSEMENT_POLICY_FAILURE = 10
MEADOW = SampleLog(origin="concordat.test/meadow/1", seed=bytes([2]) * 32)


@dataclass(slots=True)
class Overheard:
    """Implements Transport; keeps what the gateway peer is asked, as whoever runs it could."""

    transport: Transport
    asked: list[bytes] = field(default_factory=list)

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        self.asked.append(request)
        return await self.transport.call(method, request, timeout_seconds=timeout_seconds)

    def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        return self.transport.stream(method, request)

    async def close(self) -> None:
        await self.transport.close()


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

    async def test_aud7_a_gateway_peer_is_not_asked_for_the_logs_of_the_pair_alone(self, tmp_path: Path) -> None:
        await self.make(tmp_path)
        await self._ledgers.register(MEADOW.origin, str(MEADOW.key))
        gateway = await self._ledgers.gateway()
        gateway.transport = overheard = Overheard(gateway.transport)
        pairs = FabricPairs(await self._ledgers.make(self._attempts, gateway))
        await pairs.open(PAIR.id, PAIR.keys, ORIGINS)
        await pairs.open(STRANGER.id, STRANGER.keys, ORIGINS)
        every = (*ORIGINS, MEADOW.origin)
        about = [request for request in overheard.asked if b"Owner" in request]
        assert [sum(origin.encode() in request for request in about) for origin in every] == [1, 1, 1]

    async def test_a_settlement_that_one_organisation_alone_endorsed_is_void(self, tmp_path: Path) -> None:
        pairs = await self.made(tmp_path, PAIR)
        assert await self._ledgers.settled_by_first_alone(PAIR.signed()) == ENDORSEMENT_POLICY_FAILURE
        assert await pairs.settled(PAIR.id, "2026-03") is None
        await pairs.settle(PAIR.signed())
