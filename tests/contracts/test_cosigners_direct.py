"""The witnesses of tests, which stand in for a network, keep the promises of cosigners."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.log.cosigner import Cosigner
from ports.cosigners import Cosigners
from tests.contracts.cosigners import CosignersContract
from tests.support.witnesses import URL, DirectCosigners


class TestDirectCosigners(CosignersContract):
    @asynccontextmanager
    async def make(self, witness: Cosigner) -> AsyncIterator[tuple[Cosigners, str]]:
        url = URL.format("peak")
        yield DirectCosigners({url: witness, f"{url}/": witness}), url
