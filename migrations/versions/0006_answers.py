"""What models and tools answered in the middle of a step run: it is paid for, and not asked for again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("execution_id", NUMBER, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["workflow_executions.id"], name="fk_answers_execution_id"),
        sa.PrimaryKeyConstraint("execution_id", "key", name="pk_answers"),
    )


def downgrade() -> None:
    op.drop_table("answers")
