"""What must not be done twice: answers in the middle of a step run, which are paid for, and starts that carry a key."""

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
    op.create_table(
        "start_keys",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("flow_run_id", sa.String(200), nullable=True),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_start_keys"),
    )


def downgrade() -> None:
    op.drop_table("start_keys")
    op.drop_table("answers")
