"""A real network of one, two and three organisations on both versions: it endorses, survives, and leaves nothing."""

import asyncio
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.outbound.fabric.gateway.errors import EndorseError, Fault
from adapters.outbound.fabric.gateway.events import Checkpoint
from adapters.outbound.fabric.gateway.gateway import Contract
from concordat.fabric.lifecycle import define
from concordat.fabric.network import recorded
from concordat.fabric.plan import Wish, port_of
from concordat.failures import Failure
from tests.support.fabric import FabricNetwork
from tests.support.fabric_programs import versions
from tests.support.processes import clean_environment

ROOT = Path(__file__).parents[3]


@pytest.fixture(
    scope="module",
    params=[(version, organisations) for version in versions() for organisations in (1, 2, 3)],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def network(request: pytest.FixtureRequest) -> Iterator[FabricNetwork]:
    version, organisations = request.param
    with FabricNetwork(version, Wish(organisations=organisations, max_messages=1)) as network:
        yield network


@pytest.fixture(params=versions())
def three(request: pytest.FixtureRequest) -> Iterator[FabricNetwork]:
    """Of its own for each test, with a majority left when one is out of order."""
    with FabricNetwork(request.param, Wish(organisations=3, max_messages=1)) as network:
        yield network


async def test_every_organisation_submits_and_evaluates_through_its_own_peer(network: FabricNetwork) -> None:
    for number in range(1, len(network.organisations) + 1):
        async with network.client(number) as contract:
            await contract.submit("put", f"key{number}", "a value")
            assert await contract.evaluate("get", f"key{number}") == b"a value"


async def test_refusal_of_the_chaincode_arrives_in_its_own_words(network: FabricNetwork) -> None:
    async with network.client() as contract:
        with pytest.raises(EndorseError) as refused:
            await contract.submit("answer", "500", "no such luck")
    assert (refused.value.fault, refused.value.contract) == (Fault.CONTRACT, (500, "no such luck"))


async def test_read_is_endorsed_by_every_organisation_that_is_named(network: FabricNetwork) -> None:
    everyone = [one.msp_id for one in network.organisations]
    async with network.client() as contract:
        await contract.submit("put", "vouched for", "by all")
        for number in range(1, len(everyone) + 1):
            # Answers that differ are no endorsement, and a peer may lag behind the one that said that it is committed.
            async with network.client(number) as each:
                await _until(each, "vouched for", b"by all")
        endorsed = await contract.gateway.endorse(contract.propose("get", "vouched for", organizations=everyone))
    assert endorsed.response.payload == b"by all"


async def test_definition_that_peers_refuse_is_reported_in_their_words(network: FabricNetwork) -> None:
    with pytest.raises(Failure) as refused:
        await define(network.network.plan, "no/name")
    assert str(refused.value).startswith("ApproveChaincodeDefinitionForMyOrg failed: ")
    assert "invalid chaincode name" in str(refused.value)


async def test_kill_of_everything_keeps_the_ledger(network: FabricNetwork) -> None:
    async with network.client() as contract:
        await contract.submit("put", "before", "the restart", "Put")
    for node in network.network.nodes:
        await network.kill(node.name)
        await network.restart(node.name)
    await network.wait_until_endorsing()
    for number in range(1, len(network.organisations) + 1):
        async with network.client(number) as contract:
            assert await contract.evaluate("get", "before") == b"the restart"
            await contract.submit("put", "after", "it")
            events = contract.events(Checkpoint(block_number=0))
            assert (await anext(events)).name == "Put"


async def test_peer_that_was_frozen_catches_up_with_what_a_majority_wrote(three: FabricNetwork) -> None:
    await three.freeze("org3.peer")
    async with three.client(1) as contract:
        # Without names the Gateway might ask the third, whom it believes alive for some seconds more.
        proposal = contract.propose("put", "meanwhile", "written", organizations=["Org1MSP", "Org2MSP"])
        transaction = contract.gateway.signed(await contract.gateway.endorse(proposal))
        await contract.gateway.submit(transaction)
        assert (await contract.gateway.committed(transaction)).valid
    await three.thaw("org3.peer")
    async with three.client(3) as contract:
        await _until(contract, "meanwhile", b"written")


@pytest.mark.parametrize("version", versions())
def test_closed_network_leaves_no_process_no_port_and_no_file(version: str) -> None:
    with FabricNetwork(version) as network:
        nodes = network.network.nodes
        assert all(_listens(node.address) for node in nodes)
        asyncio.run(network.freeze("org1.peer"))
    assert not any(node.alive for node in nodes)
    assert not any(_listens(node.address) for node in nodes)
    assert not network.folder.exists()


def test_network_ends_when_the_test_process_is_killed() -> None:
    script = textwrap.dedent("""
        import os, signal
        from tests.support.fabric import FabricNetwork
        network = FabricNetwork()
        network.start()
        print(network.folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environment(PYTHONPATH=str(ROOT)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = Path(done.stdout.strip())
    try:
        left = recorded(folder)
        assert left is not None
        assert _within(5, lambda: not any(node.alive for node in left.nodes))
    finally:
        subprocess.run(["rm", "-r", folder], check=True)


async def _until(contract: Contract, key: str, value: bytes) -> None:
    for _ in range(200):
        if await contract.evaluate("get", key) == value:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{key} is not {value!r}")


def _within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _listens(address: str) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port_of(address))) == 0
