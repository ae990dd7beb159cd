"""`concordat fabric` as a person types it: up, up again, status, logs, down, and everything that may go wrong."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from concordat.fabric.chaincode import package, package_id
from concordat.fabric.network import Network, recorded
from concordat.fabric.processes import send, start_of
from tests.e2e.served import COMMAND, Installation, said
from tests.support import engines
from tests.support.fabric import assets
from tests.support.fabric_programs import named, versions
from tests.support.processes import Process, clean_environment, free_port

STEPS = ("certificates", "orderer, peers", "channel", "chaincode:", "first endorsement")


@dataclass(kw_only=True)
class Fabric:
    """An installation with a network, and the chaincode that this is told to use."""

    folder: Path
    chaincode: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")

    @property
    def installation(self) -> Installation:
        return Installation(folder=self.folder, settings={"fabric_bin": str(named() or "")})

    @property
    def network_folder(self) -> Path:
        return self.folder / "data" / "fabric" / "network"

    @property
    def network(self) -> Network:
        found = recorded(self.network_folder)
        assert found is not None
        return found

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.installation.run("fabric", *words)

    def up(self, *options: str) -> "subprocess.CompletedProcess[str]":
        done = self.run("up", "--chaincode", self.chaincode, *options)
        if done.returncode == 0:
            engines.ran("fabric", f"real {self.network.plan.version}")
        return done

    def begin(self, ready: str) -> Process:
        """`up` on its way, as far as it says so."""
        return Process(
            [*COMMAND, "fabric", "up", "--chaincode", self.chaincode],
            log=self.folder / "up.log",
            ready=ready,
            env=self.installation.environment,
        )


@pytest.fixture
def fabric(tmp_path: Path) -> Iterator[Fabric]:
    """In a folder whose name is not as simple as most."""
    folder = tmp_path / "a folder in Zürich"
    folder.mkdir()
    fabric = Fabric(folder=folder)
    command = assets(fabric.chaincode, package_id(package(fabric.chaincode)))
    served = subprocess.Popen(command, env=clean_environment())
    try:
        yield fabric
    finally:
        fabric.run("down", "--remove")
        served.kill()
        served.wait()


@pytest.mark.parametrize("version", versions())
def test_network_goes_up_stays_up_and_goes_down(fabric: Fabric, version: str) -> None:
    first = fabric.up("--orgs", "2", "--version", version, "--max-messages", "1", "--batch-timeout", "50")
    assert first.returncode == 0, said(first)
    assert [step for step in STEPS if step not in first.stdout] == []
    exported = re.search(r"export CONCORDAT_LEDGER_URL='fabric:(.*)'", first.stdout)
    assert exported is not None
    assert Path(exported[1]).is_file()

    again = fabric.up()
    assert (again.returncode, "It runs already" in again.stdout) == (0, True), said(again)
    assert fabric.run("status").returncode == 0

    nodes = fabric.network.nodes
    down = fabric.run("down")
    assert (down.returncode, "Stopped orderer, org1.peer, org2.peer." in down.stdout) == (0, True), said(down)
    assert not any(node.alive for node in nodes)
    once_more = fabric.run("down")
    assert (once_more.returncode, "Nothing was running" in once_more.stdout) == (0, True), said(once_more)
    assert fabric.run("status").returncode == 1


def test_dead_process_is_told_from_live_ones_and_started_again(fabric: Fabric) -> None:
    assert fabric.up("--orgs", "1").returncode == 0
    peer = fabric.network.node("org1.peer")
    send(peer, signal.SIGKILL)
    status = fabric.run("status")
    assert status.returncode == 1
    assert re.search(r"org1\.peer .* does not run$", status.stdout, re.MULTILINE)
    assert re.search(r"orderer .* runs, pid \d+$", status.stdout, re.MULTILINE)
    again = fabric.up()
    assert (again.returncode, "with the ledger that it has" in again.stdout) == (0, True), said(again)
    assert fabric.network.node("org1.peer").alive


def test_logs_are_printed_of_one_or_of_all(fabric: Fabric) -> None:
    assert fabric.up("--orgs", "1").returncode == 0
    assert "Started peer with ID" in fabric.run("logs", "org1.peer").stdout
    everything = fabric.run("logs").stdout
    assert [name for name in ("orderer", "org1.peer") if f"==> {name} " not in everything] == []
    unknown = fabric.run("logs", "org9.peer")
    assert (unknown.returncode, "It has orderer, org1.peer." in unknown.stderr) == (1, True), said(unknown)
    follow = [*COMMAND, "fabric", "logs", "orderer", "--follow"]
    with Process(
        follow, log=fabric.folder / "follow.log", ready="Beginning", env=fabric.installation.environment
    ) as one:
        fabric.run("down")
        one.wait_for("Received signal: 15")


def test_network_of_another_kind_is_refused_and_nothing_changes(fabric: Fabric) -> None:
    assert fabric.up("--orgs", "1").returncode == 0
    other = fabric.up("--orgs", "2")
    assert (other.returncode, "--remove" in other.stderr) == (2, True), said(other)
    assert all(node.alive for node in fabric.network.nodes)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_at_any_step_leaves_nothing_running(fabric: Fabric, step: str, number: signal.Signals) -> None:
    with fabric.begin(step) as process:
        process.send(number)
        # A shell shows 130 for both: Python ends by the signal itself where the interruption passed through exec().
        assert process.wait(within_seconds=30) in (130, -signal.SIGINT), process.output()
        assert "Traceback" not in process.output()
    assert not any(node.alive for node in fabric.network.nodes)
    assert _begun_in(fabric.network_folder) == []


def test_process_that_no_note_tells_of_is_found(fabric: Fabric) -> None:
    """What the check of the interruptions rests on: a note that was not written in time would hide a process."""
    folder = {"FABRIC_CFG_PATH": str(fabric.network_folder)}
    script = "import time; print('here', flush=True); time.sleep(60)"
    with Process(
        [sys.executable, "-c", script], log=fabric.folder / "lost.log", ready="here", env=clean_environment(**folder)
    ) as lost:
        assert _begun_in(fabric.network_folder) == [lost.pid]


def test_what_a_killed_command_left_is_stopped_by_the_next(fabric: Fabric) -> None:
    with fabric.begin("channel") as process:
        process.kill()
    left = fabric.network
    assert any(node.alive for node in left.nodes)
    assert not left.complete
    again = fabric.up("--orgs", "1")
    assert again.returncode == 0, said(again)
    assert not any(node.alive for node in left.nodes)


def test_two_commands_at_once_do_not_disturb_each_other(fabric: Fabric) -> None:
    with fabric.begin("channel") as process:
        second = fabric.up()
        assert (second.returncode, "Another concordat fabric is at work" in second.stderr) == (1, True), said(second)
        assert process.wait(within_seconds=60) == 0, process.output()


def test_port_that_was_taken_meanwhile_is_reported_when_a_ledger_needs_it(fabric: Fabric) -> None:
    assert fabric.up("--orgs", "1").returncode == 0
    assert fabric.run("down").returncode == 0
    host, _, port = fabric.network.node("org1.peer").address.rpartition(":")
    held = f"import socket, time; kept = socket.create_server(({host!r}, {port})); print('taken', flush=True)"
    script = f"{held}; time.sleep(60)"
    with Process([sys.executable, "-c", script], log=fabric.folder / "taken.log", ready="taken"):
        refused = fabric.up()
        assert (refused.returncode, "address already in use" in refused.stderr) == (1, True), said(refused)
        assert not any(node.alive for node in fabric.network.nodes)
    assert fabric.up().returncode == 0


def _begun_in(folder: Path) -> list[int]:
    """Processes that live and were told of a folder in their environment, whatever any note says of them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(folder) in (process / "environ").read_bytes() and start_of(int(process.name)):
                found.append(int(process.name))
    return found
