"""A log that is set back behind what was published of it, its rebuild, and what may be done to the publication."""

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from adapters.outbound.ed25519 import Signer
from adapters.outbound.local.ledger import LocalLedger
from adapters.outbound.sql import schema
from adapters.outbound.sql.database import mine
from app.log.publisher import CHECKPOINT
from app.log.rebuild import Rebuilt
from concordat.assembly.workers import build_rebuild
from concordat.builders import WITNESS_SEED
from core.log.checkpoints import Checkpoint, sign_checkpoint
from core.log.merkle import root
from core.log.notes import VerifierKey
from core.log.receipts import receipt_text
from core.log.records import leaf_of
from core.log.tiles import EntryBundle, decode_entries, encode_entries
from ports.caller import Caller
from tests.contracts.worlds import renamed
from tests.integration.log.crashes import Fuse, fragile
from tests.integration.log.restoring import Stage, grown
from tests.support.scenes import found
from tests.support.world import START, World, caller, world_at

BATCH = 2


def quiet(_origin: str, _doing: str, _done: int, _total: int) -> None:
    """Nobody watches."""


async def rebuilt(
    world: World, *, write: bool = True, fuse: Fuse | None = None, batch: int = BATCH
) -> Sequence[Rebuilt]:
    """What `log rebuild` does, in small batches, as a process of its own."""
    rebuild = build_rebuild(world.system.infrastructure)
    begin = rebuild.begin if fuse is None else fragile(rebuild.begin, fuse, "rebuilding")
    rebuild = replace(rebuild, begin=begin, planner=replace(rebuild.planner, batch=batch))
    return await rebuild.run(quiet, None, write=write)


async def event_at(world: World, club: Caller, index: int) -> UUID:
    statement = select(schema.leaf.c.event_id).where(schema.leaf.c.index == index, mine(schema.leaf))
    async with world.begin_log(club) as tx:
        found: UUID = await tx.session.value(statement)
        return found


async def stored(world: World, club: Caller) -> tuple[object, ...]:
    """Everything of the log that a rebuild could change."""
    async with world.begin_log(club) as tx:
        head = await tx.log.head()
        pending = await tx.log.take("log", 1000)
        return head, await tx.log.entries(0, 1000), await tx.log.keys(), await tx.log.checkpoint(), pending


async def whole(world: World, club: Caller) -> int:
    """The size of a log that is signed, anchored and published as it is stored, and in which nothing is found wrong."""
    async with world.begin_log(club) as tx:
        head, newest = await tx.log.head(), await tx.log.checkpoint()
        entries = await tx.log.entries(0, head.size)
        assert await tx.log.take("log", 1) == []
    assert root(map(leaf_of, entries)) == head.root and len(entries) == head.size
    held = await world.ledger.head(head.origin)
    assert newest is not None and held is not None and (held.size, held.root) == (head.size, head.root)
    publication = world.system.infrastructure.publication
    assert await publication.get(head.origin, CHECKPOINT) == newest.note.encode()
    assert world.system.alarms() == []
    return head.size


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A log of six leaves, set back to three: the fourth waits in the backup, the last two are lost."""

    club: Caller
    origin: str
    waits: UUID
    lost: UUID
    receipt: bytes


async def set_back(stage: Stage) -> Lost:
    async with stage.world() as world:
        club = caller((await found(world)).id)
        await grown(world, club, "One", "Two")
        await renamed(world, club, "Waits")
        # The backup is made while the record of the fourth leaf is pending.
    stage.back_up()
    async with stage.world() as world:
        await grown(world, club, "Lost", "Lost too")
        lost = await event_at(world, club, 4)
        receipt = receipt_text(await world.log.receipts.get(club, lost)).encode()
        waits = await event_at(world, club, 3)
        async with world.begin_log(club) as tx:
            origin = (await tx.log.head()).origin
    stage.restore()
    return Lost(club=club, origin=origin, waits=waits, lost=lost, receipt=receipt)


@dataclass(frozen=True)
class Published:
    """The published files of one log, for whoever can write to the folder."""

    stage: Stage
    origin: str

    @property
    def folder(self) -> Path:
        return self.stage.folder / "published" / self.origin

    def bundle(self, size: int) -> Path:
        return self.folder / EntryBundle(0, size).path

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT

    def sign(self, size: int, seed: bytes) -> None:
        """A checkpoint of another root, under the key of a seed."""
        signer = Signer(seed)
        key = VerifierKey(name=self.origin, public=signer.key)
        forged = Checkpoint(origin=self.origin, size=size, root=bytes(32))
        self.checkpoint.write_text(sign_checkpoint(forged, key, signer))

    @property
    def seed(self) -> bytes:
        return (self.stage.folder / "secrets" / f"log+{self.origin.replace('/', '+')}").read_bytes()


def _entry(published: Published, size: int = 6) -> str:
    entries = list(decode_entries(published.bundle(size).read_bytes()))
    entries[size - 1] = entries[size - 1][:-1] + bytes([entries[size - 1][-1] ^ 1])
    published.bundle(size).write_bytes(encode_entries(entries))
    return f"the published entry of leaf {size - 1} is not that of the published tile"


def _short(published: Published, size: int = 6) -> str:
    entries = decode_entries(published.bundle(size).read_bytes())
    published.bundle(size).write_bytes(encode_entries(entries[:-1]))
    return "is published with too few entries"


def _gone(published: Published, size: int = 6) -> str:
    published.bundle(size).unlink()
    return "tile/entries/000.p/6 is not among what was published"


def _root(published: Published, size: int = 6) -> str:
    published.sign(size, published.seed)
    return "the published entries do not lead to the root of the published checkpoint"


def _key(published: Published, size: int = 6) -> str:
    published.sign(size, bytes(32))
    return "no signature of a known key"


def _garbage(published: Published, size: int = 6) -> str:
    published.checkpoint.write_bytes(b"\xff" * size)
    return "no signature lines after an empty line"


def _older(published: Published, size: int = 6) -> str:
    published.sign(size - 3, published.seed)
    return "3 leaves were published, the ledger has seen 6"


TAMPERED: dict[str, Callable[..., str]] = {
    "entry": _entry,
    "short": _short,
    "gone": _gone,
    "root": _root,
    "key": _key,
    "garbage": _garbage,
    "older": _older,
}


def kept(stage: Stage) -> Callable[[], None]:
    """Makes database, ledger and publication what they are now: the database's backup is that of the stage."""
    for part in ("ledger", "published"):
        shutil.copytree(stage.folder / part, stage.folder / f"{part}.kept")

    def again() -> None:
        stage.restore()
        for part in ("ledger", "published"):
            shutil.rmtree(stage.folder / part)
            shutil.copytree(stage.folder / f"{part}.kept", stage.folder / part)

    return again


@asynccontextmanager
async def forked(stage: Stage, told: Lost) -> AsyncIterator[World]:
    """The same log under its own key, before a ledger that knows nothing of it and with nothing published."""
    seed = (stage.folder / "secrets" / WITNESS_SEED.replace("/", "+")).read_bytes()
    shutil.rmtree(stage.folder / "published")
    ledger = LocalLedger(stage.folder / "other ledger", seed, lambda: START)
    async with world_at(stage.url, stage.folder, overrides={"ledger": ledger}) as world:
        yield world
    ledger.close()
