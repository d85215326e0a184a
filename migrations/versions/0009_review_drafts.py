"""The unsubmitted comments and edits of reviewers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "review_drafts",
        sa.Column("review_id", sa.String(36), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("window_id", sa.String(64), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("edit", sa.Text(), nullable=True),
        sa.Column("editing", sa.Boolean(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["workflow_review_queue.id"], name="fk_review_drafts_review_id"),
        sa.PrimaryKeyConstraint("review_id", "person", name="pk_review_drafts"),
    )
    op.create_index("ix_review_drafts_updated_at", "review_drafts", ["updated_at"])


def downgrade() -> None:
    op.drop_table("review_drafts")
