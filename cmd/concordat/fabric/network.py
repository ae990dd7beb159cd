"""A network from the first file to the last process: made, started again, stopped, removed, and written down."""

import asyncio
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from concordat.fabric import channel
from concordat.fabric.chaincode import ServeChaincode, own_chaincode
from concordat.fabric.files import write_network
from concordat.fabric.lifecycle import define
from concordat.fabric.nodes import LEADS, ORDERER, nodes_of
from concordat.fabric.plan import CHAINCODE, Plan, Wish, new_plan
from concordat.fabric.processes import Ended, Node, begin, end, wait_until_ready
from concordat.fabric.programs import Programs
from concordat.fabric.readiness import wait_until_endorsing
from concordat.failures import Failure

NOTE = "network.json"
_NEXT_NOTE = f"{NOTE}.new"
ATTEMPTS = 5

Tell = Callable[[str], None]
"""Told each step as it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """As it is written down in its folder; not `complete` while it was never ready."""

    plan: Plan
    nodes: tuple[Node, ...]
    complete: bool = False

    def node(self, name: str) -> Node:
        """Raises Failure with the names that there are."""
        for node in self.nodes:
            if node.name == name:
                return node
        names = ", ".join(node.name for node in self.nodes)
        raise Failure(f"The network has no {name}.", f"It has {names}.")


def recorded(folder: Path) -> Network | None:
    """The network of a folder, whether it runs or not; raises Failure for a note that cannot be read."""
    try:
        note = (folder / NOTE).read_bytes()
        network = msgspec.json.decode(note, type=Network, dec_hook=lambda kind, value: kind(value))
        moved = not network.plan.folder.is_dir() or not network.plan.folder.samefile(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(f"{folder / NOTE} cannot be read: {error}.", "Name another --folder, or remove it.") from None
    if moved:
        sentence = f"{folder} holds a network of {network.plan.folder}, and a network cannot be moved."
        raise Failure(sentence, "Move it back, or remove the folder.")
    return network


def vacant(folder: Path) -> bool:
    """Whether a network can be made here: nothing else is in the way."""
    return all(each.name == _NEXT_NOTE for each in folder.iterdir())


def make(
    folder: Path,
    wish: Wish,
    programs: Programs,
    tell: Tell,
    *,
    serve: ServeChaincode = own_chaincode,
    prefix: Sequence[str] = (),
) -> Network:
    """A new one in an empty folder, ready when this returns; whatever it fails with, nothing of it runs afterwards."""
    for attempt in range(ATTEMPTS):
        plan = new_plan(folder, programs.version, wish)
        try:
            return _make(plan, programs, tell, nodes_of(plan, programs, serve, prefix))
        except Ended as ended:
            if not ended.port_taken or attempt + 1 == ATTEMPTS:
                raise
            tell("a port was taken meanwhile: once more, with others")
            remove(folder)
    raise AssertionError("the last attempt returns or raises")


def start(network: Network, tell: Tell) -> Network:
    """Whatever of it does not live, with the ledger that it had; ready when this returns."""
    with _stopped_if_it_fails(network), _loop() as loop:
        tell("orderer, peers and chaincode")
        network = _begun(network)
        wait_until_ready(network.nodes)
        tell("first endorsement")
        loop.run(wait_until_endorsing(network.plan, network.nodes))
    return network


def stop(network: Network) -> None:
    """Exactly the processes that were begun for it, as far as they live."""
    end(network.nodes)


def remove(folder: Path) -> None:
    """The folder of a network that does not run, with its ledger and keys; nothing else that may lie there."""
    network = recorded(folder)
    if network is None:
        return
    plan = network.plan
    for part in (plan.orderer_folder, *(one.folder for one in plan.organisations), plan.builder, folder / "logs"):
        shutil.rmtree(part, ignore_errors=True)
    for file in (plan.genesis, plan.profile, folder / "configtx.yaml", folder / _NEXT_NOTE, folder / NOTE):
        file.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _make(plan: Plan, programs: Programs, tell: Tell, nodes: tuple[Node, ...]) -> Network:
    network = _written(Network(plan=plan, nodes=nodes))
    with _stopped_if_it_fails(network), _loop() as loop:
        tell("certificates, configuration, first block")
        write_network(plan, programs, datetime.now(UTC))
        tell("orderer, peers and chaincode")
        network = _begun(network)
        wait_until_ready(network.nodes)
        tell("channel")
        channel.join_orderer(plan)
        channel.join_peers(plan, programs)
        channel.install_chaincode(plan, programs)
        network = _leading(network)
        wait_until_ready(network.nodes)
        tell("chaincode: approve, commit")
        loop.run(define(plan, CHAINCODE))
        tell("first endorsement")
        loop.run(wait_until_endorsing(plan, network.nodes))
        return _written(replace(network, complete=True))


@contextmanager
def _loop() -> Iterator[asyncio.Runner]:
    """Made before the first step: an interruption at that moment would leave half of one, which complains aloud."""
    with asyncio.Runner() as runner:
        runner.get_loop()
        yield runner


@contextmanager
def _stopped_if_it_fails(network: Network) -> Iterator[None]:
    """Ctrl-C is a failure, too; what runs by then is known from the note."""
    try:
        yield
    except BaseException:
        stop(recorded(network.plan.folder) or network)
        raise


def _begun(network: Network) -> Network:
    """Each is written down as it begins, so that whatever comes between, it can be stopped."""
    for place, node in enumerate(network.nodes):
        if not node.alive:
            with _uninterrupted():
                begun = begin(node)
                try:
                    nodes = (*network.nodes[:place], begun, *network.nodes[place + 1 :])
                    network = _written(replace(network, nodes=nodes))
                except OSError:
                    end([begun])
                    raise
    return network


def _leading(network: Network) -> Network:
    """From now on the orderer serves once it leads its channel: before that it takes no transactions."""
    nodes = tuple(replace(node, ready=LEADS) if node.name == ORDERER else node for node in network.nodes)
    return _written(replace(network, nodes=nodes))


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals wait until this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _written(network: Network) -> Network:
    folder = network.plan.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    complete = folder / _NEXT_NOTE
    complete.touch(mode=0o600)
    complete.write_bytes(msgspec.json.format(msgspec.json.encode(network, enc_hook=_encoded)))
    complete.replace(folder / NOTE)
    return network


def _encoded(value: Any) -> str:
    return str(value)
