"""What can go wrong in a simulated network, by the names of nodes: `orderer`, `org1.peer`, `org1.chaincode`."""

from collections.abc import Sequence

from tests.fabric_simulator.endorser import Tamper
from tests.fabric_simulator.node import Node
from tests.fabric_simulator.orderer import Orderer
from tests.fabric_simulator.peer import Peer


class Faults:
    """Each takes effect before it returns, and may be asked for again."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = {node.name: node for node in nodes}

    async def kill(self, name: str) -> None:
        """Whatever was not in a block, or not answered, is lost."""
        if self._nodes[name].alive:
            await self._nodes[name].kill()

    async def restart(self, name: str) -> None:
        """Goes on with the blocks and the state that it had."""
        if not self._nodes[name].alive:
            self._nodes[name].revive()

    async def freeze(self, name: str) -> None:
        """Answers nothing; of what callers give up meanwhile, some is lost and some is not."""
        self._nodes[name].freeze()

    async def thaw(self, name: str) -> None:
        self._nodes[name].thaw()

    def lose_acknowledged(self) -> None:
        """From now on the orderer acknowledges and keeps nothing; its next restart ends that."""
        node = self._nodes["orderer"]
        assert isinstance(node, Orderer)
        node.forgetful = True

    def lag(self, name: str) -> None:
        """The peer commits nothing more, and answers from what it has."""
        self._peer(name).lag()

    def catch_up(self, name: str) -> None:
        self._peer(name).catch_up()

    def skew(self, name: str, seconds: float) -> None:
        """The node's clock is so much ahead."""
        self._nodes[name].skew_seconds = seconds

    def lie(self, name: str, tamper: Tamper | None) -> None:
        """The peer changes what its chaincode did, and signs it; None makes it honest."""
        self._peer(name).endorser.tamper = tamper

    async def cut_streams(self, name: str) -> None:
        """Streams of events that come from this peer break off."""
        await self._nodes[name].cut_streams()

    def _peer(self, name: str) -> Peer:
        node = self._nodes[name]
        assert isinstance(node, Peer)
        return node
