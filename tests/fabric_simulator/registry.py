"""Which peers a Gateway knows, and what became of a proposal that it sent to one of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.outbound.fabric.gateway.errors import Detail
from adapters.outbound.fabric.gateway.messages import Response, SignedProposal
from tests.fabric_simulator.channel import Channel
from tests.fabric_simulator.endorser import Answer, Refused
from tests.fabric_simulator.node import Unreachable
from tests.fabric_simulator.peer import Peer

REMOTE_SECONDS = 10.0
"""How long another peer's answer is waited for (peer.gateway.endorsementTimeout)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No endorsement, and whether another peer is worth asking."""

    code: str
    detail: Detail
    retry: bool

    @property
    def message(self) -> str:
        return self.detail.message


@dataclass(frozen=True, slots=True)
class Registry:
    """A Gateway's own peer, and the others as gossip still reports them."""

    local: Peer
    peers: Sequence[Peer]
    channel: Channel

    def members(self, channel: str) -> list[Peer]:
        """Whoever was heard of not long ago."""
        if channel != self.channel.name:
            return []
        now = asyncio.get_running_loop().time()
        return [peer for peer in self.peers if peer is self.local or self._heard_of(peer, now)]

    def endorsers(self, channel: str, chaincode: str) -> list[Peer]:
        """Those with the chaincode: the own first, then by height."""
        found = self.members(channel) if chaincode == self.channel.chaincode else []
        return sorted(found, key=lambda peer: (peer is not self.local, -peer.replica.ledger.height))

    async def ask(self, peer: Peer, proposal: SignedProposal) -> Answer | Failed:
        """One peer's answer, as a Gateway understands it."""
        try:
            if peer is self.local:
                answer = await peer.endorser.process(proposal, from_own_gateway=True)
            else:
                answer = await asyncio.wait_for(peer.run(peer.endorser.process(proposal)), REMOTE_SECONDS)
        except Refused as refused:
            if peer is self.local and refused.answered:
                return self._failed(peer, "FAILED_PRECONDITION", str(refused))
            remote = "" if peer is self.local else "rpc error: code = Unknown desc = "
            return self._failed(peer, "UNAVAILABLE", f"{remote}{refused}", retry=True)
        except Unreachable:
            return self._failed(peer, "UNAVAILABLE", refused_connection(peer.address), retry=True)
        except TimeoutError:
            text = "rpc error: code = DeadlineExceeded desc = context deadline exceeded"
            return self._failed(peer, "UNAVAILABLE", text, retry=True)
        return self._judged(peer, answer)

    def _judged(self, peer: Peer, answer: Answer) -> Answer | Failed:
        response = answer.response
        if 200 <= response.status < 400:
            return answer
        if answer.payload is None and response.status == 500:
            return self._failed(peer, "ABORTED", response.message, retry=True)
        return self._failed(peer, "UNKNOWN", chaincode_response(response))

    def _failed(self, peer: Peer, code: str, text: str, *, retry: bool = False) -> Failed:
        detail = Detail(address=peer.address, msp_id=peer.msp_id, message=text)
        return Failed(code=code, detail=detail, retry=retry)

    def _heard_of(self, peer: Peer, now: float) -> bool:
        return peer.silent_since is None or now - peer.silent_since < self.channel.limits.gossip_expiry_seconds


def chaincode_response(response: Response) -> str:
    """How the chaincode's own refusal reads."""
    return f"chaincode response {response.status}, {response.message}"


def refused_connection(address: str) -> str:
    """How Go's gRPC says that nobody listens."""
    return (
        'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: '
        f'dial tcp {address}: connect: connection refused"'
    )
