"""The tables of what reviewers may still change: decisions that can be undone, drafts, and presence."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table

from flowbuilder.store.db.column_types import ExactJson, UtcDateTime, Utf8Text
from flowbuilder.store.db.tables import metadata

held_decisions_table = Table(
    "held_decisions",  # decisions that their reviewers can still undo; moved to review_decisions afterwards
    metadata,
    Column("review_id", ForeignKey("workflow_review_queue.id"), primary_key=True),
    Column("execution_id", ForeignKey("workflow_executions.id"), nullable=False, index=True),
    Column("held_until", UtcDateTime, nullable=False, index=True),
    Column("decided_by", Utf8Text, nullable=False),
    Column("inserted_at", UtcDateTime, nullable=False),
    Column("decision", ExactJson, nullable=False),
)

review_drafts_table = Table(
    "review_drafts",  # the unsubmitted comment and edit of one reviewer
    metadata,
    Column("review_id", ForeignKey("workflow_review_queue.id"), primary_key=True),
    Column("person", Utf8Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("window_id", String(64), nullable=False),  # the browser window that wrote last
    Column("comment", Utf8Text, nullable=False),
    Column("edit", ExactJson),  # a text, as it is in the editor
    Column("editing", Boolean, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False, index=True),
)

review_presence_table = Table(
    "review_presence",  # which review each open page of the review app shows
    metadata,
    Column("window_id", String(64), primary_key=True),
    Column("review_id", ForeignKey("workflow_review_queue.id"), nullable=False, index=True),
    Column("person", Utf8Text, nullable=False),
    Column("editing", Boolean, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False, index=True),
)
