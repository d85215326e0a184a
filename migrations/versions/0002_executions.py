"""Executions, what happened in them, and what they did to the world."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SEARCHABLE = sa.Text().with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "workflow_executions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("flow_run_id", sa.String(200), nullable=False),
        sa.Column("workflow_id", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("site", sa.String(200), nullable=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("control", sa.String(20), nullable=True),
        sa.Column("wished_by", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("parent_execution_id", sa.String(200), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ready_at", MOMENT, nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("recorded", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("written_by", sa.String(32), nullable=False),
        sa.Column("context_snapshot", SEARCHABLE, nullable=False),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_workflow_executions_status"),
        ),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name="fk_workflow_executions_workflow_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workflow_executions"),
        sa.UniqueConstraint("flow_run_id", name="uq_workflow_executions_flow_run_id"),
    )
    op.create_index("ix_workflow_executions_account", "workflow_executions", ["account"])
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_workflow_executions_context_snapshot",
            "workflow_executions",
            ["context_snapshot"],
            postgresql_using="gin",
        )
    op.create_index(
        "ix_workflow_executions_held",
        "workflow_executions",
        ["lease_until"],
        sqlite_where=sa.text("holder IS NOT NULL"),
        postgresql_where=sa.text("holder IS NOT NULL"),
    )
    op.create_index(
        "ix_workflow_executions_inserted_at_flow_run_id", "workflow_executions", ["inserted_at", "flow_run_id"]
    )
    op.create_index(
        "ix_workflow_executions_ready",
        "workflow_executions",
        ["ready_at"],
        sqlite_where=sa.text("ready_at IS NOT NULL"),
        postgresql_where=sa.text("ready_at IS NOT NULL"),
    )
    op.create_index("ix_workflow_executions_status", "workflow_executions", ["status"])
    op.create_index(
        "ix_workflow_executions_workflow_id_inserted_at", "workflow_executions", ["workflow_id", "inserted_at"]
    )
    op.create_table(
        "execution_values",
        sa.Column("execution_id", NUMBER, nullable=False, autoincrement=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("site_record", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["execution_id"], ["workflow_executions.id"], name="fk_execution_values_execution_id"),
        sa.PrimaryKeyConstraint("execution_id", name="pk_execution_values"),
    )
    op.create_table(
        "workflow_execution_events",
        sa.Column("execution_id", NUMBER, nullable=False, autoincrement=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("payload", SEARCHABLE, nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["workflow_executions.id"], name="fk_workflow_execution_events_execution_id"
        ),
        sa.PrimaryKeyConstraint("execution_id", "seq", name="pk_workflow_execution_events"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_workflow_execution_events_payload",
            "workflow_execution_events",
            ["payload"],
            postgresql_using="gin",
            postgresql_ops={"payload": "jsonb_path_ops"},
        )
    op.create_table(
        "step_outcomes",
        sa.Column("execution_id", NUMBER, nullable=False, autoincrement=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=True),
        sa.Column("task_run_id", sa.String(200), nullable=True),
        sa.Column("finished_at", MOMENT, nullable=False),
        sa.CheckConstraint("status IN ('completed', 'failed')", name=op.f("ck_step_outcomes_status")),
        sa.ForeignKeyConstraint(["execution_id"], ["workflow_executions.id"], name="fk_step_outcomes_execution_id"),
        sa.PrimaryKeyConstraint("execution_id", "path", name="pk_step_outcomes"),
    )
    op.create_table(
        "effects",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("execution_id", NUMBER, nullable=False),
        sa.Column("flow_run_id", sa.String(200), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_class", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("inverse", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("inserted_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "status IN ('intended', 'done', 'unknown', 'refused', 'reverted')", name=op.f("ck_effects_status")
        ),
        sa.ForeignKeyConstraint(["execution_id"], ["workflow_executions.id"], name="fk_effects_execution_id"),
        sa.PrimaryKeyConstraint("key", name="pk_effects"),
    )
    op.create_index("ix_effects_execution_id", "effects", ["execution_id"])


def downgrade() -> None:
    op.drop_table("effects")
    op.drop_table("step_outcomes")
    op.drop_table("workflow_execution_events")
    op.drop_table("execution_values")
    op.drop_table("workflow_executions")
