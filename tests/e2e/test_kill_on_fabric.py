"""SIGKILL of worker, orderer, peers and chaincode at every labelled step under load, the ledger being a Fabric network.

Every step is met with one of the victims, on one of the networks. CONCORDAT_TEST_KILLS names victims (worker,orderer)
or says `all`: every step is then met with each of them, on every network and the simulator too, which takes minutes.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle, islice, product
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from concordat.fabric.chaincode import own_chaincode
from concordat.fabric.plan import Wish
from tests.e2e import aftermath, ledger_aftermath
from tests.e2e.aftermath import Rows, api_of, clients_of, trust_of
from tests.e2e.journal import Acknowledged, Client, Journal
from tests.e2e.ledger_aftermath import OnChain, Remembered
from tests.e2e.lives import Club, Writer, two_clubs
from tests.e2e.served import READY, Installation
from tests.e2e.stepping import LEDGER, PIPELINE, Folder, labels
from tests.e2e.test_kill import postgres_rows, written
from tests.support.consortium import serving_consortium
from tests.support.databases import PostgresTemplate
from tests.support.fabric import FabricNetwork
from tests.support.fabric_programs import versions
from tests.support.networks import Network
from tests.support.processes import Process

WORKER, ORDERER = "worker", "orderer"
VICTIMS = (WORKER, ORDERER, "org1.peer", "org2.chaincode", "org2.peer", "org1.chaincode")
CHOSEN = [one for one in os.environ.get("CONCORDAT_TEST_KILLS", "").replace("all", ",".join(VICTIMS)).split(",") if one]
pytestmark = pytest.mark.timeout(1200 if CHOSEN else 480)

SIMULATOR = "simulator"
NETWORKS = [SIMULATOR, *versions()] if CHOSEN else list(versions()) or [SIMULATOR]
WRITERS = 2
REACHED_WITHIN_SECONDS = 60.0
LOGS = 3
"""Of the two clubs, and of the one that the profile for trying things out founds."""

OUTAGE_LINES = 3
"""So many requests are acknowledged while a victim is dead."""


def kills(turn: int, chosen: Sequence[str] = CHOSEN) -> list[tuple[str, str]]:
    """Which step is met with which victim, on the network of this number.

    Before the ledger comes in, there is the worker alone. Networks share the steps and begin with different victims,
    unless victims are chosen.
    """
    if chosen:
        before_ledger = product(labels(*PIPELINE), {WORKER}.intersection(chosen))
        return [*before_ledger, *product(labels(*LEDGER), chosen)]
    share = len(NETWORKS)
    mine = slice(turn, None, share)
    victims = islice(cycle(VICTIMS), turn * len(VICTIMS) // share, None)
    return [*product(labels(*PIPELINE)[mine], [WORKER]), *zip(labels(*LEDGER)[mine], victims, strict=False)]


@dataclass(frozen=True, slots=True)
class Ground:
    """A network on which nodes can be killed; `run` does what asks for its loop."""

    network: Network
    profile: Path
    run: Callable[[Coroutine[Any, Any, None]], None]


@contextmanager
def ground(name: str, folder: Path) -> Iterator[Ground]:
    """Of two organisations, both of which have to endorse."""
    if name == SIMULATOR:
        with serving_consortium(folder) as served:
            yield Ground(served.network, served.profile, served.wait_for)
    else:
        with FabricNetwork(name, Wish(organisations=2, max_messages=1), serve=own_chaincode) as network:
            yield Ground(network, network.network.plan.profile, asyncio.run)


@dataclass(kw_only=True)
class Siege:
    """Kills at chosen steps of the worker, while members of both clubs visit the other one."""

    ground: Ground
    folder: Folder
    worker: Process
    journal: Journal
    lives: "SimpleQueue[str | None]"
    met: list[tuple[str, str]] = field(default_factory=list)
    _lived: int = 0

    def live(self) -> None:
        """Somebody lives: some twenty requests."""
        self._lived += 1
        self.lives.put(f"F{self._lived}")

    def meet(self, label: str, victim: str) -> None:
        """Kill the victim when the worker stands at that step, and bring it back when desks have gone on without it."""
        self.folder.arm(label)
        self.live()
        self._reached(label)
        if victim == WORKER:
            self.worker.kill()
            self._go_on()
            self.worker.start()
        else:
            self.ground.run(self.ground.network.kill(victim))
            self._go_on()
            self.ground.run(self.ground.network.restart(victim))
        self.met.append((label, victim))

    def _go_on(self) -> None:
        """Desks are answered while somebody is dead."""
        self.folder.release()
        self.live()
        enough = self.journal.lines + OUTAGE_LINES
        written(self.journal, OUTAGE_LINES)
        assert self.journal.lines >= enough, "desks wait for the ledger"

    def _reached(self, label: str) -> None:
        until = time.monotonic() + REACHED_WITHIN_SECONDS
        while not self.folder.reached.exists():
            assert time.monotonic() < until, f"the worker never came to {label!r}\n{self.worker.output()[-4000:]}"
            time.sleep(0.005)


@dataclass(frozen=True, kw_only=True)
class Survivor:
    """What is there after the kills."""

    installation: Installation
    clubs: Sequence[Club]
    acknowledged: Sequence[Acknowledged]
    rows: Rows
    ground: Ground
    met: Sequence[tuple[str, str]]
    wanted: Sequence[tuple[str, str]]
    while_frozen: dict[str, tuple[str, ...]]
    """What receipts were worth that were fetched while the orderer stood still."""

    @contextmanager
    def clients(self) -> Iterator[list[Client]]:
        """One for each club, to look around."""
        with clients_of(self.installation, self.clubs) as clients:
            yield clients

    def both(self) -> tuple[OnChain, Remembered]:
        """The chain and the database as they are now."""
        found: list[OnChain] = []
        remembered = ledger_aftermath.remembered(self.rows)

        async def read() -> None:
            found.append(await ledger_aftermath.on_chain(self.ground.network, [*remembered.heads]))

        self.ground.run(read())
        return found[0], remembered


@pytest.fixture(scope="module", params=NETWORKS)
def survivor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_template: PostgresTemplate
) -> Iterator[Survivor]:
    """A worker beside a process that serves, on Postgres: desks are answered whoever is dead on the ledger's side."""
    folder, steps = tmp_path_factory.mktemp("siege"), Folder(tmp_path_factory.mktemp("steps"))
    with ExitStack() as stack:
        database = stack.enter_context(postgres_template.copied())
        held = stack.enter_context(ground(request.param, tmp_path_factory.mktemp("network")))
        settings = {"ledger_url": f"fabric:{held.profile}", "requests_per_minute": "0", "anchor_seconds": "0.1"}
        installation = Installation(folder=folder, database_url=database.url, settings=settings)
        command = [sys.executable, "-m", "tests.e2e.stepping", str(steps.path), "serve", "--role", "worker"]
        worker = stack.enter_context(
            Process(command, log=folder / "worker.log", ready=READY, env=installation.environment)
        )
        stack.enter_context(installation.serve("--role", "http", name="http"))
        clubs = two_clubs(installation)
        siege = Siege(
            ground=held,
            folder=steps,
            worker=worker,
            journal=Journal(path=folder / "journal"),
            lives=SimpleQueue(),
        )
        wanted = kills(NETWORKS.index(request.param))
        with living(siege, clubs, installation):
            for label, victim in wanted:
                siege.meet(label, victim)
            while_frozen = frozen(siege, installation, clubs)
        rows = postgres_rows(database)
        left = ledger_aftermath.anchored(rows)
        assert left == [], f"the worker has ended: {worker.returncode}\n{worker.output()[-4000:]}"
        yield Survivor(
            installation=installation,
            clubs=clubs,
            acknowledged=siege.journal.read(),
            rows=rows,
            ground=held,
            met=siege.met,
            wanted=wanted,
            while_frozen=while_frozen,
        )


@contextmanager
def living(siege: Siege, clubs: tuple[Club, Club], installation: Installation) -> Iterator[None]:
    """Lives are lived meanwhile, each to its end."""
    writers = [
        Writer(
            number=number,
            home=clubs[number % 2],
            host=clubs[1 - number % 2],
            api=api_of(installation),
            journal=siege.journal,
            lives=siege.lives,
        )
        for number in range(WRITERS)
    ]
    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(writer.run) for writer in writers]
        try:
            yield
        finally:
            for _ in writers:
                siege.lives.put(None)
        for writer in running:
            writer.result()


def frozen(siege: Siege, installation: Installation, clubs: Sequence[Club]) -> dict[str, tuple[str, ...]]:
    """What the receipt of a check-in is worth that happens while the orderer stands still."""
    siege.ground.run(siege.ground.network.freeze(ORDERER))
    try:
        before = len(siege.journal.read())
        siege.live()
        trust = trust_of(installation)
        until = time.monotonic() + REACHED_WITHIN_SECONDS
        while time.monotonic() < until:
            came = [one for one in siege.journal.read()[before:] if one.done and one.request.path.endswith("/check-in")]
            with clients_of(installation, clubs) as clients:
                saved = aftermath.receipts(clients, came, installation.folder)
            if saved and all(path.read_bytes().startswith(b"c2sp.org/tlog-proof") for path in saved.values()):
                return ledger_aftermath.receipt_states(installation, saved, trust)
            time.sleep(0.1)
        raise AssertionError("nobody checked in while the orderer stood still")
    finally:
        siege.ground.run(siege.ground.network.thaw(ORDERER))


def test_every_step_was_met_and_desks_went_on(survivor: Survivor) -> None:
    assert survivor.met == survivor.wanted
    met = {label for turn in range(len(NETWORKS)) for label, _ in kills(turn, chosen=())}
    assert met == set(labels(*PIPELINE, *LEDGER))
    admitted = sum(one.done and one.request.path.endswith("/check-in") for one in survivor.acknowledged)
    assert admitted > len(survivor.met)


def test_a_receipt_is_provisional_as_long_as_the_orderer_stands_still(survivor: Survivor) -> None:
    assert set(survivor.while_frozen.values()) == {("valid", "provisional", "self")}


def test_what_was_acknowledged_is_there_once_and_every_key_replays(survivor: Survivor) -> None:
    with survivor.clients() as clients:
        assert aftermath.replays(clients, survivor.acknowledged) == []
        left = aftermath.drained(survivor.rows)
        found = aftermath.found(clients, survivor.rows)
    assert [*left, *aftermath.complaints(survivor.acknowledged, found)] == []


def test_everything_is_anchored_exactly_once_and_the_ledgers_head_is_ours(survivor: Survivor) -> None:
    chain, remembered = survivor.both()
    assert list(ledger_aftermath.complaints(chain, remembered)) == []
    assert {club.origin for club in survivor.clubs} <= chain.heads.keys()
    assert len(chain.anchorings) > LOGS


PLANTED: dict[str, tuple[Callable[[OnChain, Remembered], tuple[OnChain, Remembered]], str]] = {
    "a round is committed twice": (
        lambda chain, ours: (replace(chain, anchorings=[*chain.anchorings, chain.anchorings[-1]]), ours),
        "was anchored at",
    ),
    "what was anchored is lost": (
        lambda chain, ours: (replace(chain, anchorings=chain.anchorings[:-1]), ours),
        "is not on the chain",
    ),
    "the ledger has another head": (
        lambda chain, ours: (replace(chain, heads=dict.fromkeys(chain.heads, (1, "00"))), ours),
        "the ledger's head of",
    ),
    "the database forgot what it sent": (
        lambda chain, ours: (chain, replace(ours, attempts=ours.attempts[1:])),
        "and no attempt that is settled as valid",
    ),
    "an acknowledgement was trusted": (
        lambda chain, ours: (chain, replace(ours, attempts=[*ours.attempts, ("acknowledged", 0)])),
        "is settled as valid, and not on the chain",
    ),
    "an outcome was never asked for": (
        lambda chain, ours: (chain, replace(ours, attempts=[*ours.attempts, ("left", None)])),
        "is not settled",
    ),
}


@pytest.mark.parametrize("survivor", NETWORKS[:1], indirect=True)
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_complained_about(survivor: Survivor, bug: str) -> None:
    plant, complaint = PLANTED[bug]
    found = list(ledger_aftermath.complaints(*plant(*survivor.both())))
    assert any(complaint in each for each in found), found


def test_both_logs_verify_from_their_genesis_and_the_audit_finds_nothing(survivor: Survivor) -> None:
    aftermath.require_sound_logs(survivor.installation, survivor.clubs, survivor.rows)


def test_every_check_in_has_a_receipt_that_the_consortium_vouches_for(survivor: Survivor, tmp_path: Path) -> None:
    with survivor.clients() as clients:
        saved = aftermath.receipts(clients, survivor.acknowledged, tmp_path)
    assert len(saved) > len(survivor.met)
    assert ledger_aftermath.receipt_complaints(survivor.installation, saved, trust_of(survivor.installation)) == []
