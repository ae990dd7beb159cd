"""Crash schedules by seed, in virtual time: whatever dies when, an envelope that is sent until its status is known is
committed once, every peer comes to the same state, and the same seed shows the same again."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from random import Random

import pytest

from adapters.outbound.fabric.gateway.errors import EndorseError, GatewayError
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.gateway import Limits as ClientLimits
from adapters.outbound.fabric.gateway.signables import Endorsed
from tests.fabric_simulator import validation
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.makers import assets, contract_of, functions
from tests.fabric_simulator.network import MemoryNetwork, Shape
from tests.fabric_simulator.state import Ledger
from tests.fabric_simulator.virtual_time import run_virtual, virtual_now
from tests.support.processes import clean_environment

_EACH = 4
_NODES = ["orderer", "org1.peer", "org2.peer", "org3.peer", "org1.chaincode"]
_IMPATIENT = ClientLimits(evaluate_seconds=1, endorse_seconds=2, submit_seconds=1, commit_seconds=2)


async def _stubborn(contract: Contract, key: str) -> None:
    """Appends to its own key, one after the other: each time one transaction, sent until its status is known."""
    for number in range(_EACH):
        transaction = await _endorsed(contract, key, str(number))
        while not await _committed(contract, transaction):
            pass


async def _endorsed(contract: Contract, key: str, value: str) -> Endorsed:
    proposal = contract.propose("append", key, value, nonce=f"{key} {value}".encode())
    while True:
        with suppress(EndorseError):
            return contract.gateway.signed(await contract.gateway.endorse(proposal))
        await asyncio.sleep(0.2)


async def _committed(contract: Contract, transaction: Endorsed) -> bool:
    """False, a little later, where it could not be found out."""
    try:
        await contract.gateway.submit(transaction)
        return (await contract.gateway.committed(transaction)).valid
    except GatewayError:
        await asyncio.sleep(0.1)
        return False


async def _troubles(network: MemoryNetwork, rng: Random) -> None:
    """One node after another is killed, or stands still, for a while."""
    while True:
        await asyncio.sleep(rng.random())
        name = rng.choice(_NODES)
        if rng.random() < 0.5:
            if rng.random() < 0.3:
                network.lose_acknowledged()
            await network.kill(name)
            await asyncio.sleep(rng.random() * 2)
            await network.restart(name)
        else:
            await network.freeze(name)
            await asyncio.sleep(rng.random() * 2)
            await network.thaw(name)


async def _played(seed: int) -> tuple[list[bytes], list[bytes]]:
    """The block hashes and the values at every peer, when all writers are done and all peers have caught up."""
    limits = Limits(batch_timeout_seconds=0.1, max_message_count=5, gossip_expiry_seconds=1)
    shape = Shape(organizations=3, limits=limits, seed=seed)
    async with MemoryNetwork(functions(assets), shape, virtual_now) as network:
        contracts = [contract_of(network, peer=peer.name, limits=_IMPATIENT) for peer in network.nodes]
        troubles = asyncio.create_task(_troubles(network, Random(seed)))
        await asyncio.gather(*(_stubborn(contract, f"key{place}") for place, contract in enumerate(contracts)))
        troubles.cancel()
        await asyncio.gather(troubles, return_exceptions=True)
        for name in _NODES:
            await network.restart(name)
            await network.thaw(name)
        await asyncio.gather(*(peer.replica.ledger.block(network.orderer.chain[-1].number) for peer in network.nodes))
        chains = [[(block.hash, block.codes) for block in peer.replica.ledger.blocks] for peer in network.nodes]
        assert chains[0] == chains[1] == chains[2]
        founding = network.shape.organizations + 2
        assert b"".join(codes for _, codes in chains[0][founding:]).count(0) == 3 * _EACH
        values = [_value(network, place, f"key{number}") for place in range(3) for number in range(3)]
        return [found for found, _ in chains[0]], values


def _value(network: MemoryNetwork, place: int, key: str) -> bytes:
    held = network.nodes[place].replica.state.get(network.chaincode, key)
    return b"" if held is None else held.value


@pytest.mark.parametrize("seed", range(20))
def test_whatever_dies_each_append_is_there_once_and_in_order(seed: int) -> None:
    _, values = run_virtual(_played(seed))
    assert set(values) == {b"0123"}


def test_the_same_seed_makes_the_same_chain_in_another_process_too() -> None:
    chain, _ = run_virtual(_played(7))
    program = "from tests.fabric_simulator import test_schedules; print(test_schedules.last_hash(7))"
    for hash_seed in ("1", "2"):
        environment = clean_environment(PYTHONHASHSEED=hash_seed, PYTHONPATH=os.pathsep.join(sys.path))
        printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, env=environment)
        assert printed.stdout.decode().strip() == chain[-1].hex()


def last_hash(seed: int) -> str:
    """Of the last block."""
    return run_virtual(_played(seed))[0][-1].hex()


def test_a_network_that_commits_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "outcome", lambda _ledger, _tx_id: None)
    monkeypatch.setattr(validation, "stale_read", lambda *_arguments: False)
    with pytest.raises(AssertionError):
        for seed in range(20):
            run_virtual(_played(seed))
