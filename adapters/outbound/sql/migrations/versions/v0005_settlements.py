"""What pairs of clubs settle, and where the check-ins of a month are found."""

import sqlalchemy as sa
from alembic import op

from adapters.outbound.sql.policies import enforce

revision = "v0005"
down_revision = "v0004"


def upgrade() -> None:
    op.create_table(
        "settlement",
        sa.Column("first_club", sa.Uuid(), nullable=False),
        sa.Column("second_club", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pair", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("only_first", sa.Text(), nullable=False),
        sa.Column("only_second", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("first_club", "second_club", "period"),
    )
    op.create_index("ix_settlement_second_club", "settlement", ["second_club"], unique=False)
    checked_in = sa.text("type = 'clubs.visit_checked_in'")
    op.create_index(
        "ix_event_check_in",
        "event",
        ["at"],
        unique=False,
        postgresql_where=checked_in,
        sqlite_where=checked_in,
    )
    if op.get_context().dialect.name == "postgresql":
        for statement in enforce("settlement", ("first_club", "second_club"), "SIU"):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_event_check_in", table_name="event")
    op.drop_table("settlement")
