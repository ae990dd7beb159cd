"""The event journal and the verifiable log, under row-level security from the first migration on."""

import sqlalchemy as sa
from alembic import op

from adapters.outbound.sql.policies import enforce, unsampled

revision = "v0001"
down_revision = None

PROTECTED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("anchor", ("club_id",), "SI"),
    ("answer", ("club_id",), "SID"),
    ("checkpoint", ("club_id",), "SI"),
    ("event", ("club_id", "other_club"), "SI"),
    ("log", ("club_id",), "SIU"),
    ("log_key", ("club_id",), "SIU"),
    ("lost_leaf", ("club_id",), "SI"),
    ("parked", ("club_id",), "SID"),
    ("subject", ("club_id", "shared_with"), "SID"),
    ("tile", ("club_id",), "SIU"),
    ("record", ("club_id",), "SI"),
    ("disclosure", ("club_id",), "SID"),
    ("leaf", ("club_id",), "SI"),
)

PERSONAL: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("answer", ("answer",)),
    ("disclosure", ("value",)),
    ("subject", ("key",)),
)


def upgrade() -> None:
    _anchor()
    _answer()
    _checkpoint()
    _directory()
    _event()
    _inbox()
    _log()
    _log_key()
    _lost_leaf()
    _parked()
    _pending()
    _subject()
    _tile()
    _record()
    _disclosure()
    _leaf()
    if op.get_context().dialect.name == "postgresql":
        for table, parties, rights in PROTECTED:
            for statement in enforce(table, parties, rights):
                op.execute(statement)
        for table, columns in PERSONAL:
            for statement in unsampled(table, columns):
                op.execute(statement)


def downgrade() -> None:
    op.drop_table("leaf")
    op.drop_table("disclosure")
    op.drop_table("record")
    op.drop_table("tile")
    op.drop_table("subject")
    op.drop_table("pending")
    op.drop_table("parked")
    op.drop_table("lost_leaf")
    op.drop_table("log_key")
    op.drop_table("log")
    op.drop_table("inbox")
    op.drop_table("event")
    op.drop_table("directory")
    op.drop_table("checkpoint")
    op.drop_table("answer")
    op.drop_table("anchor")


def _anchor() -> None:
    op.create_table(
        "anchor",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("club_id", "size"),
    )


def _answer() -> None:
    op.create_table(
        "answer",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("subject_club", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("club_id", "principal", "operation", "key"),
    )
    op.create_index("ix_answer_at", "answer", ["club_id", "at"], unique=False)
    op.create_index("ix_answer_subject", "answer", ["subject"], unique=False)


def _checkpoint() -> None:
    op.create_table(
        "checkpoint",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("club_id", "size"),
    )


def _directory() -> None:
    op.create_table(
        "directory",
        sa.Column("club", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("latitude_microdegrees", sa.Integer(), nullable=False),
        sa.Column("longitude_microdegrees", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("club"),
        sa.UniqueConstraint("origin", name="uq_directory_origin"),
    )


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("other_club", sa.Uuid(), nullable=True),
        sa.Column("leading_club", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "aggregate_id", "version", name="uq_event_kind_aggregate_id_version"),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_index("ix_inbox_at", "inbox", ["at"], unique=False)


def _log() -> None:
    op.create_table(
        "log",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("club_id"),
    )


def _log_key() -> None:
    op.create_table(
        "log_key",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("from_size", sa.Integer(), nullable=False),
        sa.Column("until_size", sa.Integer(), nullable=True),
        sa.Column("verifier_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("club_id", "from_size"),
    )


def _lost_leaf() -> None:
    op.create_table(
        "lost_leaf",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("club_id", "index"),
    )


def _parked() -> None:
    op.create_table(
        "parked",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("club_id", "consumer", "event_id"),
    )


def _pending() -> None:
    op.create_table(
        "pending",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Uuid(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_pending_consumer", "pending", ["consumer", "tenant", "sequence"], unique=False)


def _subject() -> None:
    op.create_table(
        "subject",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("shared_with", sa.Uuid(), nullable=True),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_subject_person", "subject", ["person"], unique=False)


def _tile() -> None:
    op.create_table(
        "tile",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("club_id", "level", "index"),
    )


def _record() -> None:
    op.create_table(
        "record",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["event.id"],
        ),
        sa.PrimaryKeyConstraint("club_id", "event_id"),
    )


def _disclosure() -> None:
    op.create_table(
        "disclosure",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("pointer", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("subject_club", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["club_id", "event_id"],
            ["record.club_id", "record.event_id"],
        ),
        sa.PrimaryKeyConstraint("club_id", "event_id", "pointer"),
    )
    op.create_index("ix_disclosure_subject", "disclosure", ["subject"], unique=False)


def _leaf() -> None:
    op.create_table(
        "leaf",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["club_id", "event_id"],
            ["record.club_id", "record.event_id"],
        ),
        sa.PrimaryKeyConstraint("club_id", "index"),
        sa.UniqueConstraint("club_id", "event_id", name="uq_leaf_club_id_event_id"),
    )
