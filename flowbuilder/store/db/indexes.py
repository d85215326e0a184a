"""The indexes of the tables, which only migrations need.

They are apart from the tables because their options make SQLAlchemy import its PostgreSQL dialect, which is slow.
"""

from __future__ import annotations

from sqlalchemy import Index, text

from flowbuilder.store.db import draft_tables
from flowbuilder.store.db.tables import events_table, executions_table, metadata, review_people_table, reviews_table

__all__ = ["draft_tables", "metadata"]

_execution, _event, _review, _person = executions_table.c, events_table.c, reviews_table.c, review_people_table.c
_READY, _HELD, _OPEN = text("ready_at IS NOT NULL"), text("holder IS NOT NULL"), text("status = 'open'")
_QUEUE_ORDER = (_review.urgency, _review.inserted_at, _review.id)

Index(None, _execution.workflow_id, _execution.inserted_at)
Index(None, _execution.inserted_at, _execution.flow_run_id)
Index(None, _execution.context_snapshot, postgresql_using="gin").ddl_if(dialect="postgresql")
Index("ix_workflow_executions_ready", _execution.ready_at, sqlite_where=_READY, postgresql_where=_READY)
Index("ix_workflow_executions_held", _execution.lease_until, sqlite_where=_HELD, postgresql_where=_HELD)

Index(None, _event.payload, postgresql_using="gin", postgresql_ops={"payload": "jsonb_path_ops"}).ddl_if(
    dialect="postgresql"
)

Index(None, _review.execution_id, _review.status)
Index(None, _review.reviewer)
Index(None, _review.expires_at, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index(None, *_QUEUE_ORDER)
Index(None, _review.status, *_QUEUE_ORDER)
Index("ix_workflow_review_queue_by_workflow", _review.workflow_id, _review.status, *_QUEUE_ORDER)
Index("ix_workflow_review_queue_by_site", _review.site, _review.status, *_QUEUE_ORDER)
Index("ix_workflow_review_queue_by_account", _review.account, _review.status, *_QUEUE_ORDER)

Index(None, _person.person, _person.status, _person.urgency, _person.inserted_at, _person.review_id)
