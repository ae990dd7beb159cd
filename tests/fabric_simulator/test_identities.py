"""Who is let in: chain, node OU, revocation, expiry, and the peer's or the orderer's own clock."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.outbound.fabric.gateway.errors import EndorseError, EvaluateError, Fault, GatewayError, SubmitError
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeEventsResponse,
    SeekPosition,
    SeekSpecified,
    SignedRequest,
)
from adapters.outbound.fabric.gateway.signables import events_question
from shared.protowire import decode, encode
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.makers import assets, contract_of, functions
from tests.fabric_simulator.network import ORDERER_MSP_ID, MemoryNetwork, Shape
from tests.support.networks import Member

AT_ONCE = Shape(limits=Limits(max_message_count=1))
DENIED = "error validating proposal: access denied: channel [concordat] creator org "
WRITERS = (
    "Failed evaluating policy on signed data during check policy on channel [concordat] with policy "
    "[/Channel/Application/Writers]: [implicit policy evaluation failed - 0 sub-policies were satisfied, but this "
    "policy requires 1 of the 'Writers' sub-policies to be satisfied]"
)


@pytest.fixture
async def network() -> AsyncIterator[MemoryNetwork]:
    async with MemoryNetwork(functions(assets), AT_ONCE) as network:
        yield network


def _made(network: MemoryNetwork, kind: str) -> Member:
    authority = network.authorities["Org1MSP"]
    match kind:
        case "revoked":
            member = authority.member("Org1MSP")
            authority.revoke(member)
            return member
        case "without a role" | "of two roles":
            return network.enroll("Org1MSP", () if kind == "without a role" else ("client", "peer"))
        case "of the orderer":
            return network.enroll(ORDERER_MSP_ID)
        case _:
            return network.enroll("Org1MSP", (kind,))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("revoked", f"{DENIED}[Org1MSP]"),
        ("without a role", f"{DENIED}[Org1MSP]"),
        ("of two roles", f"{DENIED}[Org1MSP]"),
        ("peer", WRITERS),
        ("orderer", WRITERS),
        ("of the orderer", WRITERS),
    ],
)
async def test_who_may_not_write_is_told_why(network: MemoryNetwork, kind: str, text: str) -> None:
    contract = contract_of(network, member=_made(network, kind))
    with pytest.raises(EvaluateError) as evaluated:
        await contract.evaluate("get", "a")
    assert evaluated.value.code == "FAILED_PRECONDITION"
    assert evaluated.value.message == f"evaluate call to endorser returned error: {text}"
    with pytest.raises(EndorseError) as endorsed:
        await contract.gateway.endorse(contract.propose("put", "a", "1"))
    assert (endorsed.value.code, endorsed.value.fault) == ("ABORTED", Fault.ACCESS_DENIED)
    assert [one.message for one in endorsed.value.details] == [text]


async def test_an_admin_may_write_and_a_peer_may_read(network: MemoryNetwork) -> None:
    await contract_of(network, member=_made(network, "admin")).submit("put", "a", "1")
    reader = contract_of(network, member=_made(network, "peer"))
    stream = reader.gateway.transport.stream("ChaincodeEvents", _events_from_the_beginning(reader))
    assert decode(ChaincodeEventsResponse, await anext(stream)).events[0].event_name == "Put"


def _events_from_the_beginning(contract: Contract) -> bytes:
    gateway = contract.gateway
    start = SeekPosition(specified=SeekSpecified(number=0))
    creator = gateway.identity.serialized
    question = gateway.signed(events_question(creator, contract.channel, contract.chaincode, start))
    return encode(SignedRequest(request=question.data, signature=question.signature))


async def test_an_expired_identity_proposes_nothing_but_may_ask(network: MemoryNetwork) -> None:
    expired = network.enroll("Org1MSP", lifetime=timedelta(minutes=-10))
    contract, other = contract_of(network, member=expired), contract_of(network)
    with pytest.raises(EvaluateError) as evaluated:
        await contract.evaluate("get", "a")
    assert (evaluated.value.code, evaluated.value.fault) == ("UNAVAILABLE", Fault.ACCESS_DENIED)
    assert [one.message for one in evaluated.value.details] == [
        "proposal client identity expired",
        "rpc error: code = Unknown desc = proposal client identity expired",
    ]
    with pytest.raises(EndorseError) as endorsed:
        await contract.gateway.endorse(contract.propose("put", "a", "1"))
    assert endorsed.value.code == "ABORTED"
    transaction = other.gateway.signed(await other.gateway.endorse(other.propose("put", "a", "1")))
    await other.gateway.submit(transaction)
    assert (await contract.gateway.committed(transaction)).valid


async def test_an_identity_that_expires_meanwhile_is_refused_by_the_orderer(network: MemoryNetwork) -> None:
    soon = network.authorities["Org1MSP"].member("Org1MSP", lifetime=timedelta(hours=1))
    contract = contract_of(network, member=soon)
    transaction = await contract.gateway.endorse(contract.propose("put", "a", "1"))
    network.skew("orderer", 7200)
    with pytest.raises(SubmitError) as submitted:
        await contract.gateway.submit(transaction)
    assert (submitted.value.code, submitted.value.message) == (
        "ABORTED",
        "received unsuccessful response from orderer: status=BAD_REQUEST, info=broadcast client identity expired",
    )


@pytest.mark.parametrize("seconds", [-1000, 1000])
async def test_a_peer_whose_clock_is_off_refuses_what_others_take(network: MemoryNetwork, seconds: int) -> None:
    network.skew("org1.peer", seconds)
    with pytest.raises(GatewayError) as raised:
        await contract_of(network).submit("put", "a", "1")
    assert raised.value.fault is Fault.CLOCK_SKEW
    await contract_of(network, peer="org2.peer").evaluate("get", "a")
