"""A club's verifiable log in SQL: pending rows, leaves, tiles, head, keys, checkpoints, anchors and records."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, case, delete, func, literal, or_, select, update

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import TENANT, Database, Session, everyones, mine
from adapters.outbound.sql.journal import LOG
from adapters.outbound.sql.unit_of_work import SqlTx
from core.log.merkle import EMPTY_ROOT
from core.log.policy import Policy
from core.log.records import parse_record
from ports.bus import Message
from ports.log import (
    DirectoryEntry,
    LogHead,
    LogKey,
    LogMoved,
    Pending,
    RecordMissing,
    StoredAnchor,
    StoredCheckpoint,
    StoredCosignature,
    StoredDisclosure,
    StoredRecord,
    Waiting,
)
from ports.unit_of_work import Missing
from shared.canonical import Json, dumps, loads

_pending, _leaf, _tile, _event, _record = schema.pending, schema.leaf, schema.tile, schema.event, schema.record
_lost = schema.lost_leaf
_ids: BindParameter[Any] = bindparam("ids", expanding=True)

_TAKE = (
    select(_pending.c.sequence, _pending.c.event_id)
    .where(
        _pending.c.consumer == bindparam("consumer"),
        _pending.c.tenant == TENANT,
    )
    .order_by(_pending.c.sequence)
    .limit(bindparam("most"))
)
_DROP = delete(_pending).where(
    _pending.c.sequence.in_(_ids), _pending.c.consumer == bindparam("consumer"), _pending.c.tenant == TENANT
)
_COMMITMENTS = select(_record.c.event_id, _record.c.commitment).where(_record.c.event_id.in_(_ids), mine(_record))
_MESSAGES = (
    select(_event, _record.c.data)
    .join(_record, and_(_record.c.event_id == _event.c.id, mine(_record)))
    .where(_event.c.id.in_(_ids), mine(_event))
)
_HEAD = select(schema.log).where(mine(schema.log))
_ADVANCE = (
    update(schema.log)
    .where(schema.log.c.size == bindparam("old_size"), mine(schema.log))
    .values(size=bindparam("new_size"), root=bindparam("new_root"))
)
_KEYS = select(schema.log_key).where(mine(schema.log_key)).order_by(schema.log_key.c.from_size)
_CLOSE = (
    update(schema.log_key)
    .where(schema.log_key.c.until_size.is_(None), schema.log_key.c.from_size < bindparam("start"), mine(schema.log_key))
    .values(until_size=bindparam("start"))
)
_EVERY_KEY = (
    select(schema.log_key, schema.directory.c.origin)
    .join(schema.directory, schema.directory.c.club == schema.log_key.c.club_id)
    .where(everyones(schema.log_key))
    .order_by(schema.log_key.c.club_id, schema.log_key.c.from_size)
)
_NEWEST_CHECKPOINT = (
    select(schema.checkpoint).where(mine(schema.checkpoint)).order_by(schema.checkpoint.c.size.desc()).limit(1)
)
_CHECKPOINT = select(schema.checkpoint).where(schema.checkpoint.c.size == bindparam("size"), mine(schema.checkpoint))
_NEWEST_ANCHOR = select(schema.anchor).where(mine(schema.anchor)).order_by(schema.anchor.c.size.desc()).limit(1)
_ANCHOR = (
    select(schema.anchor)
    .where(schema.anchor.c.size >= bindparam("size"), mine(schema.anchor))
    .order_by(schema.anchor.c.size)
    .limit(1)
)
_COSIGNATURES = (
    select(schema.cosignature)
    .where(schema.cosignature.c.size == bindparam("size"), mine(schema.cosignature))
    .order_by(schema.cosignature.c.witness)
)
_OVER = (
    select(schema.cosignature.c.size)
    .where(schema.cosignature.c.size >= bindparam("size"), mine(schema.cosignature))
    .group_by(schema.cosignature.c.size)
    .order_by(schema.cosignature.c.size)
    .limit(1)
)
_OVER_AND_ANCHORED = _OVER.join(
    schema.anchor, and_(schema.anchor.c.size == schema.cosignature.c.size, mine(schema.anchor))
)
_COSIGNED = select(func.max(schema.cosignature.c.size)).where(
    schema.cosignature.c.witness == bindparam("witness"), mine(schema.cosignature)
)
_RECORD = (
    select(_record, _leaf.c.index, schema.directory.c.origin)
    .join(_event, and_(_event.c.id == _record.c.event_id, mine(_event)))
    .join(schema.directory, schema.directory.c.club == _event.c.leading_club)
    .outerjoin(_leaf, and_(_leaf.c.event_id == _record.c.event_id, mine(_leaf)))
    .where(_record.c.event_id == bindparam("event_id"), mine(_record))
)
_WAITING = (
    select(_pending.c.sequence, _pending.c.event_id, _record.c.commitment)
    .join(_record, and_(_record.c.event_id == _pending.c.event_id, mine(_record)))
    .where(
        _pending.c.consumer == LOG,
        _pending.c.tenant == TENANT,
        _record.c.commitment.in_(bindparam("commitments", expanding=True)),
    )
)
_ENTRIES = (
    select(_leaf.c.index, _record.c.commitment)
    .join(_leaf, and_(_leaf.c.event_id == _record.c.event_id, mine(_leaf)))
    .where(_leaf.c.index >= bindparam("start"), _leaf.c.index < bindparam("end"), mine(_record))
    .order_by(_leaf.c.index)
)
_LOST = select(_lost.c.index, _lost.c.commitment).where(
    _lost.c.index >= bindparam("start"), _lost.c.index < bindparam("end"), mine(_lost)
)
_DISCLOSURES = (
    select(schema.disclosure)
    .where(schema.disclosure.c.event_id == bindparam("event_id"), mine(schema.disclosure))
    .order_by(schema.disclosure.c.pointer)
)
_KEY = select(schema.subject.c.key).where(schema.subject.c.id == bindparam("id"), mine(schema.subject))
_WITH_WORK = select(_pending.c.tenant).distinct().where(_pending.c.consumer == bindparam("consumer"))
_BACKLOG = select(_pending.c.consumer, func.count().label("rows"), func.min(_pending.c.at).label("since")).group_by(
    _pending.c.consumer
)
_DIRECTORY = select(schema.directory).order_by(schema.directory.c.club)
_ENTRY = select(schema.directory).where(schema.directory.c.origin == bindparam("origin"))


class SqlLog:
    """Implements ports.log.Log for the club of the session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def _club(self) -> UUID:
        return cast(UUID, self._session.club)

    async def lock(self, consumer: str) -> bool:
        name = f"{consumer}\0{self._club}"
        return await self._session.try_lock(name)

    async def take(self, consumer: str, limit: int) -> Sequence[Pending]:
        rows = await self._session.all(_TAKE, consumer=consumer, most=limit)
        return [Pending(sequence=row["sequence"], event_id=row["event_id"]) for row in rows]

    async def drop(self, consumer: str, taken: Sequence[Pending]) -> None:
        if taken:
            await self._session.change(_DROP, consumer=consumer, ids=[one.sequence for one in taken])

    async def ask(self, consumer: str) -> None:
        database = self._session.database
        row = {"event_id": database.new_id(), "tenant": self._club, "consumer": consumer, "at": database.now()}
        await self._session.insert(_pending, [row])

    async def commitments(self, events: Sequence[UUID]) -> Mapping[UUID, bytes]:
        rows = await self._session.all(_COMMITMENTS, ids=list(events))
        return {row["event_id"]: bytes(row["commitment"]) for row in rows}

    async def messages(self, events: Sequence[UUID]) -> Mapping[UUID, Message]:
        messages = {}
        for row in await self._session.all(_MESSAGES, ids=list(events)):
            others = () if row["other_club"] is None else (row["other_club"],)
            messages[row["id"]] = Message(
                id=row["id"],
                type=row["type"],
                at=row["at"],
                clubs=(row["club_id"], *others),
                aggregate=row["kind"],
                aggregate_id=row["aggregate_id"],
                version=row["version"],
                facts=dict(parse_record(bytes(row["data"])).object),
            )
        return messages

    async def waiting(self, commitments: Sequence[bytes]) -> Mapping[bytes, Pending]:
        rows = await self._session.all(_WAITING, commitments=list(commitments))
        return {bytes(row["commitment"]): Pending(sequence=row["sequence"], event_id=row["event_id"]) for row in rows}

    async def head(self) -> LogHead:
        row = await self._session.first(_HEAD)
        if row is None:
            origin = await self._session.origin_of(self._club)
            return LogHead(origin=origin, size=0, root=EMPTY_ROOT)
        return LogHead(origin=row["origin"], size=row["size"], root=bytes(row["root"]))

    async def tiles(self, wanted: Iterable[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        places = [and_(_tile.c.level == level, _tile.c.index == index) for level, index in wanted]
        if not places:
            return {}
        rows = await self._session.all(select(_tile).where(or_(*places), mine(_tile)))
        return {(row["level"], row["index"]): bytes(row["hashes"]) for row in rows}

    async def grow(
        self, old: LogHead, new: LogHead, tiles: Mapping[tuple[int, int], bytes], entries: Sequence[UUID | bytes]
    ) -> None:
        if old.size == 0:
            row = {"club_id": self._club, "origin": old.origin, "size": 0, "root": old.root}
            await self._session.insert_new(schema.log, row)
        moved = await self._session.change(_ADVANCE, old_size=old.size, new_size=new.size, new_root=new.root)
        if moved != 1:
            raise LogMoved
        placed = [({"club_id": self._club, "index": index}, entry) for index, entry in enumerate(entries, old.size)]
        leaves = [{**place, "event_id": entry} for place, entry in placed if isinstance(entry, UUID)]
        await self._session.insert(_leaf, leaves)
        lost = [{**place, "commitment": entry} for place, entry in placed if isinstance(entry, bytes)]
        await self._session.insert(_lost, lost)
        rows = [
            {"club_id": self._club, "level": level, "index": index, "hashes": hashes}
            for (level, index), hashes in tiles.items()
        ]
        await self._session.upsert(_tile, rows)

    async def entries(self, start: int, end: int) -> Sequence[bytes]:
        rows = list(await self._session.all(_ENTRIES, start=start, end=end))
        if len(rows) < end - start:
            rows += await self._session.all(_LOST, start=start, end=end)
            rows.sort(key=lambda row: int(row["index"]))
        return [bytes(row["commitment"]) for row in rows]

    async def keys(self) -> Sequence[LogKey]:
        return [_log_key(row) for row in await self._session.all(_KEYS)]

    async def add_key(self, key: LogKey) -> None:
        await self._session.change(_CLOSE, start=key.from_size)
        row = {"club_id": self._club, "from_size": key.from_size, "until_size": key.until_size}
        await self._session.insert_new(schema.log_key, {**row, "verifier_key": key.verifier_key})

    async def checkpoint(self, at_least: int = 0) -> StoredCheckpoint | None:
        row = await self._session.first(_NEWEST_CHECKPOINT)
        if row is None or row["size"] < at_least:
            return None
        return StoredCheckpoint(size=row["size"], note=row["note"], at=row["at"])

    async def add_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        row = {"club_id": self._club, "size": checkpoint.size, "note": checkpoint.note, "at": checkpoint.at}
        await self._session.insert_new(schema.checkpoint, row)

    async def checkpoint_of(self, size: int) -> StoredCheckpoint | None:
        row = await self._session.first(_CHECKPOINT, size=size)
        return None if row is None else StoredCheckpoint(size=row["size"], note=row["note"], at=row["at"])

    async def anchor(self, at_least: int = 0) -> StoredAnchor | None:
        found = self._session.first(_ANCHOR, size=at_least) if at_least else self._session.first(_NEWEST_ANCHOR)
        row = await found
        if row is None:
            return None
        evidence = cast("dict[str, Json]", loads(row["evidence"].encode()))
        return StoredAnchor(size=row["size"], evidence=evidence, at=row["at"])

    async def add_anchor(self, anchor: StoredAnchor) -> None:
        evidence = dumps(anchor.evidence).decode()
        row = {"club_id": self._club, "size": anchor.size, "evidence": evidence, "at": anchor.at}
        await self._session.insert_new(schema.anchor, row)

    async def cosignatures(self, size: int) -> Sequence[StoredCosignature]:
        rows = await self._session.all(_COSIGNATURES, size=size)
        return [
            StoredCosignature(size=row["size"], witness=row["witness"], line=row["line"], at=row["at"]) for row in rows
        ]

    async def witnessed(self, at_least: int, policy: Policy, *, anchored: bool) -> int | None:
        if policy.quorum is None:
            return None
        over = (_OVER_AND_ANCHORED if anchored else _OVER).having(_quorate(policy, policy.quorum))
        size: int | None = await self._session.value(over, size=at_least)
        return size

    async def cosigned(self, witness: str) -> int:
        return await self._session.value(_COSIGNED, witness=witness) or 0

    async def add_cosignature(self, cosignature: StoredCosignature) -> None:
        row = {"club_id": self._club, "size": cosignature.size, "witness": cosignature.witness}
        row |= {"line": cosignature.line, "at": cosignature.at}
        await self._session.insert_new(schema.cosignature, row)

    async def record(self, event_id: UUID) -> StoredRecord:
        row = await self._session.first(_RECORD, event_id=event_id)
        if row is None:
            raise RecordMissing
        return StoredRecord(
            event_id=row["event_id"],
            leading_origin=row["origin"],
            data=bytes(row["data"]),
            salt=bytes(row["salt"]),
            commitment=bytes(row["commitment"]),
            index=row["index"],
        )

    async def disclosures(self, event_id: UUID) -> Sequence[StoredDisclosure]:
        rows = await self._session.all(_DISCLOSURES, event_id=event_id)
        return [
            StoredDisclosure(
                pointer=row["pointer"], name=row["name"], value=loads(row["value"].encode()), subject=row["subject"]
            )
            for row in rows
        ]

    async def subject_key(self, subject: UUID) -> bytes | None:
        key = await self._session.value(_KEY, id=subject)
        return None if key is None else bytes(key)


class SqlLogTx(SqlTx):
    """Implements ports.log.LogTx."""

    @property
    def log(self) -> SqlLog:
        return SqlLog(self.session)


class SqlBacklog:
    """Implements ports.log.Backlog: reads only what stands outside row-level security."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def clubs_with_work(self, consumer: str) -> Sequence[UUID]:
        async with self._database.reading(None) as session:
            return [row["tenant"] for row in await session.all(_WITH_WORK, consumer=consumer)]

    async def waiting(self) -> Mapping[str, Waiting]:
        async with self._database.reading(None) as session:
            rows = await session.all(_BACKLOG)
        return {row["consumer"]: Waiting(rows=row["rows"], since=row["since"]) for row in rows}

    async def directory(self) -> Sequence[DirectoryEntry]:
        async with self._database.reading(None) as session:
            return [DirectoryEntry(**row) for row in await session.all(_DIRECTORY)]

    async def keys(self) -> Mapping[str, Sequence[LogKey]]:
        keys: dict[str, list[LogKey]] = {}
        async with self._database.reading(None) as session:
            for row in await session.all(_EVERY_KEY):
                keys.setdefault(row["origin"], []).append(_log_key(row))
        return keys

    async def entry(self, origin: str) -> DirectoryEntry:
        async with self._database.reading(None) as session:
            row = await session.first(_ENTRY, origin=origin)
        if row is None:
            raise Missing(kind="log")
        return DirectoryEntry(**row)


def _quorate(policy: Policy, quorum: str) -> ColumnElement[bool]:
    """`Policy.satisfied_by` for the cosignatures of one checkpoint: the database looks through as many as there are."""
    by = schema.cosignature.c.witness
    reached: dict[str, ColumnElement[int]] = {
        name: func.max(case((by == str(key), 1), else_=0)) for name, key in policy.witnesses.items()
    }
    for name, group in policy.groups.items():
        members = sum((reached[member] for member in group.members), literal(0))
        reached[name] = case((members >= group.threshold, 1), else_=0)
    return reached[quorum] == 1


def _log_key(row: Mapping[str, Any]) -> LogKey:
    return LogKey(verifier_key=row["verifier_key"], from_size=row["from_size"], until_size=row["until_size"])
