"""A real Fabric network for tests, on loopback in a temporary folder, with the tiny chaincode of these tests.

Where Fabric's programs are found: see tests/support/fabric_programs.py.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.outbound.fabric.gateway.gateway import Contract
from concordat.fabric import processes
from concordat.fabric.chaincode import ServeChaincode
from concordat.fabric.channel import define_chaincode
from concordat.fabric.network import Network, make, stop
from concordat.fabric.plan import Organisation, Wish
from concordat.fabric.programs import KNOWN, find_programs
from concordat.fabric.readiness import client_of, wait_until_endorsing
from tests.support import engines
from tests.support.fabric_programs import named
from tests.support.processes import bound_to_us

ONE = Wish(organisations=1, max_messages=1)
"""One organisation, and a block for every transaction: it commits in a few milliseconds."""

_CHAINCODE = Path(__file__).with_name("tiny_chaincode.py")


def tiny_chaincode(address: str, package_id: str) -> list[str]:
    """The command that serves put, get and fail."""
    return [sys.executable, "-P", str(_CHAINCODE), address, package_id]


class FabricNetwork:
    """One network; a context manager that leaves neither process nor file behind, however the tests end.

    It starts outside any event loop. Its processes are called orderer, org1.peer, org1.chaincode and so on, and are
    signalled by these names.
    """

    def __init__(self, version: str = KNOWN[0], wish: Wish = ONE, *, serve: ServeChaincode = tiny_chaincode) -> None:
        self._programs = find_programs(named(), version)
        self._wish = wish
        self._serve = serve
        parent = os.environ.get("TMPDIR", "/var/tmp")
        self.folder = Path(tempfile.mkdtemp(prefix="concordat-fabric-", dir=parent))
        self._network: Network | None = None
        self.start_seconds = 0.0
        """From nothing to the first endorsement."""

    @property
    def network(self) -> Network:
        if self._network is None:
            raise RuntimeError("the network was not started")
        return self._network

    @property
    def organisations(self) -> tuple[Organisation, ...]:
        return self.network.plan.organisations

    def client(self, organisation: int = 1) -> AbstractAsyncContextManager[Contract]:
        """The chaincode through that organisation's peer, by its client; for the running loop."""
        return client_of(self.organisations[organisation - 1])

    def start(self) -> None:
        begun = time.monotonic()
        bound = bound_to_us([], signal.SIGKILL)
        self._network = make(self.folder, self._wish, self._programs, _unheard, serve=self._serve, prefix=bound)
        self.start_seconds = time.monotonic() - begun
        engines.ran("fabric", f"real {self._programs.version}")

    def define(self, name: str) -> None:
        """The same chaincode under another name: a ledger with nothing on it."""
        define_chaincode(self.network.plan, self._programs, name)

    def kill(self, name: str) -> None:
        """SIGKILL; returns when it is gone."""
        node = self.network.node(name)
        processes.send(node, signal.SIGKILL)
        while node.alive:
            time.sleep(0.01)

    def freeze(self, name: str) -> None:
        """SIGSTOP: its connections stay open, and nobody answers on them."""
        processes.send(self.network.node(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        processes.send(self.network.node(name), signal.SIGCONT)

    def restart(self, name: str) -> None:
        """Again on the same address and ledger, after SIGTERM if it lives; returns when it says that it serves."""
        old = self.network.node(name)
        processes.end([old])
        new = processes.begin(old)
        nodes = tuple(new if node is old else node for node in self.network.nodes)
        self._network = replace(self.network, nodes=nodes)
        processes.wait_until_ready([new])

    async def wait_until_endorsing(self) -> None:
        """After restarts: peers need a moment to know each other again."""
        await wait_until_endorsing(self.network.plan, self.network.nodes)

    def close(self) -> None:
        """Stop and remove the folder."""
        try:
            if self._network is not None:
                stop(self._network)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unheard(_step: str) -> None:
    """Tests do not read along."""
