"""The statements of the audit, each built once: journal and log joined row by row, and live tables as they are."""

from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Table,
    Uuid,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.types import NullType

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import TENANT, mine
from adapters.outbound.sql.journal import LOG
from adapters.outbound.sql.stored import Live, Shape, raw
from adapters.outbound.sql.tables import metadata
from core.log.audit.rows import (
    CheckpointRow,
    DirectoryRow,
    DisclosureRow,
    EventRow,
    HeadRow,
    KeyRow,
    LostRow,
    RecordRow,
    SubjectRow,
    TileRow,
)

event, record, leaf, tile, pending = schema.event, schema.record, schema.leaf, schema.tile, schema.pending
lost_leaf = schema.lost_leaf
disclosure, subject, checkpoint, anchor = schema.disclosure, schema.subject, schema.checkpoint, schema.anchor

IDS: BindParameter[Any] = bindparam("ids", expanding=True, type_=Uuid())
MOST: BindParameter[Any] = bindparam("most")


class Paged:
    """A statement read window by window in the order of its keys, each from where the one before ended."""

    def __init__(self, statement: Select[Any], *keys: Column[Any]) -> None:
        self.width = len(keys)
        places = [type_coerce(key, NullType()) for key in keys]
        after = [bindparam(f"after_{at}", type_=NullType()) for at in range(self.width)]
        ordered = statement.add_columns(*(place.label(f"key_{at}") for at, place in enumerate(places)))
        self.first = ordered.order_by(*places).limit(MOST)
        beyond = places[0] > after[0] if self.width == 1 else tuple_(*places) > tuple_(*after)
        self.next = ordered.where(beyond).order_by(*places).limit(MOST)


EVENT = Shape(EventRow, *(column for column in event.columns))
RECORD = Shape(RecordRow, record.c.event_id, record.c.data, record.c.salt, record.c.commitment)
LEAF = Shape(lambda place, event_id: (place, event_id), leaf.c.index, leaf.c.event_id)
LOST_LEAF = Shape(LostRow, lost_leaf.c.index, lost_leaf.c.commitment)
HEAD = Shape(HeadRow, schema.log.c.origin, schema.log.c.size, schema.log.c.root)
DIRECTORY = Shape(DirectoryRow, schema.directory.c.club, schema.directory.c.origin)
KEY = Shape(KeyRow, *(schema.log_key.c[name] for name in ("from_size", "until_size", "verifier_key")))
CHECKPOINT = Shape(CheckpointRow, checkpoint.c.size, checkpoint.c.note)
ANCHOR = Shape(lambda size, evidence: (size, evidence), anchor.c.size, anchor.c.evidence)
TILE = Shape(TileRow, tile.c.level, tile.c.index, tile.c.hashes)
DISCLOSURE = Shape(DisclosureRow, *(disclosure.c[name] for name in DisclosureRow._fields))
SUBJECT = Shape(SubjectRow, *(subject.c[name] for name in ("id", "club_id", "person", "shared_with", "key")))
PENDING = Shape(
    lambda sequence, event_id, consumer: (sequence, event_id, consumer),
    pending.c.sequence,
    pending.c.event_id,
    pending.c.consumer,
)

_entry = (*LEAF.selected, *RECORD.selected, *EVENT.selected)
_with_leaf = and_(leaf.c.event_id == record.c.event_id, mine(leaf))
_with_event = and_(event.c.id == record.c.event_id, mine(event))
_by_leaf = (
    select(*_entry)
    .select_from(
        leaf.outerjoin(record, and_(record.c.event_id == leaf.c.event_id, mine(record))).outerjoin(
            event, and_(event.c.id == leaf.c.event_id, mine(event))
        )
    )
    .where(mine(leaf))
)
_records = record.outerjoin(leaf, _with_leaf).outerjoin(event, _with_event)
_by_record = select(*_entry).select_from(_records).where(mine(record))
_events = event.join(record, _with_event).outerjoin(leaf, _with_leaf)
_by_event = select(*_entry).select_from(_events).where(mine(record))

DIRECTORY_ROWS = select(*DIRECTORY.selected).order_by(schema.directory.c.club)
HEADS = select(*HEAD.selected).where(mine(schema.log))
HIGHEST_LEAF = select(*raw(leaf.c.index)).where(mine(leaf)).order_by(leaf.c.index.desc()).limit(1)
LAST_TILE = (
    select(*raw(tile.c.index), func.length(tile.c.hashes))
    .where(tile.c.level == 0, mine(tile))
    .order_by(tile.c.index.desc())
    .limit(1)
)
PARTNERS = select(*raw(event.c.club_id, event.c.other_club)).distinct().where(mine(event))
KEYS = select(*KEY.selected).where(mine(schema.log_key)).order_by(schema.log_key.c.from_size)
LAST_CHECKPOINT = select(*CHECKPOINT.selected).where(mine(checkpoint)).order_by(checkpoint.c.size.desc()).limit(1)
CHECKPOINTS = Paged(select(*CHECKPOINT.selected).where(mine(checkpoint)), checkpoint.c.size)
_signed = anchor.outerjoin(checkpoint, and_(checkpoint.c.size == anchor.c.size, mine(checkpoint)))
ANCHORS = Paged(
    select(*ANCHOR.selected, checkpoint.c.size.is_not(None)).select_from(_signed).where(mine(anchor)), anchor.c.size
)
ALL_TILES = Paged(select(*TILE.selected).where(mine(tile)), tile.c.level, tile.c.index)
TILES = select(*TILE.selected).where(
    tile.c.level == bindparam("level"), tile.c.index.in_(bindparam("indices", expanding=True)), mine(tile)
)
ENTRIES = _by_leaf.where(leaf.c.index >= bindparam("start"), leaf.c.index < bindparam("end")).order_by(leaf.c.index)
LEAVES_BEYOND = Paged(_by_leaf.where(or_(leaf.c.index < 0, leaf.c.index >= bindparam("size"))), leaf.c.index)
_lost = select(*LOST_LEAF.selected).where(mine(lost_leaf))
LOST = _lost.where(lost_leaf.c.index >= bindparam("start"), lost_leaf.c.index < bindparam("end"))
LOST_BEYOND = Paged(_lost.where(or_(lost_leaf.c.index < 0, lost_leaf.c.index >= bindparam("size"))), lost_leaf.c.index)
UNPLACED = Paged(_by_record.where(leaf.c.event_id.is_(None)), record.c.event_id)
WAITING = select(*raw(pending.c.event_id)).where(
    pending.c.event_id.in_(IDS), pending.c.consumer == LOG, pending.c.tenant == TENANT
)
_recorded = event.outerjoin(record, and_(record.c.event_id == event.c.id, mine(record)))
WITHOUT_RECORD = Paged(
    select(*EVENT.selected).select_from(_recorded).where(record.c.event_id.is_(None), mine(event)), event.c.id
)
OF_TYPES = Paged(_by_event.where(event.c.type.in_(bindparam("types", expanding=True))), event.c.id)
BY_EVENT = _by_record.where(record.c.event_id.in_(IDS))
HISTORY = _by_event.where(event.c.kind == bindparam("kind"), event.c.aggregate_id.in_(IDS)).order_by(event.c.version)
_about = (event.c.kind == bindparam("kind"), event.c.aggregate_id.in_(IDS), mine(event))
_highest = select(event.c.aggregate_id, func.max(event.c.version).label("version")).where(*_about)
_last = _highest.group_by(event.c.aggregate_id).subquery("last")
NEWEST = _by_event.join(
    _last, and_(_last.c.aggregate_id == event.c.aggregate_id, _last.c.version == event.c.version)
).where(event.c.kind == bindparam("kind"))
_disclosures = select(*DISCLOSURE.selected).where(mine(disclosure))
DISCLOSURES = _disclosures.where(disclosure.c.event_id.in_(IDS))
DISCLOSURES_OF = _disclosures.where(disclosure.c.subject.in_(IDS)).limit(MOST)
_disclosed = disclosure.outerjoin(record, and_(record.c.event_id == disclosure.c.event_id, mine(record)))
DISCLOSURES_WITHOUT_RECORD = Paged(
    _disclosures.select_from(_disclosed).where(record.c.event_id.is_(None)), disclosure.c.event_id, disclosure.c.pointer
)
SUBJECTS = select(*SUBJECT.selected).where(subject.c.id.in_(IDS), mine(subject))
_work = pending.outerjoin(record, and_(record.c.event_id == pending.c.event_id, mine(record))).outerjoin(
    leaf, and_(leaf.c.event_id == pending.c.event_id, mine(leaf))
)
PENDING_ROWS = Paged(
    select(*PENDING.selected, record.c.event_id.is_not(None), leaf.c.event_id.is_not(None))
    .select_from(_work)
    .where(pending.c.tenant == TENANT),
    pending.c.event_id,
    pending.c.sequence,
)

_LIVE_KEYS = {"standing_grant": "visit_id", "directory": "club", "member_number": "mark"}


@cache
def live(table: str) -> Live:
    """A live table and the column that its rows go by."""
    return Live(metadata.tables[table], _LIVE_KEYS.get(table, "id"))


@cache
def live_rows(table: str) -> Paged:
    return Paged(select(*live(table).selected).where(_own(live(table).table)), live(table).key)


@cache
def live_by(table: str, column: str) -> Select[Any]:
    of = live(table).table
    wanted: BindParameter[Any] = bindparam("values", expanding=True, type_=of.c[column].type)
    return select(*live(table).selected).where(of.c[column].in_(wanted), _own(of))


@cache
def unspoken(table: str) -> Paged:
    """Live rows under an id that no event of certain kinds is about."""
    of, key = live(table).table, live(table).key
    about = and_(event.c.aggregate_id == key, event.c.kind.in_(bindparam("kinds", expanding=True)), mine(event))
    statement = select(*live(table).selected).select_from(of.outerjoin(event, about))
    return Paged(statement.where(event.c.id.is_(None), _own(of)), key)


@cache
def gone(kind: str) -> Paged:
    """Ids that events of a kind are about and that no live row has."""
    of = metadata.tables[kind]
    joined = event.outerjoin(of, and_(of.c.id == event.c.aggregate_id, mine(of)))
    statement = select(*raw(event.c.aggregate_id)).distinct().select_from(joined)
    return Paged(statement.where(event.c.kind == kind, of.c.id.is_(None), mine(event)), event.c.aggregate_id)


@cache
def count(table: str) -> Select[Any]:
    of = metadata.tables[table]
    return select(func.count()).select_from(of).where(_own(of))


def _own(table: Table) -> ColumnElement[bool]:
    """The club predicate; the directory, which everybody may read, has none, and a club answers for its own entry."""
    return mine(table) if "parties" in table.info else table.c.club == TENANT
