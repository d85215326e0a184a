"""The tables. What is here is also in `migrations/`, where it came to be; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from flowbuilder.store.db.column_types import Exact, Moment, Number, Searchable, Utf8Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("install_id", String(36), nullable=False),
    Column("min_code", Integer, nullable=False),  # the oldest code that may work on this schema
    Column("incarnation", Integer, nullable=False),  # grows with every restore from a backup
    Column("inserted_at", Moment, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", String(200), primary_key=True),  # its name
    Column("title", Utf8Text, nullable=False),
    Column("account", String(200), nullable=False, index=True),
    Column("status", String(20), nullable=False, index=True),  # active, archived
    Column("latest", Integer, nullable=False),  # the number of its newest version
    Column("inserted_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    CheckConstraint("status IN ('active', 'archived')", name="status"),
)

versions = Table(
    "workflow_versions",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("status", String(20), nullable=False),
    Column("title", Utf8Text, nullable=False),
    Column("document", Exact, nullable=False),
    Column("source", Utf8Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("account", String(200), nullable=False),
    Column("author", Utf8Text, nullable=False),
    Column("inserted_at", Moment, nullable=False),
    Column("published_at", Moment),
    CheckConstraint("status IN ('draft', 'published', 'archived')", name="status"),
)

sites = Table(
    "sites",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("record", Exact, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

executions = Table(
    "workflow_executions",
    metadata,
    Column("id", Number, primary_key=True),  # what other tables call it: a small number
    Column("flow_run_id", String(200), nullable=False, unique=True),  # what the world calls it
    Column("workflow_id", ForeignKey("workflows.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("site", String(200)),
    Column("account", String(200), nullable=False, index=True),
    Column("progress", Exact, nullable=False),
    Column("control", String(20)),
    Column("wished_by", Utf8Text, nullable=False),
    Column("trigger", Utf8Text, nullable=False),
    Column("parent_execution_id", String(200)),
    Column("attempt", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("inserted_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("ready_at", Moment),
    Column("lease_until", Moment),
    Column("holder", Utf8Text),
    Column("epoch", Integer, nullable=False),
    Column("seq", Integer, nullable=False),  # the number of its last event
    Column("recorded", Integer, nullable=False),  # how many outcomes it has
    Column("revision", Integer, nullable=False),  # grows with every transaction that writes for it
    Column("written_by", String(32), nullable=False),  # the token of the last such transaction
    Column("restored", Integer, nullable=False, server_default="0"),  # whether it came from a backup while active
    Column("context_snapshot", Searchable, nullable=False),
    CheckConstraint(
        "status IN ('queued', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')", name="status"
    ),
    Index(None, "workflow_id", "inserted_at"),
    Index(None, "inserted_at", "flow_run_id"),
    Index(None, "context_snapshot", postgresql_using="gin").ddl_if(dialect="postgresql"),
    Index(
        "ix_workflow_executions_ready",
        "ready_at",
        sqlite_where=text("ready_at IS NOT NULL"),
        postgresql_where=text("ready_at IS NOT NULL"),
    ),
    Index(
        "ix_workflow_executions_held",
        "lease_until",
        sqlite_where=text("holder IS NOT NULL"),
        postgresql_where=text("holder IS NOT NULL"),
    ),
)

values = Table(
    "execution_values",  # the large parts of an execution, apart from the row that every write touches
    metadata,
    Column("execution_id", ForeignKey("workflow_executions.id"), primary_key=True, autoincrement=False),
    Column("inputs", Exact, nullable=False),
    Column("site_record", Exact, nullable=False),
    Column("outputs", Exact),
    Column("error", Exact),
)

events = Table(
    "workflow_execution_events",
    metadata,
    Column("execution_id", ForeignKey("workflow_executions.id"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("inserted_at", Moment, nullable=False),
    Column("type", String(40), nullable=False),
    Column("path", Utf8Text, nullable=False),
    Column("payload", Searchable, nullable=False),
    Index(None, "payload", postgresql_using="gin", postgresql_ops={"payload": "jsonb_path_ops"}).ddl_if(
        dialect="postgresql"
    ),
)

outcomes = Table(
    "step_outcomes",
    metadata,
    Column("execution_id", ForeignKey("workflow_executions.id"), primary_key=True, autoincrement=False),
    Column("path", Utf8Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("output", Exact),
    Column("error", Exact),
    Column("attempt", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("usage", Exact),
    Column("task_run_id", String(200)),
    Column("finished_at", Moment, nullable=False),
    CheckConstraint("status IN ('completed', 'failed')", name="status"),
)

reviews = Table(
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
    Column("request", Exact, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("search_text", Utf8Text, nullable=False),
    Column("inserted_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("urgency", Moment, nullable=False),  # due_at, or the end of time
    Column("expires_at", Moment),
    Column("reviewer", Utf8Text),  # who is at it, or who decided it
    Column("claimed_by", Utf8Text),
    Column("claimed_until", Moment),
    Column("approvals", Exact, nullable=False),
    Column("amended_by", Utf8Text),
    Column("escalations", Integer, nullable=False),
    UniqueConstraint("execution_id", "path"),
    CheckConstraint("status IN ('open', 'decided')", name="status"),
    Index(None, "execution_id", "status"),
    Index(None, "reviewer"),
    Index(None, "expires_at", sqlite_where=text("status = 'open'"), postgresql_where=text("status = 'open'")),
    Index(None, "urgency", "inserted_at", "id"),
    Index(None, "status", "urgency", "inserted_at", "id"),
    Index("ix_workflow_review_queue_by_workflow", "workflow_id", "status", "urgency", "inserted_at", "id"),
    Index("ix_workflow_review_queue_by_site", "site", "status", "urgency", "inserted_at", "id"),
    Index("ix_workflow_review_queue_by_account", "account", "status", "urgency", "inserted_at", "id"),
)

asked = Table(
    "review_people",  # who may decide a review: one row a person, or one for the empty name, which is anyone
    metadata,
    Column("review_id", ForeignKey("workflow_review_queue.id"), primary_key=True),
    Column("person", Utf8Text, primary_key=True),
    Column("status", String(20), nullable=False),
    Column("urgency", Moment, nullable=False),
    Column("inserted_at", Moment, nullable=False),
    Index(None, "person", "status", "urgency", "inserted_at", "review_id"),
)

decisions = Table(
    "review_decisions",
    metadata,
    Column("review_id", ForeignKey("workflow_review_queue.id"), primary_key=True),
    Column("execution_id", ForeignKey("workflow_executions.id"), nullable=False),
    Column("path", Utf8Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("decided_by", Utf8Text, nullable=False),
    Column("inserted_at", Moment, nullable=False),
    Column("comment", Utf8Text, nullable=False),
    Column("comments", Exact, nullable=False),
    Column("approved", Exact),
    Column("edited", Boolean, nullable=False),
    Column("shown_hash", String(64), nullable=False),
    Column("approved_hash", String(64)),
    UniqueConstraint("execution_id", "path"),
)

pending = Table(
    "review_counts",  # open reviews of a workflow
    metadata,
    Column("workflow_id", ForeignKey("workflows.id"), primary_key=True),
    Column("pending", Integer, nullable=False),
    CheckConstraint("pending >= 0", name="not_negative"),
)

effects = Table(
    "effects",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("execution_id", ForeignKey("workflow_executions.id"), nullable=False, index=True),
    Column("flow_run_id", String(200), nullable=False),
    Column("position", Number, nullable=False),  # the number of the event that says it was intended
    Column("path", Utf8Text, nullable=False),
    Column("target", Utf8Text, nullable=False),
    Column("target_class", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("receipt", Exact),
    Column("inverse", Exact),
    Column("detail", Exact, nullable=False),
    Column("inserted_at", Moment, nullable=False),
    Column("done_at", Moment),
    CheckConstraint("status IN ('intended', 'done', 'unknown', 'refused', 'reverted')", name="status"),
)

answers = Table(
    "answers",
    metadata,
    Column("execution_id", ForeignKey("workflow_executions.id"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("path", Utf8Text, nullable=False),
    Column("answer", Exact, nullable=False),
    Column("inserted_at", Moment, nullable=False),
)

start_keys = Table(
    "start_keys",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("flow_run_id", String(200)),
    Column("inserted_at", Moment, nullable=False),
)

traffic = Table(
    "traffic",
    metadata,
    Column("name", String(300), primary_key=True),  # of a connection, a provider or a host
    Column("state", Exact, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
