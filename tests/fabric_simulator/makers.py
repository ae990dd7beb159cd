"""Chaincode and clients for tests on simulated networks."""

from collections.abc import AsyncIterator, Callable

from adapters.inbound.chaincode.messages import ChaincodeMessage
from adapters.inbound.chaincode.session import Session
from adapters.inbound.chaincode.stub import Contract as ContractCode
from adapters.inbound.chaincode.witness.contract import Witness
from adapters.outbound.ed25519 import verify
from adapters.outbound.fabric.gateway.gateway import Contract, Gateway, Limits
from adapters.outbound.fabric.gateway.identity import Identity
from adapters.outbound.fabric.gateway.messages import Response
from shared.protowire import encode
from tests.fabric_simulator.assets import AssetsServer
from tests.fabric_simulator.chaincode_side import (
    Chaincode,
    Function,
    FunctionChaincode,
    StreamedChaincode,
    Stub,
    spoken,
)
from tests.fabric_simulator.identities import sign_with
from tests.fabric_simulator.network import MemoryNetwork
from tests.fabric_simulator.node import Now
from tests.support.networks import Member

PACKAGE_ID = "witness:1"


def streamed(version: str) -> Callable[[str], Chaincode]:
    """For each organisation the chaincode `assets`, over its stream, in this process."""

    def of(msp_id: str) -> Chaincode:
        server = AssetsServer(PACKAGE_ID, stranger=msp_id)
        return StreamedChaincode(spoken(server.run), PACKAGE_ID, batches=version.startswith("v3."))

    return of


def witness(version: str, code: ContractCode | None = None) -> Callable[[str], Chaincode]:
    """For each organisation our own contract behind our own shim, over its stream, in this process."""
    contract = code or Witness(verify)

    async def run(messages: AsyncIterator[bytes], say: Callable[[bytes], None]) -> None:
        async def send(message: ChaincodeMessage) -> None:
            say(encode(message))

        await Session(contract, PACKAGE_ID, send).run(messages)

    def of(_msp_id: str) -> Chaincode:
        return StreamedChaincode(spoken(run), PACKAGE_ID, batches=version.startswith("v3."))

    return of


def functions(function: Function) -> Callable[[str], Chaincode]:
    """The same function for each organisation."""
    return lambda _msp_id: FunctionChaincode(function)


async def assets(stub: Stub) -> Response:
    """The least of `assets` as a function: put, get, append, and count, which reads a range."""
    arguments = [argument.decode() for argument in stub.arguments]
    if stub.function == "get":
        return Response(status=200, payload=stub.get(arguments[0]))
    if stub.function in ("put", "append"):
        before = stub.get(arguments[0]) if stub.function == "append" else b""
        stub.put(arguments[0], before + arguments[1].encode())
        stub.announce("Put", arguments[1].encode())
        return Response(status=200)
    if stub.function == "count":
        found = stub.range(arguments[0], arguments[1])
        count = 0
        while found.next() is not None:
            count += 1
        stub.put(arguments[2], str(count).encode())
        return Response(status=200, payload=str(count).encode())
    return Response(status=500, message="there is no such function")


def contract_of(
    network: MemoryNetwork,
    *,
    peer: str = "org1.peer",
    member: Member | None = None,
    limits: Limits | None = None,
    now: Now | None = None,
) -> Contract:
    """In memory; the same proposal has the same signature always."""
    member = member or network.identity("Org1MSP")
    identity = Identity(msp_id=member.msp_id, certificate=member.certificate)
    sign = sign_with(member.private_key)
    gateway = Gateway(network.transport(peer), identity, sign, limits=limits, now=now or network.now)
    return gateway.contract(network.channel, network.chaincode)
