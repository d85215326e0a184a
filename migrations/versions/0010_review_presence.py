"""Which review each open page of the review app shows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "review_presence",
        sa.Column("window_id", sa.String(64), nullable=False),
        sa.Column("review_id", sa.String(36), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("editing", sa.Boolean(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["workflow_review_queue.id"], name="fk_review_presence_review_id"),
        sa.PrimaryKeyConstraint("window_id", name="pk_review_presence"),
    )
    op.create_index("ix_review_presence_review_id", "review_presence", ["review_id"])
    op.create_index("ix_review_presence_updated_at", "review_presence", ["updated_at"])


def downgrade() -> None:
    op.drop_table("review_presence")
