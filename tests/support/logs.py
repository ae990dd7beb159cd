"""One club's log, verified from its genesis by nothing but public mathematics and stored bytes."""

from typing import cast

from sqlalchemy import select

from adapters.outbound.ed25519 import verify
from adapters.outbound.signatures import SIGNATURES
from adapters.outbound.sql import schema
from adapters.outbound.sql.database import mine
from app.log.publisher import CHECKPOINT
from core.log.checkpoints import open_checkpoint
from core.log.evidence import check_evidence
from core.log.merkle import root
from core.log.notes import parse_key
from core.log.records import commitment, commitment_of_leaf, leaf_data, leaf_of, parse_record
from core.log.tiles import TILE_WIDTH, EntryBundle, Tile, decode_entries
from core.log.trust import parse_ledger_trust
from ports.caller import Caller
from shared.canonical import Json
from tests.support.world import World


async def verified(world: World, club: Caller) -> int:
    """The number of leaves of a log in which everything is a leaf once, signed, anchored and published."""
    commitments = await _leaves(world, club)
    await _checkpoints(world, club, commitments)
    await _published(world, club, commitments)
    return len(commitments)


async def _leaves(world: World, club: Caller) -> list[bytes]:
    """Commitments in the order of the leaves: of every record of the club once, the genesis first."""
    async with world.begin_log(club) as tx:
        head = await tx.log.head()
        assert await tx.log.take("log", 1) == []
        recorded = {row["event_id"] for row in await tx.session.all(_RECORDS)}
        leaves = [row["event_id"] for row in await tx.session.all(_LEAVES)]
        assert len(leaves) == len(recorded) == head.size and set(leaves) == recorded
        records = [await tx.log.record(event) for event in leaves]
        assert [record.index for record in records] == list(range(head.size))
        assert all(commitment(record.salt, record.data) == record.commitment for record in records)
        genesis = parse_record(records[0].data)
        assert (genesis.type, genesis.object["origin"], genesis.log) == ("clubs.club_founded", head.origin, head.origin)
        assert await tx.log.entries(0, head.size) == [record.commitment for record in records]
        assert root(leaf_of(record.commitment) for record in records) == head.root
        return [record.commitment for record in records]


async def _checkpoints(world: World, club: Caller, commitments: list[bytes]) -> None:
    """Every checkpoint ever signed, at most one for a size, is of this very tree, and the ledger holds the newest."""
    trust = parse_ledger_trust(cast(Json, await world.ledger.trust()))
    async with world.begin_log(club) as tx:
        head, anchor = await tx.log.head(), await tx.log.anchor()
        keys = [parse_key(key.verifier_key) for key in await tx.log.keys()]
        for size in range(1, head.size + 1):
            stored = await tx.log.checkpoint_of(size)
            if stored is not None:
                signed = open_checkpoint(stored.note, keys, verify).checkpoint
                assert (signed.origin, signed.size) == (head.origin, size)
                assert signed.root == root(leaf_of(each) for each in commitments[:size])
        newest = await tx.log.checkpoint_of(head.size)
    assert newest is not None and anchor is not None and anchor.size == head.size
    held = await world.ledger.head(head.origin)
    assert held is not None and (held.size, held.root) == (head.size, head.root)
    signed = open_checkpoint(newest.note, keys, verify).checkpoint
    check_evidence(anchor.evidence, signed, trust, SIGNATURES)


async def _published(world: World, club: Caller, commitments: list[bytes]) -> None:
    """What is published is what the newest checkpoint covers."""
    publication = world.system.infrastructure.publication
    async with world.begin_log(club) as tx:
        head, newest = await tx.log.head(), await tx.log.checkpoint()
    assert newest is not None
    assert await publication.get(head.origin, CHECKPOINT) == newest.note.encode()
    for start in range(0, len(commitments), TILE_WIDTH):
        expected = commitments[start : start + TILE_WIDTH]
        place = start // TILE_WIDTH, len(expected)
        bundle = await publication.get(head.origin, EntryBundle(*place).path)
        assert bundle is not None
        assert [commitment_of_leaf(entry) for entry in decode_entries(bundle)] == expected
        tile = await publication.get(head.origin, Tile(0, *place).path)
        assert tile == b"".join(leaf_of(each) for each in expected)
        assert leaf_data(expected[0]) == decode_entries(bundle)[0]


_RECORDS = select(schema.record.c.event_id).where(mine(schema.record))
_LEAVES = select(schema.leaf.c.event_id).where(mine(schema.leaf)).order_by(schema.leaf.c.index)
