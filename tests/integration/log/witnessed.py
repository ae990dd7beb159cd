"""A network that two other operators' witnesses cosign for, in the test's own process, turn by turn."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.inbound.jobs.pipeline import Pipeline
from app.log.cosigner import Cosigner
from app.log.witnessing import Witnessing
from concordat.assembly.workers import build_workers
from core.log.cosigning import AddCheckpoint
from core.log.notes import parse_key, parse_note
from core.log.receipts import Verification, receipt_text, verify_bytes
from ports.caller import Caller
from ports.cosigners import WitnessUnavailable
from ports.witnessed import Witnessed
from tests.support.databases import MEMORY
from tests.support.scenes import Scene, two_clubs
from tests.support.witnesses import URL, DirectCosigners, MemoryHeads, Spoil, cosigner, direct, policy_of
from tests.support.world import World, world_at

Answer = Callable[[], Awaitable[str]]


async def down(_request: AddCheckpoint, _answer: Answer) -> str:
    raise WitnessUnavailable(url="there", reason="down")


async def lost(_request: AddCheckpoint, answer: Answer) -> str:
    await answer()
    raise WitnessUnavailable(url="there", reason="its answer was lost")


async def the_log_s_own(request: AddCheckpoint, _answer: Answer) -> str:
    return str(parse_note(request.note).signatures[0])


def altered(at: int) -> Any:
    async def answer(_request: AddCheckpoint, honest: Answer) -> str:
        line = await honest()
        return line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1 :]

    return answer


async def nothing(_request: AddCheckpoint, _answer: Answer) -> str:
    return "\n"


LIES: dict[str, Any] = {
    "the log's own line": the_log_s_own,
    "an altered signature": altered(-12),
    "an altered time": altered(30),
    "nothing": nothing,
}


@dataclass(kw_only=True)
class Network:
    """`peak` and `vale` are the witnesses; the policy asks for both of them unless a test says otherwise."""

    scene: Scene
    cosigners: DirectCosigners
    peak: Cosigner
    vale: Cosigner
    pipeline: Pipeline

    @property
    def world(self) -> World:
        return self.scene.world

    @property
    def witnesses(self) -> dict[str, Witnessing]:
        return {each.name: each for each in self.pipeline.witnesses}

    def heads(self, name: str) -> dict[str, Witnessed]:
        heads = getattr(self, name).heads
        assert isinstance(heads, MemoryHeads)
        return heads.kept

    def spoil(self, name: str, how: Spoil | None) -> None:
        url = URL.format(name)
        if how is None:
            self.cosigners.spoiled.pop(url, None)
        else:
            self.cosigners.spoiled[url] = how

    async def origin(self, club: Caller) -> str:
        return next(one.origin for one in await self.world.backlog.directory() if one.club == club.club)

    async def grown(self, anchored: bool = True) -> UUID:
        """One more check-in, signed and anchored in both logs; the event that the host's receipt is of."""
        decision = await self.scene.checked_in((await self.scene.member()).id)
        await self.pipeline.integrate()
        await self.pipeline.sign()
        for origin, keys in (await self.world.backlog.keys()).items():
            for witness in (self.peak, self.vale):
                logs: Any = witness.logs
                logs[origin] = tuple(parse_key(each.verifier_key) for each in keys)
        if anchored:
            await self.pipeline.anchor()
        return decision.receipt

    async def witness(self, *names: str) -> None:
        """A turn of these witnesses, or of all."""
        for name in names or self.witnesses:
            await self.pipeline.witness(self.witnesses[name])

    async def verified(self, event: UUID, club: Caller | None = None) -> Verification:
        """The receipt as somebody verifies it who has nothing but the trust bundle."""
        receipt = receipt_text(await self.world.log.receipts.get(club or self.scene.host, event)).encode()
        return verify_bytes(receipt, await self.world.log.trust.bundle(), self.world.system.infrastructure.signatures)

    def gauges(self) -> dict[tuple[str, str], float]:
        """What the worker's metrics say of each witness, by gauge and witness."""
        found = self.world.log.workers.gauges(self.world.system.infrastructure)
        return {(one.name, one.labels["witness"]): one.value for one in found if "witness" in one.labels}

    def restart(self) -> None:
        """Workers that remember nothing, as after a crash."""
        self.pipeline = build_workers(self.world.system.infrastructure).pipeline

    async def stored(self, club: Caller) -> set[tuple[int, str]]:
        """What is kept of cosignatures: sizes, and the witness's name."""
        async with self.world.begin_log(club) as tx:
            sizes = range((await tx.log.head()).size + 1)
            found = [each for size in sizes for each in await tx.log.cosignatures(size)]
        return {(each.size, each.witness.partition(".")[0]) for each in found}


@asynccontextmanager
async def network_at(folder: Path, url: str = MEMORY, quorum: str = "2") -> AsyncIterator[Network]:
    peak, vale = cosigner("peak"), cosigner("vale")
    asked, policy = direct(peak, vale), folder / "witnesses.policy"
    policy.write_text(policy_of(quorum, peak, vale))
    async with world_at(url, folder / "world", overrides={"cosigners": asked}, witness_policy=policy) as world:
        network = Network(scene=await two_clubs(world), cosigners=asked, peak=peak, vale=vale, pipeline=world.pipeline)
        yield network
