"""Clubs, members, agreements and visits."""

import sqlalchemy as sa
from alembic import op

from adapters.outbound.sql.policies import enforce, unsampled

revision = "v0002"
down_revision = "v0001"

PROTECTED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("agreement", ("proposer", "partner"), "SIU"),
    ("club", ("id",), "SIU"),
    ("member", ("club_id",), "SIU"),
    ("member_number", ("club_id",), "SI"),
    ("standing_grant", ("home_club", "host_club"), "SIUD"),
    ("visit", ("host_club", "home_club"), "SIU"),
    ("visit_count", ("host_club", "home_club"), "SIU"),
)

PERSONAL: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("member", ("number", "name", "category", "residence", "facts")),
    ("visit", ("reason",)),
    ("standing_grant", ("category", "facts", "distance_from_club_metres", "distance_from_residence_metres")),
)


def upgrade() -> None:
    _agreement()
    _club()
    _member()
    _member_number()
    _standing_grant()
    _visit()
    _visit_count()
    if op.get_context().dialect.name == "postgresql":
        for table, parties, rights in PROTECTED:
            for statement in enforce(table, parties, rights):
                op.execute(statement)
        for table, columns in PERSONAL:
            for statement in unsampled(table, columns):
                op.execute(statement)


def downgrade() -> None:
    op.drop_table("visit_count")
    op.drop_table("visit")
    op.drop_table("standing_grant")
    op.drop_table("member_number")
    op.drop_table("member")
    op.drop_table("club")
    op.drop_table("agreement")


def _agreement() -> None:
    op.create_table(
        "agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("proposer", sa.Uuid(), nullable=False),
        sa.Column("partner", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("in_force", sa.Integer(), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_by", sa.Uuid(), nullable=True),
        sa.Column("suspension_reason", sa.Text(), nullable=True),
        sa.Column("notice_by", sa.Uuid(), nullable=True),
        sa.Column("terminates_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_agreement_partner", "agreement", ["partner"], unique=False)
    first = "CASE WHEN proposer < partner THEN proposer ELSE partner END"
    second = "CASE WHEN proposer < partner THEN partner ELSE proposer END"
    live = sa.text("state IN ('active', 'suspended')")
    op.create_index(
        "uq_agreement_live",
        "agreement",
        [sa.text(f"({first})"), sa.text(f"({second})"), "scope"],
        unique=True,
        postgresql_where=live,
        sqlite_where=live,
    )


def _club() -> None:
    op.create_table(
        "club",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("closing_time", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _member() -> None:
    op.create_table(
        "member",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ref", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("residence", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("club_id", "id"),
        sa.UniqueConstraint("ref", name="uq_member_ref"),
    )


def _member_number() -> None:
    op.create_table(
        "member_number",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("club_id", "mark"),
    )


def _standing_grant() -> None:
    op.create_table(
        "standing_grant",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("home_club", sa.Uuid(), nullable=False),
        sa.Column("host_club", sa.Uuid(), nullable=False),
        sa.Column("member_ref", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("distance_from_club_metres", sa.Integer(), nullable=False),
        sa.Column("distance_from_residence_metres", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("visit_id"),
    )
    op.create_index("ix_standing_grant_member_ref", "standing_grant", ["member_ref"], unique=False)


def _visit() -> None:
    op.create_table(
        "visit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("host_club", sa.Uuid(), nullable=False),
        sa.Column("home_club", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("terms_number", sa.Integer(), nullable=False),
        sa.Column("terms_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_ref", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("verdict_hash", sa.LargeBinary(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("auto_check_out", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _visit_indexes()


def _visit_indexes() -> None:
    op.create_index("ix_visit_home", "visit", ["home_club", "id"], unique=False)
    op.create_index("ix_visit_host", "visit", ["host_club", "id"], unique=False)
    op.create_index("ix_visit_member", "visit", ["member_ref", "agreement_id"], unique=False)
    unended = sa.text("state IN ('requested', 'confirmed', 'checked_in')")
    op.create_index(
        "ix_visit_unended",
        "visit",
        ["host_club", "last_day"],
        unique=False,
        postgresql_where=unended,
        sqlite_where=unended,
    )
    op.create_index(
        "uq_visit_open",
        "visit",
        ["home_club", "member_ref"],
        unique=True,
        postgresql_where=sa.text("state = 'checked_in'"),
        sqlite_where=sa.text("state = 'checked_in'"),
    )


def _visit_count() -> None:
    op.create_table(
        "visit_count",
        sa.Column("host_club", sa.Uuid(), nullable=False),
        sa.Column("home_club", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_club", "home_club", "month"),
    )
