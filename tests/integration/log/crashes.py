"""Workers that die at a chosen call to the outside, before it or after it, and are started again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from adapters.outbound.local.ledger import LocalLedger
from app.log.anchorer import Anchorer
from app.log.integrator import Integrator
from app.log.publisher import CHECKPOINT, Publisher
from app.log.rotation import Rotation
from app.log.signer import Signer
from app.workers import Trouble, Turns
from concordat.builders import WITNESS_SEED
from ports.caller import Caller
from ports.log import Publication
from ports.unit_of_work import Begin
from tests.support.world import World


class Crash(BaseException):
    """The process is gone: nothing that it would have done afterwards happens."""


@dataclass(slots=True)
class Fuse:
    """Burns down by one with each step that the workers take outside themselves; at 0 they crash."""

    left: int = -1
    burnt: str = ""
    labels: list[str] = field(default_factory=list)

    def step(self, label: str) -> None:
        self.labels.append(label)
        self.left -= 1
        if self.left == 0:
            self.burnt = label
            raise Crash(label)


CHANGES = frozenset(
    {"grow", "drop", "add_key", "add_checkpoint", "add_anchor", "create", "put", "register", "rotate", "submit"}
)
"""Calls that leave something behind: a crash around any other one is the same as a crash before the next of these."""


class Fragile:
    """Any port behind a fuse."""

    def __init__(self, real: Any, fuse: Fuse, name: str) -> None:
        self._real, self._fuse, self._name = real, fuse, name

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in CHANGES:
            return real

        async def call(*arguments: Any, **named: Any) -> Any:
            self._fuse.step(f"before {self._name}.{name}")
            answer = await real(*arguments, **named)
            self._fuse.step(f"after {self._name}.{name}")
            return answer

        return call


@dataclass(frozen=True, slots=True)
class FragileTx:
    """A transaction over a log behind a fuse."""

    log: Any
    emit: Any


def fragile(begin: Begin[Any], fuse: Fuse, name: str) -> Any:
    """Begins transactions that may crash before their commit and after it."""

    @asynccontextmanager
    async def opened(caller: Caller) -> AsyncIterator[FragileTx]:
        async with begin(caller) as tx:
            yield FragileTx(Fragile(tx.log, fuse, name), tx.emit)
            fuse.step(f"before {name} commits")
        fuse.step(f"after {name} has committed")

    return opened


@dataclass(frozen=True, kw_only=True)
class Workers:
    """What one process does with a log, between its start and its crash."""

    integrator: Integrator
    signer: Signer
    anchorer: Anchorer
    rotation: Rotation
    ledger: LocalLedger

    async def settle(self, *clubs: Caller) -> None:
        """One turn of each; everything recorded is anchored afterwards, or something went wrong."""
        keys = [club.of_club for club in clubs]
        try:
            assert await self.rotation.tick() <= set(keys)
            await self.integrator.tick()
            await self.signer.tick(keys)
            assert self.signer.guard.frozen == {}
            assert await self.anchorer.tick(keys) == set(keys)
        finally:
            self.ledger.close()


def _fail(_club: UUID, trouble: Trouble | None) -> None:
    if trouble is not None:
        raise trouble.error


async def started(world: World, fuse: Fuse) -> Workers:
    """Workers that know nothing but what was stored, as after the start of a process."""
    i, parts = world.system.infrastructure, world.pipeline
    seed = await i.secrets.get(WITNESS_SEED)
    assert seed is not None
    ledger = LocalLedger(world.system.settings.data_folder / "ledger", seed, world.clock)
    outside: dict[str, Any] = {
        "ledger": Fragile(ledger, fuse, "ledger"),
        "secrets": Fragile(i.secrets, fuse, "secrets"),
        "publication": Fragile(i.publication, fuse, "publication"),
    }
    guard = replace(
        parts.guard,
        ledger=outside["ledger"],
        keys=replace(parts.guard.keys, ledger=outside["ledger"], secrets=outside["secrets"]),
        publisher=Publisher(publication=outside["publication"]),
        known={},
        frozen={},
    )
    fresh: dict[str, Any] = {"guard": guard, "turns": Turns(now=world.clock, tell=_fail)}
    return Workers(
        integrator=replace(parts.integrator, begin=fragile(world.begin_log, fuse, "integration"), **fresh),
        signer=replace(parts.signer, begin=fragile(world.begin_log, fuse, "signing"), **fresh),
        anchorer=replace(
            parts.anchorer,
            begin=fragile(world.begin_log, fuse, "anchoring"),
            ledger=outside["ledger"],
            rejected={},
            **fresh,
        ),
        rotation=replace(parts.rotation, begin=fragile(world.begin_log, fuse, "rotation"), **fresh),
        ledger=ledger,
    )


@dataclass(frozen=True)
class DyingBeforeThePromise:
    """A publication whose process dies when everything is written but the checkpoint."""

    real: Publication

    async def put(self, origin: str, path: str, data: bytes) -> None:
        if path == CHECKPOINT:
            raise Crash(path)
        await self.real.put(origin, path, data)

    async def get(self, origin: str, path: str) -> bytes | None:
        return await self.real.get(origin, path)

    async def origins(self) -> Sequence[str]:
        return await self.real.origins()

    async def check(self) -> None:
        await self.real.check()
