"""`cms`: read or write a page in the site's content management system."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, cast

from pydantic import BaseModel, model_validator

from flowbuilder import ports
from flowbuilder.errors import Conflict, NotFound, StepError
from flowbuilder.language import Expression, Template
from flowbuilder.steps.step import (
    Completed,
    NeedsReview,
    Place,
    Sink,
    Step,
    StepResult,
    StepRun,
    TemplatedField,
)
from flowbuilder.steps.write_once import EffectOptions, Written, write_once
from flowbuilder.values import JsonObject, digest_text

if TYPE_CHECKING:
    from flowbuilder.model.review import ReviewRequest

Published = Annotated[str | None, TemplatedField(sink="publish")]
TEXTS = ("body", "title", "description", "seo_title", "seo_description")
"""The fields of a page that are read and written."""


class CmsStep(Step):
    """Read, update or create a page in the CMS that the site names.

    `description` is the page's own, in WordPress the excerpt; `seo_title` and `seo_description` are what an SEO plugin
    keeps apart from them. `if_unchanged` is the `hash` that the page had when it was read: of all these texts. When
    one of them has changed, a reviewer is shown both versions, and the approved one is written. Every write is read
    back before the step completes.
    """

    cooperative: ClassVar[bool] = True
    carries: ClassVar[bool] = False
    echoes: ClassVar[tuple[str, ...]] = ("url", *TEXTS)

    operation: Literal["read", "update", "create"] = "read"
    url: Annotated[str, TemplatedField(sink="host")]
    body: Published = None
    title: Published = None
    description: Published = None
    seo_title: Published = None
    seo_description: Published = None
    if_unchanged: Annotated[str | None, TemplatedField(sink="control")] = None
    effect: Annotated[EffectOptions | None, TemplatedField(sink="control")] = None

    class Output(BaseModel, defer_build=True):
        """`body` is the editable source as the CMS holds it, `revision` the CMS's own version. `hash` is a sha256 of
        all the texts. The SEO texts are empty where the CMS has none."""

        url: str
        revision: str
        hash: str
        body: str
        title: str
        description: str
        seo_title: str
        seo_description: str

    @model_validator(mode="after")
    def _something_to_write(self) -> Self:
        given = [name for name in TEXTS if getattr(self, name) is not None]
        if self.operation == "read" and given:
            raise ValueError(f"operation read takes no {given[0]}; did you mean operation: update?")
        if self.operation == "update" and not given and not self._templated_set():
            raise ValueError("operation update needs a body, a title, a description, a seo_title or a seo_description")
        if self.operation == "create" and self.body is None and "body" not in self.model_fields_set:
            raise ValueError("operation create needs a body")
        return self

    def _templated_set(self) -> bool:
        return any(isinstance(getattr(self, name), Template) for name in TEXTS)

    def has_effect(self) -> bool:
        """Everything but reading writes."""
        return self.operation != "read"

    def sends_urls(self) -> bool:
        """The URL of a write says which page is written."""
        return self.has_effect()

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """The URL of a read is not checked as published; the URL of a write is."""
        for place, text, sink in super().texts():
            yield place, text, sink if self.has_effect() else None

    async def run(self, run: StepRun) -> StepResult:
        """A write happens once: its receipt is the output, also when the step runs again."""
        cms = await run.ports.cms(run.site)
        if self.operation == "read":
            return Completed(output=_output(await _read(cms, self.url)))
        wanted: JsonObject = {
            "operation": self.operation,
            "url": self.url,
            "body": self.body,
            "title": self.title,
            "description": self.description,
            **{name: value for name in TEXTS[3:] if (value := getattr(self, name)) is not None},
        }
        prepared: list[ports.CmsWrite] = []

        async def prepare() -> JsonObject | None:
            inverse, write = await self._prepared(run, cms)
            prepared.append(write)
            return inverse

        try:
            result = await write_once(
                run,
                target=f"{self.operation} {self.url}",
                target_class=cms.target_class,
                request=wanted,
                write=lambda: self._write(cms, prepared[-1]),
                prepare=prepare,
            )
        except Conflict as problem:
            return await self._ask(cms, str(problem))
        return result if isinstance(result, NeedsReview) else Completed(output=result)

    async def _prepared(self, run: StepRun, cms: ports.Cms) -> tuple[JsonObject | None, ports.CmsWrite]:
        """What undoes the write, and the write: over the page that was read for this, and no later one."""
        origin, approved = await self._origin(run)
        write = ports.CmsWrite(
            url=self.url,
            body=self.body,
            title=self.title,
            description=self.description,
            seo_title=self.seo_title,
            seo_description=self.seo_description,
            if_unchanged=self.if_unchanged,
            idempotency_key=run.effect_key,
            origin=origin,
            approved=approved,
        )
        if self.operation == "create":
            return (None if await _exists(cms, self.url) else {"operation": "delete", "url": self.url}), write
        held = await _read(cms, self.url)
        if run.decision is not None:
            write = await self._decided(run, cms, held, write)
        if write.if_unchanged is None:
            write = replace(write, if_unchanged=held.hash)
        before = await cms.before(write)
        return before and {"operation": "restore", "url": self.url, "before": before}, write

    async def _origin(self, run: StepRun) -> tuple[ports.WriteOrigin, frozenset[ports.CmsField]]:
        """The step run with the reviewers of this execution who approved a text of the write, and the fields of these
        texts."""
        given = {name: digest_text(value) for name in TEXTS if isinstance(value := getattr(self, name), str)}
        approvals = await run.ports.ledger.approvals(*given.values()) if run.ports.ledger else {}
        approved = frozenset(cast("list[ports.CmsField]", [name for name in given if given[name] in approvals]))
        each = {id(made): made for text in given.values() for made in approvals.get(text, ())}
        decisions = sorted(each.values(), key=lambda made: made.at)
        origin = ports.WriteOrigin(
            workflow=run.execution.workflow,
            execution_id=run.execution.id,
            step=run.path,
            approved_by=tuple(dict.fromkeys(decision.by for decision in decisions)),
            comments=tuple(run.ports.secrets.text(decision.comment) for decision in decisions if decision.comment),
        )
        return origin, approved

    async def _write(self, cms: ports.Cms, write: ports.CmsWrite) -> Written:
        """Write the page, then read it back: the output is what the CMS holds now."""
        problem: StepError | None = None
        inverse: JsonObject | None = None
        try:
            written = await (cms.create(write) if self.operation == "create" else cms.update(write))
        except StepError as stored_otherwise:
            if stored_otherwise.code != "not_verified":
                raise
            detail = stored_otherwise.detail
            place = detail.get("url") if isinstance(detail, dict) else None
            problem, written = stored_otherwise, await _read(cms, str(place or write.url))
            if place and self.operation == "create":
                inverse = {"operation": "delete", "url": str(place)}
        held = await _read(cms, written.url)
        if problem is None and held.hash != written.hash:
            problem = StepError(
                f"{written.url} does not contain what was written to it",
                code="not_verified",
                detail={"written": written.hash, "held": held.hash},
            )
        return Written(output=_output(held), inverse=inverse, problem=problem)

    async def _decided(
        self, run: StepRun, cms: ports.Cms, before: ports.CmsPage, write: ports.CmsWrite
    ) -> ports.CmsWrite:
        decision = run.decision
        assert decision is not None
        if decision.shown_hash != (await self._question(cms, before)).content_hash() or decision.edited:
            # the page changed again after the reviewer saw it, or an earlier release took an edit that no review shows
            return write
        if decision.kind != "approved" or not isinstance(decision.approved, str):
            raise StepError(
                f"{self.url} was changed in the CMS meanwhile, and the reviewer kept that version ({decision.kind})",
                code="changed_meanwhile",
            )
        return replace(write, body=decision.approved, if_unchanged=before.hash, approved=write.approved | {"body"})

    async def _ask(self, cms: ports.Cms, reason: str) -> NeedsReview:
        if self.operation == "create" and not await _exists(cms, self.url):
            raise StepError(f"{self.url} was not created: {reason}", code="changed_meanwhile", definitive=True)
        if self.operation == "create":
            raise StepError(f"{self.url} already exists with other content", code="exists")
        current = await _read(cms, self.url)
        return NeedsReview(request=await self._question(cms, current))

    async def _question(self, cms: ports.Cms, current: ports.CmsPage) -> ReviewRequest:
        from flowbuilder.model.review import ReviewRequest  # here: validating a document needs no review

        body = current.body if self.body is None else self.body
        shown = await cms.publishable("body", current.body, body)  # what the page no longer has counts as new
        # the texts are part of the content hash that decisions refer to: changing them voids decisions made before
        return ReviewRequest(
            title=f"{self.url} was changed by someone else: publish over it?",
            base=current.body,
            proposal=shown.text,
            findings=(
                *(
                    {"rule": "changed_meanwhile", "severity": "warning", "place": self.url, "evidence": evidence}
                    for evidence in self._changes(current)
                ),
                *shown.findings,
            ),
            may_request_changes=False,
        )

    def _changes(self, current: ports.CmsPage) -> Iterator[str]:
        if current.conflict:
            yield current.conflict
        yield f"read as {(self.if_unchanged or '')[:12]}, now {current.hash[:12]}"
        if current.hidden:
            yield f"visitors are not shown the page now: its status is {current.hidden}"
        for name, ours, theirs in (
            ("title", self.title, current.title),
            ("description", self.description, current.description),
            ("seo_title", self.seo_title, current.seo_title),
            ("seo_description", self.seo_description, current.seo_description),
        ):
            if ours is not None and ours != theirs:
                yield f"the {name} is now {theirs!r}, and would become {ours!r}"


async def _exists(cms: ports.Cms, url: str) -> bool:
    try:
        await cms.read(url)
    except NotFound:
        return False
    return True


async def _read(cms: ports.Cms, url: str) -> ports.CmsPage:
    try:
        return await cms.read(url)
    except NotFound as problem:
        raise StepError(str(problem), code="not_found", detail={"url": url}) from None


def _output(page: ports.CmsPage) -> JsonObject:
    return {
        "url": page.live_url or page.url,
        "revision": page.revision,
        "hash": page.hash,
        "body": page.body,
        "title": page.title,
        "description": page.description,
        "seo_title": page.seo_title,
        "seo_description": page.seo_description,
    }
