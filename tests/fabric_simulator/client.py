"""Whoever plays the scenario: a client of both organisations, and strangers with identities that are not good."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from time import time_ns
from typing import Any

from adapters.outbound.fabric.gateway.errors import CommitError
from adapters.outbound.fabric.gateway.events import Checkpoint
from adapters.outbound.fabric.gateway.gateway import Committed, Contract, Gateway, Limits
from adapters.outbound.fabric.gateway.identity import Identity, signer
from adapters.outbound.fabric.gateway.messages import SignedRequest
from adapters.outbound.fabric.gateway.signables import Endorsed, Signable
from adapters.outbound.fabric.gateway.transport import Peer
from tests.fabric_simulator.identities import Authority
from tests.fabric_simulator.observing import Mask, seen, transaction
from tests.support.networks import Member, Network

FIRST, SECOND = "Org1MSP", "Org2MSP"
PATIENCE = Limits(evaluate_seconds=20, endorse_seconds=30, submit_seconds=3, commit_seconds=3)

Steps = dict[str, Any]


@dataclass(slots=True)
class Client:
    """Whoever plays the scenario, at both organisations' peers."""

    network: Network
    mask: Mask
    first: Contract
    second: Contract
    strangers: Mapping[str, Contract]
    late: Contract

    @contextmanager
    def within(self, limits: Limits) -> Iterator[None]:
        """For what never comes: it is waited for not as long as what does."""
        gateway = self.first.gateway
        patient = gateway.limits
        gateway.limits = limits
        try:
            yield
        finally:
            gateway.limits = patient

    async def see(self, call: Awaitable[Any]) -> Any:
        return await seen(self.mask, call)

    async def endorse(self, function: str, *arguments: str, organizations: tuple[str, ...] = ()) -> Endorsed:
        """Signed."""
        gateway = self.first.gateway
        proposal = self.first.propose(function, *arguments, organizations=organizations)
        return gateway.signed(await gateway.endorse(proposal))

    async def endorsing(self, contract: Contract, function: str, *arguments: str, to: tuple[str, ...] = ()) -> Any:
        """What endorsing comes to."""
        proposal = contract.propose(function, *arguments, organizations=to)

        async def endorsed() -> Any:
            return transaction(self.mask, (await contract.gateway.endorse(proposal)).data)

        return await self.see(endorsed())

    async def submit(self, function: str, *arguments: str) -> bytes:
        """As Contract.submit does, and until the other peer has it too."""
        transaction = await self.endorse(function, *arguments)
        committed = await self._committed(transaction)
        if not committed.valid:
            raise CommitError(committed.transaction_id, committed.code, committed.block_number)
        return transaction.response.payload

    async def commit(self, transaction: Endorsed) -> Any:
        """What submitting comes to, and then the commit."""
        return await self.see(self._committed(transaction))

    async def _committed(self, transaction: Endorsed) -> Committed:
        await self.first.gateway.submit(transaction)
        committed = await self.first.gateway.committed(transaction)
        await self.second.gateway.committed(transaction)
        return committed

    def signed_request(self, request: bytes) -> SignedRequest:
        """A question, signed by the client."""
        signature = self.first.gateway.signed(Signable(channel="", transaction_id="", data=request)).signature
        return SignedRequest(request=request, signature=signature)

    def forged(self, endorsed: Endorsed, change: Callable[[bytes], bytes]) -> Endorsed:
        """With other bytes, signed by the client."""
        return self.first.gateway.signed(replace(endorsed, data=change(endorsed.data), signature=b""))


async def client_of(network: Network, stack: AsyncExitStack) -> Client:
    async def contract(place: int, member: Member, **more: Any) -> Contract:
        peer = network.peers[place]
        identity = Identity(msp_id=member.msp_id, certificate=member.certificate)
        peers = [Peer(address=peer.address, roots=peer.roots)]
        sign = signer(member.private_key)
        gateway = await stack.enter_async_context(Gateway.connect(peers, identity, sign, limits=PATIENCE))
        gateway.now = more.get("now", gateway.now)
        return gateway.contract(network.channel, network.chaincode)

    own, other = network.identity(FIRST), network.identity(SECOND)
    foreign = Authority("stranger", Random(1), datetime.now(UTC)).member(FIRST)
    strangers = {
        "another authority": foreign,
        "no organisation": replace(own, msp_id="NobodyMSP"),
        "another organisation's certificate": replace(
            own, certificate=other.certificate, private_key=other.private_key
        ),
        "no certificate": replace(own, certificate=b"nothing"),
        "another's key": replace(own, private_key=other.private_key),
        "no role": network.enroll(FIRST, ()),
        "two roles": network.enroll(FIRST, ("client", "peer")),
        "a peer": network.enroll(FIRST, ("peer",)),
        "an orderer": network.enroll(FIRST, ("orderer",)),
        "an admin": network.enroll(FIRST, ("admin",)),
        "expired": network.enroll(FIRST, lifetime=timedelta(minutes=-10)),
    }
    return Client(
        network=network,
        mask=Mask({peer.address.rpartition(":")[2]: peer.name for peer in network.peers}),
        first=await contract(0, own),
        second=await contract(1, other),
        strangers={name: await contract(0, member) for name, member in strangers.items()},
        late=await contract(0, own, now=lambda: time_ns() - 16 * 60 * 1_000_000_000),
    )


async def first_event(contract: Contract, start: Checkpoint | None = None) -> Any:
    async for event in contract.events(start):
        return [event.name, event.payload.decode(), event.block_number]
    raise AssertionError("a stream ends with an error")
