"""The ledger on Fabric keeps the promises of a ledger, on simulated networks and on real ones."""

from pathlib import Path

import pytest

from adapters.outbound.fabric.ledger import FabricLedger
from ports.ledger import Ledger
from tests.contracts.ledger import LedgerContract
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import Ledgers


class TestFabricLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    def on(self, ledgers: Ledgers) -> None:
        """The network, and what the database would keep over a restart."""
        self._ledgers, self._attempts = ledgers, MemoryAttempts()

    async def make(self, _place: Path) -> FabricLedger:
        return await self._ledgers.make(self._attempts)

    async def stop(self, ledger: Ledger) -> None:
        assert isinstance(ledger, FabricLedger)
        await self._ledgers.stack.aclose()
