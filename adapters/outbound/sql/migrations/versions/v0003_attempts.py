"""Transactions on their way to a ledger, which belong to the deployment and to no club."""

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("round", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tx_id", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("round", "number"),
    )
    op.create_index("ix_attempt_at", "attempt", ["at"], unique=False)


def downgrade() -> None:
    op.drop_table("attempt")
