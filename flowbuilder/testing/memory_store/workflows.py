"""Workflows, their versions, and sites, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.execution import WorkflowSummary, WorkflowVersion
from flowbuilder.testing.memory_store.memory import Repository, copied
from flowbuilder.values import JsonObject


class MemoryWorkflows(Repository):
    """The versions of a workflow are in the order of their numbers."""

    def save_version(
        self, *, name: str, title: str, document: JsonObject, source: str, digest: str, author: str = ""
    ) -> WorkflowVersion:
        """A new draft; the latest version itself when its digest is the same and it is not archived, unless `author`
        is the first author that is recorded for it."""
        memory = self._memory
        with memory.lock:
            known = memory.versions.setdefault(name, [])
            last = known[-1] if known else None
            if last and last.digest == digest and last.status != "archived" and (last.author or not author):
                return copied(last)
            version = WorkflowVersion(
                workflow=name,
                number=len(known) + 1,
                status="draft",
                title=title,
                document=copied(document),
                source=source,
                digest=digest,
                created_at=memory.now(),
                author=author,
            )
            known.append(version)
            memory.archived.discard(name)
            return copied(version)

    def publish(self, name: str, number: int | None = None) -> WorkflowVersion:
        """Publish a draft (default: the latest version); the version published before becomes archived."""
        memory = self._memory
        with memory.lock:
            chosen = self.latest_version(name) if number is None else self.version(name, number)
            if chosen.status == "archived":
                raise Refused(f"version {chosen.number} of {name} is archived; push its document again")
            if chosen.status == "published":
                return chosen
            now = memory.now()
            for index, version in enumerate(memory.versions[name]):
                if version.number == chosen.number:
                    memory.versions[name][index] = replace(version, status="published", published_at=now)
                elif version.status == "published":
                    memory.versions[name][index] = replace(version, status="archived")
            return self.version(name, chosen.number)

    def archive(self, name: str) -> None:
        """Archive a workflow with all its versions."""
        memory = self._memory
        with memory.lock:
            known = self._known(name)
            memory.versions[name] = [replace(version, status="archived") for version in known]
            memory.archived.add(name)

    def version(self, name: str, number: int | None = None) -> WorkflowVersion:
        """A version by number; without one the published version."""
        with self._memory.lock:
            for version in self._known(name):
                if version.number == number or (number is None and version.status == "published"):
                    return copied(version)
        if number is None:
            raise NotFound(f"workflow {name} has no published version; publish it first")
        raise NotFound(f"workflow {name} has no version {number}")

    def latest_version(self, name: str) -> WorkflowVersion:
        """The version with the highest number."""
        with self._memory.lock:
            return copied(self._known(name)[-1])

    def versions(self, name: str) -> Sequence[WorkflowVersion]:
        """All versions, newest first."""
        with self._memory.lock:
            return tuple(copied(version) for version in reversed(self._known(name)))

    def workflows(self, *, account: str | None = None, include_archived: bool = False) -> Sequence[WorkflowSummary]:
        """Workflows by name."""
        memory = self._memory
        with memory.lock:
            found = (self._summary(name) for name in sorted(memory.versions) if memory.versions[name])
            return tuple(
                summary
                for summary in found
                if account in (None, summary.account) and (include_archived or not summary.archived)
            )

    def save_site(self, name: str, record: JsonObject) -> None:
        """Insert or replace a site's record. Its open reviews move to the queues of those who may decide now."""
        with self._memory.lock:
            self._memory.sites[name] = copied(record)
            for review in self._memory.reviews.values():
                if review.site == name and review.status == "open":
                    self._memory.reviewers[review.id] = self._memory.reviewers_now(review)

    def site(self, name: str) -> JsonObject:
        """One site's record; `NotFound`."""
        with self._memory.lock:
            if name not in self._memory.sites:
                raise NotFound(f"there is no site {name}")
            return copied(self._memory.sites[name])

    def sites(self) -> Sequence[JsonObject]:
        """All site records, by name."""
        with self._memory.lock:
            return tuple(copied(record) for _, record in sorted(self._memory.sites.items()))

    def _known(self, name: str) -> list[WorkflowVersion]:
        known = self._memory.versions.get(name)
        if not known:
            raise NotFound(f"there is no workflow {name}")
        return known

    def _summary(self, name: str) -> WorkflowSummary:
        known = self._memory.versions[name]
        latest = known[-1]
        published = next((version for version in known if version.status == "published"), None)
        return WorkflowSummary(
            name=name,
            title=latest.title,
            latest=latest.number,
            draft=latest.number if latest.status == "draft" else None,
            published=published.number if published else None,
            archived=name in self._memory.archived,
            account=latest.account,
            updated_at=max(version.published_at or version.created_at for version in known),
        )
