"""Whether a network endorses: asked of every organisation's peer, for all organisations, through the Gateway."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from adapters.outbound.fabric.gateway.errors import EndorseError, Fault
from adapters.outbound.fabric.gateway.gateway import Contract, Gateway
from adapters.outbound.fabric.gateway.identity import Identity, signer
from adapters.outbound.fabric.gateway.transport import Peer
from concordat.fabric.plan import CHAINCODE, CHANNEL, Organisation, Plan
from concordat.fabric.processes import READY_WITHIN_SECONDS, Node, require_alive
from concordat.failures import Failure

ASKED = "Concordat asks whether anybody is there"
"""A function that no chaincode has: its refusal shows that it was reached, and changes nothing."""

_POLL_SECONDS = 0.05
_REACHED, _NOT_REACHED = "chaincode response ", "could not launch chaincode "


async def wait_until_endorsing(plan: Plan, nodes: Sequence[Node], chaincode: str = CHAINCODE) -> None:
    """Returns when, asked through any peer, every organisation endorses; raises Failure.

    A chaincode that runs elsewhere need not be there yet: it is enough that each peer looked for it.
    """
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    for organisation in plan.organisations:
        async with gateway_of(organisation, "client") as gateway:
            contract = gateway.contract(CHANNEL, chaincode)
            while missing := await _missing(plan, contract):
                require_alive(nodes)
                if time.monotonic() > deadline:
                    raise Failure(f"The network is not ready after {READY_WITHIN_SECONDS:g} s: {missing}")
                await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def client_of(organisation: Organisation) -> AsyncIterator[Contract]:
    """The chaincode, called by the organisation's client through its peer."""
    async with gateway_of(organisation, "client") as gateway:
        yield gateway.contract(CHANNEL, CHAINCODE)


@asynccontextmanager
async def gateway_of(organisation: Organisation, member: str) -> AsyncIterator[Gateway]:
    """The organisation's peer, for one of its members: `client` or `admin`."""
    msp = organisation.folder / member / "msp"
    certificate, key = (msp / name for name in ("signcerts/certificate.pem", "keystore/key.pem"))
    identity = Identity(msp_id=organisation.msp_id, certificate=certificate.read_bytes())
    peer = Peer(address=organisation.peer, roots=(organisation.folder / "tls-ca.pem").read_bytes())
    async with Gateway.connect([peer], identity, signer(key.read_bytes())) as gateway:
        yield gateway


async def _missing(plan: Plan, contract: Contract) -> str:
    """What it came to when not every organisation's peer answered; empty when they all did."""
    enough = (_REACHED, _NOT_REACHED) if plan.wish.chaincode else (_REACHED,)
    everyone = {one.msp_id for one in plan.organisations}
    try:
        await contract.gateway.endorse(contract.propose(ASKED, organizations=sorted(everyone)))
    except EndorseError as error:
        answered = {one.msp_id for one in error.details if any(text in one.message for text in enough)}
        if answered != everyone:
            return f"{error}."
    return await _missing_for_the_policy(contract)


async def _missing_for_the_policy(contract: Contract) -> str:
    """Whom nobody names is found by what peers tell each other, which may be a moment behind."""
    try:
        await contract.gateway.endorse(contract.propose(ASKED))
    except EndorseError as error:
        return f"{error}." if error.fault is Fault.NOT_READY and not error.details else ""
    return ""
