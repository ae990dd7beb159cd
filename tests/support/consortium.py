"""Simulated networks with the contract `witness`, and profiles of them as the product reads them."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.inbound.chaincode.messages import ChaincodeMessage
from adapters.inbound.chaincode.session import Session
from adapters.inbound.chaincode.witness.contract import Witness
from adapters.outbound.ed25519 import verify
from shared.protowire import encode
from tests.fabric_simulator.chaincode_side import Chaincode, StreamedChaincode, spoken
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.makers import PACKAGE_ID
from tests.fabric_simulator.network import Shape, SimulatedNetwork
from tests.support.networks import Member, Network

TWO = Shape(organizations=2, limits=Limits(max_message_count=1))
THREE = Shape(organizations=3, limits=Limits(max_message_count=1))


def witness(_msp_id: str) -> Chaincode:
    """The contract over its own half of the stream, in this process."""

    async def run(messages: AsyncIterator[bytes], say: Callable[[bytes], None]) -> None:
        async def send(message: ChaincodeMessage) -> None:
            say(encode(message))

        await Session(Witness(verify), PACKAGE_ID, send).run(messages)

    return StreamedChaincode(spoken(run), PACKAGE_ID, batches=True)


def consortium(shape: Shape = TWO) -> SimulatedNetwork:
    return SimulatedNetwork(witness, shape)


def write_profile(
    network: Network, folder: Path, *, k: int = 2, member: Member | None = None, organisations: int = 9
) -> Path:
    """A profile beside its files; `member` acts in the place of the first organisation's client."""
    member = member or network.identity("Org1MSP")
    lines = [f'channel = "{network.channel}"', f'chaincode = "{network.chaincode}"', f"k = {k}"]
    for peer in network.peers[:organisations]:
        lines += ["[[organisations]]", f'msp_id = "{peer.msp_id}"']
        lines += _file(folder, "roots", f"{peer.msp_id}-ca.pem", network.root(peer.msp_id))
        if peer.msp_id == member.msp_id:
            lines += _file(folder, "certificate", "client.pem", member.certificate)
            lines += _file(folder, "private_key", "client-key.pem", member.private_key)
        lines += ["[[peers]]", f'msp_id = "{peer.msp_id}"', f'address = "{peer.address}"']
        lines += _file(folder, "tls_roots", f"{peer.msp_id}-tls.pem", peer.roots)
    profile = folder / "fabric.toml"
    profile.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return profile


@dataclass(frozen=True, slots=True)
class ServedConsortium:
    """A network for other processes, in a thread with a loop of its own, in which faults are to befall it."""

    network: SimulatedNetwork
    profile: Path
    loop: asyncio.AbstractEventLoop

    def wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        """From outside that thread."""
        asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


@contextmanager
def serving_consortium(folder: Path, shape: Shape = TWO) -> Iterator[ServedConsortium]:
    """Its profile is in the folder."""
    loop, network = asyncio.new_event_loop(), consortium(shape)
    thread = threading.Thread(target=loop.run_forever, name="consortium", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(network.__aenter__(), loop).result(30)
    served = ServedConsortium(network, write_profile(network, folder), loop)
    try:
        yield served
    finally:
        served.wait_for(network.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def served_consortium(folder: Path, shape: Shape = TWO) -> Iterator[Path]:
    """The path of its profile."""
    with serving_consortium(folder, shape) as served:
        yield served.profile


def _file(folder: Path, key: str, name: str, content: bytes) -> Sequence[str]:
    (folder / name).write_bytes(content)
    return [f"{key} = {json.dumps(name)}"]
