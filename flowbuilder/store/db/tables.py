"""The tables, without the indexes that only migrations need. The migrations create them; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from flowbuilder.store.db.column_types import ExactJson, RowId, SearchableJson, UtcDateTime, Utf8Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

installation_table = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("install_id", String(36), nullable=False),
    Column("min_code", Integer, nullable=False),  # the oldest generation of code that may use this schema
    Column("incarnation", Integer, nullable=False),  # grows with every restore from a backup
    Column("inserted_at", UtcDateTime, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

workflows_table = Table(
    "workflows",
    metadata,
    Column("id", String(200), primary_key=True),  # its name
    Column("title", Utf8Text, nullable=False),
    Column("account", String(200), nullable=False, index=True),
    Column("status", String(20), nullable=False, index=True),  # active, archived
    Column("latest", Integer, nullable=False),  # the number of its newest version
    Column("inserted_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("status IN ('active', 'archived')", name="status"),
)

versions_table = Table(
    "workflow_versions",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("status", String(20), nullable=False),
    Column("title", Utf8Text, nullable=False),
    Column("document", ExactJson, nullable=False),
    Column("source", Utf8Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("account", String(200), nullable=False),
    Column("author", Utf8Text, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    CheckConstraint("status IN ('draft', 'published', 'archived')", name="status"),
)

sites_table = Table(
    "sites",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("record", ExactJson, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

executions_table = Table(
    "workflow_executions",
    metadata,
    Column("id", RowId, primary_key=True),  # short key for the other tables
    Column("flow_run_id", String(200), nullable=False, unique=True),  # the public id
    Column("workflow_id", ForeignKey("workflows.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("site", String(200)),
    Column("account", String(200), nullable=False, index=True),
    Column("progress", ExactJson, nullable=False),
    Column("control", String(20)),
    Column("wished_by", Utf8Text, nullable=False),
    Column("trigger", Utf8Text, nullable=False),
    Column("parent_execution_id", String(200)),
    Column("attempt", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("ready_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("holder", Utf8Text),
    Column("epoch", Integer, nullable=False),
    Column("seq", Integer, nullable=False),  # the number of its last event
    Column("recorded", Integer, nullable=False),  # how many outcomes it has
    Column("revision", Integer, nullable=False),  # grows with every transaction that writes for it
    Column("written_by", String(32), nullable=False),  # the token of the last such transaction
    Column(
        "restored", Integer, nullable=False, server_default="0"
    ),  # 1 when it was active in a backup that was restored
    Column("context_snapshot", SearchableJson, nullable=False),
    CheckConstraint(
        "status IN ('queued', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')", name="status"
    ),
)

values_table = Table(
    "execution_values",  # the large values of an execution, apart from the row that every write updates
    metadata,
    Column("execution_id", ForeignKey("workflow_executions.id"), primary_key=True, autoincrement=False),
    Column("inputs", ExactJson, nullable=False),
    Column("site_record", ExactJson, nullable=False),
    Column("outputs", ExactJson),
    Column("error", ExactJson),
)

sensitive_table = Table(
    "sensitive_inputs",  # the only place of sensitive values; the key is the id of an execution, or that of its start
    metadata,
    Column("key", String(200), primary_key=True),
    Column("record", ExactJson, nullable=False),
    Column("held_at", UtcDateTime, index=True),  # of one whose execution is not created yet
)

events_table = Table(
    "workflow_execution_events",
    metadata,
    Column("execution_id", ForeignKey("workflow_executions.id"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
    Column("type", String(40), nullable=False),
    Column("path", Utf8Text, nullable=False),
    Column("payload", SearchableJson, nullable=False),
)

outcomes_table = Table(
    "step_outcomes",
    metadata,
    Column("execution_id", ForeignKey("workflow_executions.id"), primary_key=True, autoincrement=False),
    Column("path", Utf8Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("output", ExactJson),
    Column("error", ExactJson),
    Column("attempt", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("usage", ExactJson),
    Column("task_run_id", String(200)),
    Column("finished_at", UtcDateTime, nullable=False),
    CheckConstraint("status IN ('completed', 'failed')", name="status"),
)

reviews_table = Table(
    "workflow_review_queue",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("execution_id", ForeignKey("workflow_executions.id"), nullable=False),
    Column("flow_run_id", String(200), nullable=False),
    Column("workflow_id", ForeignKey("workflows.id"), nullable=False),
    Column("site", String(200)),
    Column("account", String(200), nullable=False),
    Column("path", Utf8Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("request", ExactJson, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("search_text", Utf8Text, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("urgency", UtcDateTime, nullable=False),  # due_at, or the end of time
    Column("expires_at", UtcDateTime),
    Column("reviewer", Utf8Text),  # who claimed it, or who decided it
    Column("claimed_by", Utf8Text),
    Column("claimed_until", UtcDateTime),
    Column("approvals", ExactJson, nullable=False),
    Column("amended_by", Utf8Text),
    Column("escalations", Integer, nullable=False),
    UniqueConstraint("execution_id", "path"),
    CheckConstraint("status IN ('open', 'decided')", name="status"),
)

review_people_table = Table(
    "review_people",  # who may decide a review: one row per person; the empty name means anyone
    metadata,
    Column("review_id", ForeignKey("workflow_review_queue.id"), primary_key=True),
    Column("person", Utf8Text, primary_key=True),
    Column("status", String(20), nullable=False),
    Column("urgency", UtcDateTime, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
)

decisions_table = Table(
    "review_decisions",
    metadata,
    Column("review_id", ForeignKey("workflow_review_queue.id"), primary_key=True),
    Column("execution_id", ForeignKey("workflow_executions.id"), nullable=False),
    Column("path", Utf8Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("decided_by", Utf8Text, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
    Column("comment", Utf8Text, nullable=False),
    Column("comments", ExactJson, nullable=False),
    Column("approved", ExactJson),
    Column("edited", Boolean, nullable=False),
    Column("shown_hash", String(64), nullable=False),
    Column("approved_hash", String(64)),
    UniqueConstraint("execution_id", "path"),
)

pending_counts_table = Table(
    "review_counts",  # open reviews of a workflow
    metadata,
    Column("workflow_id", ForeignKey("workflows.id"), primary_key=True),
    Column("pending", Integer, nullable=False),
    CheckConstraint("pending >= 0", name="not_negative"),
)

effects_table = Table(
    "effects",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("execution_id", ForeignKey("workflow_executions.id"), nullable=False, index=True),
    Column("flow_run_id", String(200), nullable=False),
    Column("position", RowId, nullable=False),  # the number of its effect_intended event
    Column("path", Utf8Text, nullable=False),
    Column("target", Utf8Text, nullable=False),
    Column("target_class", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("receipt", ExactJson),
    Column("inverse", ExactJson),
    Column("detail", ExactJson, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    CheckConstraint("status IN ('intended', 'done', 'unknown', 'refused', 'reverted')", name="status"),
)

step_memos_table = Table(
    "answers",
    metadata,
    Column("execution_id", ForeignKey("workflow_executions.id"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("path", Utf8Text, nullable=False),
    Column("answer", ExactJson, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
)

idempotency_keys_table = Table(
    "start_keys",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("flow_run_id", String(200)),
    Column("inserted_at", UtcDateTime, nullable=False),
)

limiter_states_table = Table(
    "traffic",
    metadata,
    Column("name", String(300), primary_key=True),  # of a connection, a provider or a host
    Column("state", ExactJson, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
