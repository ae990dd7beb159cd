"""A chaincode's definition on a channel: approved by every organisation, then committed, by their administrators.

Numbers as in hyperledger/fabric-protos, peer/lifecycle/lifecycle.proto. What a definition leaves out is the channel's
default: a majority of the organisations endorses.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated

from adapters.outbound.fabric.gateway.errors import CommitError, EndorseError, GatewayError
from adapters.outbound.fabric.gateway.events import PASSING
from adapters.outbound.fabric.gateway.gateway import Gateway
from adapters.outbound.fabric.gateway.signables import Endorsed, Proposal
from concordat.fabric.chaincode import package, package_id
from concordat.fabric.plan import CHANNEL, Plan
from concordat.fabric.processes import READY_WITHIN_SECONDS
from concordat.fabric.readiness import gateway_of
from concordat.failures import Failure
from shared.protowire import encode

LIFECYCLE = "_lifecycle"
_POLL_SECONDS = 0.05
_APPROVE, _COMMIT = "ApproveChaincodeDefinitionForMyOrg", "CommitChaincodeDefinition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A package that is installed at the organisation's peers."""

    package_id: Annotated[str, 1] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeSource:
    """Where an organisation has the chaincode from."""

    local_package: Annotated[Local | None, 2] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitChaincodeDefinitionArgs:
    """What everybody has approved."""

    sequence: Annotated[int, 1] = 1
    name: Annotated[str, 2] = ""
    version: Annotated[str, 3] = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveChaincodeDefinitionForMyOrgArgs(CommitChaincodeDefinitionArgs):
    """The same, and what this organisation runs for it."""

    source: Annotated[ChaincodeSource | None, 9] = None


async def define(plan: Plan, name: str) -> None:
    """Each name has a state of its own. Raises Failure with the peer's own words."""
    everyone = [one.msp_id for one in plan.organisations]
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(gateway_of(one, "admin")) for one in plan.organisations]
        for one, gateway in zip(plan.organisations, gateways, strict=True):
            source = ChaincodeSource(local_package=Local(package_id=package_id(package(one.chaincode))))
            approval = ApproveChaincodeDefinitionForMyOrgArgs(name=name, source=source)
            await _written(gateway, gateways, _APPROVE, encode(approval), [one.msp_id])
        await _written(gateways[0], gateways, _COMMIT, encode(CommitChaincodeDefinitionArgs(name=name)), everyone)


async def _written(
    gateway: Gateway, everywhere: Sequence[Gateway], function: str, arguments: bytes, organizations: Sequence[str]
) -> None:
    """Endorsed by these, and committed at every peer."""
    proposal = gateway.contract(CHANNEL, LIFECYCLE).propose(function, arguments, organizations=organizations)
    try:
        transaction = gateway.signed(await _endorsed(gateway, proposal))
        await gateway.submit(transaction)
        for each in everywhere:
            committed = await each.committed(transaction)
            if not committed.valid:
                raise CommitError(committed.transaction_id, committed.code, committed.block_number)
    except (GatewayError, CommitError) as error:
        raise Failure(f"{function} failed: {error}") from None


async def _endorsed(gateway: Gateway, proposal: Proposal) -> Endorsed:
    """Peers that have just joined do not know each other yet."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        try:
            return await gateway.endorse(proposal)
        except EndorseError as error:
            if error.fault not in PASSING or time.monotonic() > deadline:
                raise
        await asyncio.sleep(_POLL_SECONDS)
