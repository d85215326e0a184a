"""Workflows, their versions, and sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, case, func, select, update

from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.execution import WorkflowSummary, WorkflowVersion
from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import sites_table, versions_table, workflows_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.review_people import update_people
from flowbuilder.values import JsonObject


class SqlWorkflows(Repository):
    """Workflows, versions and sites. The lock of a workflow is its row: each change of its versions updates it
    first."""

    def save_version(
        self, *, name: str, title: str, document: JsonObject, source: str, digest: str, author: str = ""
    ) -> WorkflowVersion:
        """A new draft; the latest version itself when its digest is the same and it is not archived, unless `author`
        is the first author that is recorded for it."""
        stored = storable(document, "the document")

        def save(transaction: Transaction) -> WorkflowVersion:
            now = transaction.now()
            transaction.execute(
                transaction.insert(workflows_table)
                .values(
                    id=name, title=title, account="default", status="active", latest=0, inserted_at=now, updated_at=now
                )
                .on_conflict_do_nothing()
            )
            row = transaction.execute(
                update(workflows_table)
                .where(workflows_table.c.id == name)
                .values(latest=workflows_table.c.latest)
                .returning(workflows_table)
            ).one()
            if row.latest:
                known = _version(transaction, name, row.latest)
                if known.digest == digest and known.status != "archived" and (known.author or not author):
                    return known
            number = row.latest + 1
            transaction.execute(
                versions_table.insert().values(
                    workflow_id=name,
                    number=number,
                    status="draft",
                    title=title,
                    document=stored,
                    source=source,
                    digest=digest,
                    account=row.account,
                    author=author,
                    inserted_at=now,
                )
            )
            changes = {"latest": number, "title": title, "status": "active", "updated_at": now}
            transaction.execute(update(workflows_table).where(workflows_table.c.id == name).values(changes))
            return _version(transaction, name, number)

        return self._database.write(save)

    def publish(self, name: str, number: int | None = None) -> WorkflowVersion:
        """Publish a draft (default: the latest version); the version published before becomes archived."""

        def publish(transaction: Transaction) -> WorkflowVersion:
            now = transaction.now()
            locked = (
                update(workflows_table)
                .where(workflows_table.c.id == name)
                .values(updated_at=workflows_table.c.updated_at)
            )
            latest = transaction.execute(locked.returning(workflows_table.c.latest)).scalar_one_or_none()
            if latest is None:
                raise NotFound(f"there is no workflow {name}")
            chosen = _version(transaction, name, latest if number is None else number)
            if chosen.status == "archived":
                raise Refused(f"version {chosen.number} of {name} is archived; push its document again")
            if chosen.status == "draft":
                of_this = versions_table.c.workflow_id == name
                transaction.execute(
                    update(versions_table)
                    .where(of_this, versions_table.c.status == "published")
                    .values(status="archived")
                )
                transaction.execute(
                    update(versions_table)
                    .where(of_this, versions_table.c.number == chosen.number)
                    .values(status="published", published_at=now)
                )
                transaction.execute(update(workflows_table).where(workflows_table.c.id == name).values(updated_at=now))
            return _version(transaction, name, chosen.number)

        return self._database.write(publish)

    def archive(self, name: str) -> None:
        """Archive a workflow with all its versions."""

        def archive(transaction: Transaction) -> None:
            if not transaction.execute(
                update(workflows_table).where(workflows_table.c.id == name).values(status="archived")
            ).rowcount:
                raise NotFound(f"there is no workflow {name}")
            transaction.execute(
                update(versions_table).where(versions_table.c.workflow_id == name).values(status="archived")
            )

        self._database.write(archive)

    def version(self, name: str, number: int | None = None) -> WorkflowVersion:
        """A version by number; without one the published version."""
        return self._database.read(lambda transaction: _version(transaction, name, number))

    def latest_version(self, name: str) -> WorkflowVersion:
        """The version with the highest number."""
        return self._newest_first(name, limit=1)[0]

    def versions(self, name: str) -> Sequence[WorkflowVersion]:
        """All versions, newest first."""
        return self._newest_first(name)

    def workflows(self, *, account: str | None = None, include_archived: bool = False) -> Sequence[WorkflowSummary]:
        """Workflows by name."""
        newest = versions_table.alias()
        query = (
            select(
                workflows_table,
                newest.c.status.label("newest"),
                func.max(case((versions_table.c.status == "published", versions_table.c.number))).label("published"),
            )
            .join(
                newest, and_(newest.c.workflow_id == workflows_table.c.id, newest.c.number == workflows_table.c.latest)
            )
            .join(versions_table, versions_table.c.workflow_id == workflows_table.c.id)
            .group_by(workflows_table.c.id, newest.c.status)
            .order_by(workflows_table.c.id)
        )
        if account is not None:
            query = query.where(workflows_table.c.account == account)
        if not include_archived:
            query = query.where(workflows_table.c.status == "active")
        return self._database.read(lambda transaction: tuple(_summary(row) for row in transaction.execute(query)))

    def save_site(self, name: str, record: JsonObject) -> None:
        """Insert or replace a site's record. Its open reviews move to the queues of those who may decide now."""
        stored = storable(record, "the site")

        def save(transaction: Transaction) -> None:
            changes = {"record": stored, "updated_at": transaction.now()}
            insert = transaction.insert(sites_table).values(name=name, **changes)
            transaction.execute(insert.on_conflict_do_update(index_elements=[sites_table.c.name], set_=changes))
            update_people(transaction, name, record)

        self._database.write(save)

    def site(self, name: str) -> JsonObject:
        """One site's record; `NotFound`."""
        query = select(sites_table.c.record).where(sites_table.c.name == name)
        record: JsonObject | None = self._database.read(
            lambda transaction: transaction.execute(query).scalar_one_or_none()
        )
        if record is None:
            raise NotFound(f"there is no site {name}")
        return record

    def sites(self) -> Sequence[JsonObject]:
        """All site records, by name."""
        query = select(sites_table.c.record).order_by(sites_table.c.name)
        return self._database.read(lambda transaction: tuple(transaction.execute(query).scalars()))

    def _newest_first(self, name: str, limit: int | None = None) -> Sequence[WorkflowVersion]:
        query = (
            select(versions_table)
            .where(versions_table.c.workflow_id == name)
            .order_by(versions_table.c.number.desc())
            .limit(limit)
        )
        found = self._database.read(lambda transaction: tuple(_version_of(row) for row in transaction.execute(query)))
        if not found:
            raise NotFound(f"there is no workflow {name}")
        return found


def _version(transaction: Transaction, name: str, number: int | None) -> WorkflowVersion:
    which = versions_table.c.status == "published" if number is None else versions_table.c.number == number
    row = transaction.execute(select(versions_table).where(versions_table.c.workflow_id == name, which)).one_or_none()
    if row is not None:
        return _version_of(row)
    if transaction.execute(select(workflows_table.c.id).where(workflows_table.c.id == name)).one_or_none() is None:
        raise NotFound(f"there is no workflow {name}")
    if number is None:
        raise NotFound(f"workflow {name} has no published version; publish it first")
    raise NotFound(f"workflow {name} has no version {number}")


def _version_of(row: Row[Any]) -> WorkflowVersion:
    ensure_readable(row, versions_table.name, f"{row.workflow_id} version {row.number}")
    return WorkflowVersion(
        workflow=row.workflow_id,
        number=row.number,
        status=row.status,
        title=row.title,
        document=row.document,
        source=row.source,
        digest=row.digest,
        account=row.account,
        created_at=row.inserted_at,
        published_at=row.published_at,
        author=row.author,
    )


def _summary(row: Row[Any]) -> WorkflowSummary:
    return WorkflowSummary(
        name=row.id,
        title=row.title,
        latest=row.latest,
        draft=row.latest if row.newest == "draft" else None,
        published=row.published,
        archived=row.status == "archived",
        account=row.account,
        updated_at=row.updated_at,
    )
