"""Policies over identities, Merkle summaries of long ranges, and what a block's order does to its transactions."""

from dataclasses import replace

import pytest

from adapters.outbound.fabric.gateway.errors import EndorseError
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.messages import Response
from adapters.outbound.fabric.gateway.signables import Endorsed
from shared.protowire import encode
from tests.fabric_simulator.chaincode_side import Stub
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.identities import Known
from tests.fabric_simulator.makers import assets, contract_of, functions
from tests.fabric_simulator.messages import KVRead, MSPPrincipal, NOutOf, SignaturePolicy, Version
from tests.fabric_simulator.network import MemoryNetwork, Shape
from tests.fabric_simulator.policies import (
    MEMBER,
    VALIDATION_PARAMETER,
    UndecodablePolicy,
    all_of,
    minimal_sets,
    out_of,
    policy_of,
    satisfied,
)
from tests.fabric_simulator.rwset import summarised


def _peer(msp_id: str, role: str = "peer") -> Known:
    return Known(msp_id=msp_id, role=role, pem=msp_id.encode())


A, B, C = _peer("A"), _peer("B"), _peer("C")


def test_k_out_of_n_counts_each_identity_once() -> None:
    policy = out_of(2, ["A", "B", "C"])
    assert satisfied(policy, [A, B])
    assert not satisfied(policy, [A, A])
    assert not satisfied(policy, [A])
    assert not satisfied(policy, [A, _peer("B", "client")])
    assert satisfied(out_of(2, ["A", "B"], MEMBER), [A, _peer("B", "client")])


def test_a_rule_that_names_nobody_is_never_satisfied() -> None:
    policy = out_of(1, ["A"])
    assert not satisfied(replace(policy, rule=SignaturePolicy(signed_by=7)), [A])
    assert not satisfied(replace(policy, rule=None), [A])
    assert not satisfied(replace(policy, identities=(MSPPrincipal(principal_classification=1),)), [A])
    assert not satisfied(replace(policy, identities=(MSPPrincipal(principal=b"\xff"),)), [A])


def test_rules_can_hold_rules() -> None:
    nobody_else = SignaturePolicy(
        n_out_of=NOutOf(n=1, rules=(SignaturePolicy(signed_by=1), SignaturePolicy(signed_by=2)))
    )
    rule = SignaturePolicy(n_out_of=NOutOf(n=2, rules=(SignaturePolicy(signed_by=0), nobody_else)))
    policy = replace(out_of(1, ["A", "B", "C"]), rule=rule)
    assert [sorted(one.msp_id for one in chosen) for chosen in minimal_sets([policy], [A, B, C])] == [
        ["A", "B"],
        ["A", "C"],
    ]
    assert policy_of(encode(policy)) == policy


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x08\x00"])
def test_bytes_that_are_no_policy_are_refused(data: bytes) -> None:
    with pytest.raises(UndecodablePolicy):
        policy_of(data)


@pytest.mark.parametrize(
    ("count", "level", "hashes"), [(51, 1, 1), (52, 1, 2), (2550, 1, 50), (2551, 2, 1), (2652, 2, 2)]
)
def test_long_ranges_become_hashes_of_at_most_fifty(count: int, level: int, hashes: int) -> None:
    reads = [KVRead(key=f"{number:06}", version=Version(block_num=1)) for number in range(count)]
    raw, merkle = summarised(reads)
    assert raw is None
    assert merkle is not None
    assert (merkle.max_level, len(merkle.max_level_hashes)) == (level, hashes)


def test_short_ranges_are_kept_as_they_are() -> None:
    assert summarised([]) == (None, None)
    raw, merkle = summarised([KVRead(key="a")] * 50)
    assert raw is not None
    assert (len(raw.kv_reads), merkle) == (50, None)


async def _codes(contract: Contract, transactions: list[Endorsed]) -> list[int]:
    """Of transactions that fill one block."""
    for transaction in transactions:
        await contract.gateway.submit(transaction)
    return [(await contract.gateway.committed(transaction)).code for transaction in transactions]


async def _endorsed(contract: Contract, *call: str) -> Endorsed:
    return contract.gateway.signed(await contract.gateway.endorse(contract.propose(*call)))


async def test_in_one_block_the_first_of_two_that_read_the_same_wins() -> None:
    async with MemoryNetwork(functions(assets), Shape(limits=Limits(max_message_count=4))) as network:
        contract = contract_of(network)
        calls = [("append", "a", "1"), ("append", "a", "2"), ("put", "b", "1"), ("count", "a", "c", "counted")]
        assert await _codes(contract, [await _endorsed(contract, *call) for call in calls]) == [0, 11, 0, 12]
        ledger = network.nodes[0].replica.ledger
        assert ledger.blocks[-1].codes == bytes([0, 11, 0, 12])


async def test_the_same_envelope_twice_in_one_block_counts_once() -> None:
    async with MemoryNetwork(functions(assets), Shape(limits=Limits(max_message_count=2))) as network:
        contract = contract_of(network)
        transaction = await _endorsed(contract, "append", "a", "1")
        assert await _codes(contract, [transaction, transaction]) == [0, 0]
        assert network.nodes[0].replica.ledger.blocks[-1].codes == bytes([0, 9])


async def _protecting(stub: Stub) -> Response:
    key, value = (argument.decode() for argument in stub.arguments)
    if stub.function == "protect":
        stub.put_metadata(key, VALIDATION_PARAMETER, value.encode("latin-1"))
    else:
        stub.put(key, value.encode())
    return Response(status=200)


async def test_who_writes_in_the_block_that_changes_the_keys_policy_is_refused() -> None:
    async with MemoryNetwork(functions(_protecting), Shape(limits=Limits(max_message_count=2))) as network:
        contract = contract_of(network)
        policy = all_of(["Org1MSP", "Org2MSP"]).decode("latin-1")
        calls = [("protect", "a", policy), ("put", "a", "1")]
        assert await _codes(contract, [await _endorsed(contract, *call) for call in calls]) == [0, 10]


async def test_a_policy_that_cannot_be_read_stops_the_channel_at_the_next_write() -> None:
    async with MemoryNetwork(functions(_protecting), Shape(limits=Limits(max_message_count=1))) as network:
        contract = contract_of(network)
        await contract.submit("put", "a", "0")
        await contract.submit("put", "b", "0")
        early = [await _endorsed(contract, "put", "a", "1"), await _endorsed(contract, "put", "b", "1")]
        await contract.submit("protect", "a", "\x7f")
        height = network.nodes[0].replica.ledger.height
        for transaction in early:
            await contract.gateway.submit(transaction)
        while len(network.orderer.chain) < height + 2:
            await contract.evaluate("put", "c", "1")
        await contract.evaluate("put", "c", "1")
        assert network.nodes[0].replica.ledger.height == height


async def test_where_all_must_endorse_one_that_is_missing_is_too_many() -> None:
    shape = Shape(organizations=3, required=3, limits=Limits(max_message_count=1))
    async with MemoryNetwork(functions(assets), shape) as network:
        contract = contract_of(network)
        gateway = contract.gateway
        await contract.submit("put", "a", "1")
        two = contract.propose("put", "a", "2", organizations=["Org1MSP", "Org2MSP"])
        assert await _codes(contract, [gateway.signed(await gateway.endorse(two))]) == [10]
        await network.kill("org3.peer")
        with pytest.raises(EndorseError):
            await contract.submit("put", "a", "3")
