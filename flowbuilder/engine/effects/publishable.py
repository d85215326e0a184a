"""Texts that become fields of pages: a review shows them as the CMS stores them, and takes no other edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from flowbuilder.analysis.taint.publications import EACH
from flowbuilder.engine.ingress import guarded_ports
from flowbuilder.errors import ConfigurationError, NotFound, StepError
from flowbuilder.model.review import ReviewRequest
from flowbuilder.plan.nodes import Node, ReviewNode
from flowbuilder.ports import Cms, CmsField, CmsPage, PublishableForm
from flowbuilder.values import Json, JsonObject, Place, map_values, pointer, walk_values

if TYPE_CHECKING:
    from flowbuilder.engine.step_runner import StepContext


async def as_published(request: ReviewRequest, node: Node, context: StepContext) -> ReviewRequest:
    """The request with the texts of the proposal that become fields of pages as the site's CMS would store them, and
    what was changed among the findings. Where the site has no usable CMS, the step that writes says so. Raises the
    `StepError` of a page that takes no write: no one is asked about what cannot be published."""
    if not isinstance(node, ReviewNode) or not node.publishes:
        return request
    try:
        cms = await guarded_ports(context.ports, context.secrets).cms(context.site)
    except (ConfigurationError, StepError):
        return request
    findings: list[JsonObject] = list(request.findings)
    async for page in _pages(cms, request.targets):
        if page.refusal is not None:
            raise page.refusal
        if page.conflict:
            findings.append({"rule": "conflict", "severity": "warning", "place": page.url, "evidence": page.conflict})
    request = replace(request, findings=tuple(findings))
    if not cms.form:
        return request
    shown: dict[Place, str] = {}
    for publication in node.publishes:
        field = cast("CmsField", publication.field)
        for place, text in _texts_at(request.proposal, publication.place):
            found = await cms.publishable(field, _base(request.base, place, field), shown.get(place, text))
            shown[place] = found.text
            findings += ({**one, "place": f"{pointer(place)} {one['place']}".strip()} for one in found.findings)
    return replace(
        request,
        proposal=map_values(request.proposal, shown.get),
        findings=tuple(findings),
        publishes=tuple({"place": list(one.place), "field": one.field, "form": cms.form} for one in node.publishes),
    )


async def _pages(cms: Cms, urls: Iterable[str]) -> AsyncIterator[CmsPage]:
    """The pages at some addresses, as far as they can be read now."""
    for url in urls:
        try:
            page = await cms.read(url)
        except (NotFound, StepError):
            continue
        yield page


def refused_texts(
    request: ReviewRequest, edit: Json, forms: Mapping[str, PublishableForm]
) -> Iterator[tuple[str, str]]:
    """`(JSON pointer, reason)` of each text of an edit that the CMS would not store as it is."""
    for one in request.publishes:
        form = forms.get(str(one["form"]))
        if form is None:
            continue
        field = cast("CmsField", one["field"])
        for place, text in _texts_at(edit, tuple(one["place"])):
            try:
                found = form(field, _base(request.base, place, field), text)
            except StepError as problem:
                yield pointer(place), str(problem)
                continue
            if found.text != text:
                reasons = [
                    f"{finding['place']}: {finding['evidence']}".removeprefix(": ") for finding in found.findings
                ]
                yield pointer(place), "; ".join(reasons[:3]) or "the CMS would store another text"


def _texts_at(value: Json, wanted: Place) -> Iterator[tuple[Place, str]]:
    """The texts of a value whose places match: `EACH` stands for every index."""
    for place, text in walk_values(value):
        if isinstance(text, str) and len(place) == len(wanted) and all(map(_matches, place, wanted)):
            yield place, text


def _matches(part: str | int, wanted: str | int) -> bool:
    return part == wanted or (wanted == EACH and isinstance(part, int))


def _base(base: Json, place: Place, field: CmsField) -> str:
    """What the page has: the text at the same place of the review's base; a base that is a text alone is the body."""
    if isinstance(base, str):
        return base if field == "body" or not place else ""
    for part in place:
        try:
            base = base[part]  # type: ignore[index]
        except (LookupError, TypeError):
            return ""
    return base if isinstance(base, str) else ""
