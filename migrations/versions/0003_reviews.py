"""Reviews, who is asked, what they decided, and how many are open."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "workflow_review_queue",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("execution_id", NUMBER, nullable=False),
        sa.Column("flow_run_id", sa.String(200), nullable=False),
        sa.Column("workflow_id", sa.String(200), nullable=False),
        sa.Column("site", sa.String(200), nullable=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("urgency", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", MOMENT, nullable=True),
        sa.Column("approvals", sa.Text(), nullable=False),
        sa.Column("amended_by", sa.Text(), nullable=True),
        sa.Column("escalations", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'decided')", name=op.f("ck_workflow_review_queue_status")),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["workflow_executions.id"], name="fk_workflow_review_queue_execution_id"
        ),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name="fk_workflow_review_queue_workflow_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workflow_review_queue"),
        sa.UniqueConstraint("execution_id", "path", name="uq_workflow_review_queue_execution_id_path"),
    )
    op.create_index(
        "ix_workflow_review_queue_by_account",
        "workflow_review_queue",
        ["account", "status", "urgency", "inserted_at", "id"],
    )
    op.create_index(
        "ix_workflow_review_queue_by_site", "workflow_review_queue", ["site", "status", "urgency", "inserted_at", "id"]
    )
    op.create_index(
        "ix_workflow_review_queue_by_workflow",
        "workflow_review_queue",
        ["workflow_id", "status", "urgency", "inserted_at", "id"],
    )
    op.create_index("ix_workflow_review_queue_execution_id_status", "workflow_review_queue", ["execution_id", "status"])
    op.create_index(
        "ix_workflow_review_queue_expires_at",
        "workflow_review_queue",
        ["expires_at"],
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_workflow_review_queue_reviewer", "workflow_review_queue", ["reviewer"])
    op.create_index(
        "ix_workflow_review_queue_status_urgency_inserted_at_id",
        "workflow_review_queue",
        ["status", "urgency", "inserted_at", "id"],
    )
    op.create_index(
        "ix_workflow_review_queue_urgency_inserted_at_id", "workflow_review_queue", ["urgency", "inserted_at", "id"]
    )
    op.create_table(
        "review_people",
        sa.Column("review_id", sa.String(36), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("urgency", MOMENT, nullable=False),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["workflow_review_queue.id"], name="fk_review_people_review_id"),
        sa.PrimaryKeyConstraint("review_id", "person", name="pk_review_people"),
    )
    op.create_index(
        "ix_review_people_person_status_urgency_inserted_at_review_id",
        "review_people",
        ["person", "status", "urgency", "inserted_at", "review_id"],
    )
    op.create_table(
        "review_decisions",
        sa.Column("review_id", sa.String(36), nullable=False),
        sa.Column("execution_id", NUMBER, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("comments", sa.Text(), nullable=False),
        sa.Column("approved", sa.Text(), nullable=True),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("shown_hash", sa.String(64), nullable=False),
        sa.Column("approved_hash", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["execution_id"], ["workflow_executions.id"], name="fk_review_decisions_execution_id"),
        sa.ForeignKeyConstraint(["review_id"], ["workflow_review_queue.id"], name="fk_review_decisions_review_id"),
        sa.PrimaryKeyConstraint("review_id", name="pk_review_decisions"),
        sa.UniqueConstraint("execution_id", "path", name="uq_review_decisions_execution_id_path"),
    )
    op.create_table(
        "review_counts",
        sa.Column("workflow_id", sa.String(200), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.CheckConstraint("pending >= 0", name=op.f("ck_review_counts_not_negative")),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name="fk_review_counts_workflow_id"),
        sa.PrimaryKeyConstraint("workflow_id", name="pk_review_counts"),
    )


def downgrade() -> None:
    op.drop_table("review_counts")
    op.drop_table("review_decisions")
    op.drop_table("review_people")
    op.drop_table("workflow_review_queue")
