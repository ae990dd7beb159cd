"""What witnesses cosigned of a club's log, and what this deployment cosigned as a witness, which belongs to no club."""

import sqlalchemy as sa
from alembic import op

from adapters.outbound.sql.policies import enforce

revision = "v0004"
down_revision = "v0003"


def upgrade() -> None:
    op.create_table(
        "witnessed",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "cosignature",
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["club_id", "size"], ["checkpoint.club_id", "checkpoint.size"]),
        sa.PrimaryKeyConstraint("club_id", "size", "witness"),
    )
    if op.get_context().dialect.name == "postgresql":
        for statement in enforce("cosignature", ("club_id",), "SI"):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("cosignature")
    op.drop_table("witnessed")
