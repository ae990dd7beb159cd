"""Two operators, two processes, two databases: each cosigns the other's logs, through kills and outages."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from adapters.outbound.signatures import SIGNATURES
from core.log.receipts import Assurance, State, parse_receipt, verify_bytes
from core.log.records import parse_record
from core.log.trust import parse_bundle
from tests.e2e.served import Installation, said
from tests.support.processes import Process, free_port

pytestmark = pytest.mark.timeout(240)

WITNESSED_WITHIN_SECONDS = 40.0


@dataclass(kw_only=True)
class Operator:
    """One deployment, with what was played on it: the receipt of each demonstration, by its folder."""

    name: str
    installation: Installation
    port: int = field(default_factory=free_port)
    played: list[Path] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    process: Process | None = None

    def settings(self, **more: str) -> None:
        usual = {
            "network": f"{self.name}.concordat.example",
            "http_port": str(self.port),
            "witness_name": f"{self.name}.concordat.example/witness",
        }
        self.installation.settings = {**usual, **more}

    def start(self) -> None:
        self.process = self.installation.serve(name=f"serve-{time.monotonic_ns()}")
        self.process.start()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def end(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    def run(self, *words: str) -> str:
        done = self.installation.run(*words)
        assert done.returncode == 0, said(done)
        return done.stdout

    def play(self) -> None:
        folder = self.installation.folder / f"played-{len(self.played)}"
        self.run("demo", "--folder", str(folder))
        self.played.append(folder / "check-in.receipt")

    def export(self) -> str:
        return self.run("witness", "export", f"http://127.0.0.1:{self.port}/witness")

    def meet(self, exported: str) -> None:
        """Follow the logs of another operator, and ask its witness, which alone is the quorum."""
        logs, policy = (self.installation.folder / name for name in ("follow.policy", "ask.policy"))
        logs.write_text(exported)
        witness = "".join(line for line in exported.splitlines(keepends=True) if line.startswith("witness "))
        name = witness.split()[1]
        policy.write_text(f"{witness}quorum {name}\n")
        self.settings(witness_logs=str(logs), witness_policy=str(policy))

    def fetched(self, played: Path) -> bytes:
        """The receipt of a demonstration as it is now."""
        record = parse_record(parse_receipt(played.read_bytes()).record)
        club = record.log.split("/")[1]
        if club not in self.tokens:
            self.tokens[club] = self.run("token", "--club", club, "--role", "concierge", "--minutes", "60").strip()
        headers = {"Authorization": f"Bearer {self.tokens[club]}", "Accept": "text/plain"}
        answer = httpx2.get(f"{self.installation.api}/v1/log/receipts/{record.id}", headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.content

    def awaits(self, state: State, assurance: Assurance) -> None:
        """What somebody finds who verifies every demonstration with nothing but a bundle; the command says so, too."""
        bundle = self.installation.folder / "trust.json"
        self.run("trust", "export", str(bundle))
        until = time.monotonic() + WITNESSED_WITHIN_SECONDS
        saved = self.installation.folder / "fetched.receipt"
        for played in self.played:
            while True:
                saved.write_bytes(self.fetched(played))
                found = verify_bytes(saved.read_bytes(), parse_bundle(bundle.read_bytes()), SIGNATURES)
                if (found.state, found.assurance) == (state, assurance):
                    break
                assert time.monotonic() < until, f"{self.name}: {played} is {found}"
                time.sleep(0.2)
        told = json.loads(self.run("verify", str(saved), "--trust", str(bundle), "--json"))
        assert told["assurance"] == assurance.value


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[tuple[Operator, Operator]]:
    """Both have played once, and know each other since."""
    made = [Operator(name=name, installation=Installation(folder=tmp_path / name)) for name in ("coast", "hills")]
    with ExitStack() as stack:
        for one in made:
            one.installation.folder.mkdir()
            one.settings()
            stack.callback(one.end)
            one.start()
            one.play()
        coast, hills = made
        _introduce(coast, hills)
        for one in made:
            one.kill()
        yield coast, hills


def _introduce(coast: Operator, hills: Operator) -> None:
    """Each has what the other one exports now; it counts from the next start on."""
    coast.meet(hills.export())
    hills.meet(coast.export())


def test_operators_witness_each_other_and_receipts_say_so_offline(operators: tuple[Operator, Operator]) -> None:
    coast, hills = operators
    coast.start()
    coast.awaits(State.ANCHORED, Assurance.SELF)
    told = coast.run("doctor")
    assert "does not answer" in told
    assert "The system may serve." in told
    hills.start()
    for one in operators:
        one.awaits(State.ANCHORED, Assurance.WITNESSED)
        told = one.run("doctor")
        assert "cosigns for" in told
        assert "answers" in told and "does not answer" not in told


def test_kills_on_both_sides_lose_no_checkpoint_and_fork_nothing(operators: tuple[Operator, Operator]) -> None:
    for one in operators:
        one.start()
    for turn in range(2):
        one, other = operators[turn % 2], operators[(turn + 1) % 2]
        one.play()
        _introduce(one, other)
        # What was just recorded is on its way now: to be signed, to be anchored, to be cosigned over there.
        one.kill()
        other.kill()
        other.start()
        one.start()
    for one in operators:
        one.awaits(State.ANCHORED, Assurance.WITNESSED)
        assert one.process is not None
        logs = "".join(log.read_text(errors="replace") for log in one.installation.folder.glob("serve-*.log"))
        assert "witness disputes" not in logs
        assert "log forked" not in logs
        one.run("log", "audit")
