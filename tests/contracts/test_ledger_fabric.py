"""The ledger on Fabric keeps the promises of a ledger, on simulated networks and on real ones."""

from pathlib import Path

import pytest

from adapters.outbound.fabric.ledger import FabricLedger
from ports.attempts import Attempt
from ports.ledger import Anchored, Ledger
from tests.contracts.ledger import FORKED, HONEST, ORIGIN, LedgerContract
from tests.contracts.rotations import NEXT, Rotations, ranges, rotate
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import Ledgers
from tests.support.networks import Network
from tests.unit.chaincode.calls import report


class TestFabricLedger(Rotations, LedgerContract):
    @pytest.fixture(autouse=True)
    def on(self, ledgers: Ledgers) -> None:
        """The network, and what the database would keep over a restart."""
        self._ledgers, self._attempts = ledgers, MemoryAttempts()

    async def make(self, _place: Path) -> FabricLedger:
        return await self._ledgers.make(self._attempts)

    async def stop(self, ledger: Ledger) -> None:
        assert isinstance(ledger, FabricLedger)
        await self._ledgers.stack.aclose()

    async def test_only_the_organisation_that_registered_a_log_rotates_its_key(
        self, tmp_path: Path, network: Network
    ) -> None:
        ledger = await self.make_with(tmp_path, 5)
        stranger = network.identity(network.peers[1].msp_id)
        others = await self._ledgers.make(MemoryAttempts(), await self._ledgers.gateway(stranger))
        await self.refuses_to_rotate(others, "not-allowed", rotate(others, 8))
        await rotate(ledger, 8)
        assert await self.keys_of(others) == ranges((HONEST, 0, 8), (NEXT, 8, None))

    async def test_the_key_of_a_log_that_forked_is_not_exchanged(self, tmp_path: Path, network: Network) -> None:
        ledger = await self.make_with(tmp_path, 5)
        contract = (await self._ledgers.gateway()).contract(network.channel, network.chaincode)
        await contract.submit(*report(HONEST, 5, FORKED, 8))
        await self.refuses_to_rotate(ledger, "frozen", rotate(ledger, 8))

    @pytest.mark.parametrize("step", ["keep", "settle"])
    async def test_a_rotation_that_was_cut_off_at_a_step_is_one_transaction_all_the_same(
        self, tmp_path: Path, step: str
    ) -> None:
        ledger, dying = await self.make_with(tmp_path, 5), MortalAttempts(step)
        with pytest.raises(Died):
            await rotate(await self._ledgers.make(dying), 8)
        left = MemoryAttempts(dict(dying.kept))
        await rotate(await self._ledgers.make(left), 8)
        assert await self.keys_of(ledger) == ranges((HONEST, 0, 8), (NEXT, 8, None))
        assert await ledger.submit([NEXT.submission(9, 5)]) == [Anchored(origin=ORIGIN, size=9)]
        (attempt,) = left.kept.values()
        assert (attempt.number, attempt.outcome) == (0, 0)


class Died(Exception):
    """The process ended here."""


class MortalAttempts(MemoryAttempts):
    """Does the step, and what comes after it never happens."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    async def keep(self, attempt: Attempt) -> Attempt:
        kept = await super().keep(attempt)
        self._die("keep")
        return kept

    async def settle(self, attempt: Attempt, outcome: int) -> None:
        self._die("settle")
        await super().settle(attempt, outcome)

    def _die(self, step: str) -> None:
        if step == self._step:
            raise Died(step)
