"""The tables of the event journal and the log; every table says whose its rows are, and who may do what with them.

`info["parties"]` names the columns with the clubs of a row; a table without it stands outside row-level security.
`info["rights"]` are those of the runtime role: Select, Insert, Update, Delete by initial. `info["fixed"]` names columns
that never change, beside keys and clubs. `info["across"]` marks what may be read whole by whoever acts for no club.
"""

from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, MetaData, Table, Text, UniqueConstraint

from adapters.outbound.sql.types import Bytes, Id, Instant, Sequence

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

OUTSIDE_ROW_LEVEL_SECURITY = frozenset({"pending", "inbox", "directory", "attempt", "witnessed", "alembic_version"})


def table(
    name: str,
    *columns: Any,
    parties: tuple[str, ...] = ("club_id",),
    rights: str = "SI",
    fixed: tuple[str, ...] = (),
    personal: tuple[str, ...] = (),
    across: bool = False,
) -> Table:
    """A table of this schema; it says whose its rows are where it is made, since nothing else would remember.

    The values of `personal` columns go with a person, and Postgres keeps no statistics of them, which would quote some.
    """
    info: dict[str, Any] = {"rights": rights, "fixed": fixed, "personal": personal, "across": across}
    if name not in OUTSIDE_ROW_LEVEL_SECURITY:
        info["parties"] = parties
    # SQLite would give the numbers of deleted rows anew; whoever still drops by the old ones would lose the new rows.
    return Table(name, metadata, *columns, info=info, sqlite_autoincrement=name == "pending")


def changeable(table: Table) -> tuple[str, ...]:
    """The columns of a row that may change: not its key, its clubs, and what is fixed for ever."""
    fixed = {*(column.name for column in table.primary_key), *table.info.get("parties", ()), *table.info["fixed"]}
    return tuple(column.name for column in table.columns if column.name not in fixed)


directory = table(
    "directory",
    Column("club", Id, primary_key=True),
    Column("origin", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("latitude_microdegrees", Integer, nullable=False),
    Column("longitude_microdegrees", Integer, nullable=False),
    rights="SIU",
    fixed=("origin",),
)

event = table(
    "event",
    Column("id", Id, primary_key=True),
    Column("club_id", Id, nullable=False),
    Column("other_club", Id),
    Column("leading_club", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("aggregate_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    UniqueConstraint("kind", "aggregate_id", "version"),
    parties=("club_id", "other_club"),
)

record = table(
    "record",
    Column("club_id", Id, primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column("data", Bytes, nullable=False),
    Column("salt", Bytes, nullable=False),
    Column("commitment", Bytes, nullable=False),
    ForeignKeyConstraint(["event_id"], ["event.id"]),
)

disclosure = table(
    "disclosure",
    Column("club_id", Id, primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column("pointer", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("subject", Id, nullable=False, index=True),
    Column("subject_club", Id, nullable=False),
    ForeignKeyConstraint(["club_id", "event_id"], ["record.club_id", "record.event_id"]),
    rights="SID",
    personal=("value",),
)

subject = table(
    "subject",
    Column("id", Id, primary_key=True),
    Column("club_id", Id, nullable=False),
    Column("person", Id, index=True),
    Column("shared_with", Id),
    Column("key", Bytes, nullable=False),
    parties=("club_id", "shared_with"),
    rights="SID",
    personal=("key",),
)

answer = table(
    "answer",
    Column("club_id", Id, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Bytes, nullable=False),
    Column("answer", Bytes, nullable=False),
    Column("at", Instant, nullable=False),
    Column("subject", Id, index=True),
    Column("subject_club", Id),
    Index("ix_answer_at", "club_id", "at"),
    rights="SID",
    personal=("answer",),
)

pending = table(
    "pending",
    Column("sequence", Sequence, primary_key=True, autoincrement=True),
    Column("event_id", Id, nullable=False),
    Column("tenant", Id, nullable=False),
    Column("consumer", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_pending_consumer", "consumer", "tenant", "sequence"),
    rights="SID",
)

inbox = table(
    "inbox",
    Column("consumer", Text, primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
    rights="SID",
)

parked = table(
    "parked",
    Column("club_id", Id, primary_key=True),
    Column("consumer", Text, primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column("type", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("at", Instant, nullable=False),
    rights="SID",
    across=True,
)

log = table(
    "log",
    Column("club_id", Id, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("root", Bytes, nullable=False),
    rights="SIU",
    fixed=("origin",),
)

leaf = table(
    "leaf",
    Column("club_id", Id, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("event_id", Id, nullable=False),
    UniqueConstraint("club_id", "event_id"),
    ForeignKeyConstraint(["club_id", "event_id"], ["record.club_id", "record.event_id"]),
)

lost_leaf = table(
    "lost_leaf",
    Column("club_id", Id, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("commitment", Bytes, nullable=False),
)

tile = table(
    "tile",
    Column("club_id", Id, primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("hashes", Bytes, nullable=False),
    rights="SIU",
)

log_key = table(
    "log_key",
    Column("club_id", Id, primary_key=True),
    Column("from_size", Integer, primary_key=True),
    Column("until_size", Integer),
    Column("verifier_key", Text, nullable=False),
    rights="SIU",
    across=True,
)

checkpoint = table(
    "checkpoint",
    Column("club_id", Id, primary_key=True),
    Column("size", Integer, primary_key=True),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

anchor = table(
    "anchor",
    Column("club_id", Id, primary_key=True),
    Column("size", Integer, primary_key=True),
    Column("evidence", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

cosignature = table(
    "cosignature",
    Column("club_id", Id, primary_key=True),
    Column("size", Integer, primary_key=True),
    Column("witness", Text, primary_key=True),
    Column("line", Text, nullable=False),
    Column("at", Instant, nullable=False),
    ForeignKeyConstraint(["club_id", "size"], ["checkpoint.club_id", "checkpoint.size"]),
)

witnessed = table(
    "witnessed",
    Column("origin", Text, primary_key=True),
    Column("size", Sequence, nullable=False),
    Column("root", Bytes, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
    rights="SIU",
)

attempt = table(
    "attempt",
    Column("round", Bytes, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tx_id", Text, nullable=False),
    Column("envelope", Bytes, nullable=False),
    Column("outcome", Integer),
    Column("at", Instant, nullable=False, index=True),
    rights="SIU",
    fixed=("tx_id", "envelope", "at"),
)
