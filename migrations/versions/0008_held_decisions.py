"""Decisions that their reviewers can still undo."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "held_decisions",
        sa.Column("review_id", sa.String(36), nullable=False),
        sa.Column("execution_id", NUMBER, nullable=False),
        sa.Column("held_until", MOMENT, nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["workflow_executions.id"], name="fk_held_decisions_execution_id"),
        sa.ForeignKeyConstraint(["review_id"], ["workflow_review_queue.id"], name="fk_held_decisions_review_id"),
        sa.PrimaryKeyConstraint("review_id", name="pk_held_decisions"),
    )
    op.create_index("ix_held_decisions_execution_id", "held_decisions", ["execution_id"])
    op.create_index("ix_held_decisions_held_until", "held_decisions", ["held_until"])


def downgrade() -> None:
    op.drop_table("held_decisions")
