"""FB408: no one could decide a review, because its `assign` names no people.

A list of people is empty or holds something that is not a name, or more people must approve than are named. With a site
(`flowbuilder validate --site`), also a group that the site does not have or that is empty. At run time such a review is
held: it stays open, and no one can decide it until the site names its people. Write `assign: anyone` where everyone who
can open the review app may decide.

Wrong:
    steps:
      - {id: review, type: human_review, title: May it go out?, assign: {people: []}}
    outputs: {result: "{{ steps.review.output.decision }}"}

Right:
    steps:
      - {id: review, type: human_review, title: May it go out?, assign: {people: [ana@example.com]}}
    outputs: {result: "{{ steps.review.output.decision }}"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowbuilder.analysis.model import Analysis, LocatedStep
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.diagnostics import Diagnostic, count
from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.reviewers import ANYONE, group_members, name_problem, person, reviewers_of
from flowbuilder.steps.builtin.human_review import Assign, HumanReview
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.values import JsonObject

CODE = "FB408"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each wrong name, empty list and too high quorum; with a site, for each group without people."""
    for located in analysis.steps:
        if analysis.is_broken(located):
            continue
        if isinstance(located.step, HumanReview):
            yield from _names(analysis, located, located.step.reviewers)
            if analysis.site is not None:
                place = (*located.place, "assign")
                for message in _at_site(located.step.reviewers, analysis.site):
                    yield analysis.diagnostic_at(place, CODE, message)
        elif isinstance(located.step, Workflow) and analysis.site is not None and analysis.workflows is not None:
            place = (*located.place, "name")
            for message in _in_called(located.step, analysis.site, analysis.workflows, {analysis.definition.name}):
                yield analysis.diagnostic_at(place, CODE, message)


def _names(analysis: Analysis, located: LocatedStep, assign: Assign) -> Iterator[Diagnostic]:
    place = (*located.place, "assign")
    if isinstance(assign.group, str) and not assign.group.strip():
        yield analysis.diagnostic_at((*place, "group"), CODE, "the name of the group is empty")
    people = _literal(assign.people)
    if people is None:
        return
    if not people:
        hint = "name its reviewers; assign: anyone lets everyone decide"
        yield analysis.diagnostic_at((*place, "people"), CODE, "the list of people is empty", hint=hint)
    for index, name in enumerate(people):
        if isinstance(name, str) and (problem := name_problem(name)):
            hint = "assign: anyone lets everyone decide" if person(name) == ANYONE else ""
            yield analysis.diagnostic_at((*place, "people", index), CODE, f"the name {problem}", hint=hint)
    if people and assign.group is None and all(isinstance(name, str) for name in people):
        yield from _quorum(analysis, located, assign, frozenset(map(person, people)))


def _quorum(analysis: Analysis, located: LocatedStep, assign: Assign, people: frozenset[str]) -> Iterator[Diagnostic]:
    if isinstance(assign.quorum, int) and assign.quorum > len(people):
        message = f"{assign.quorum} people must approve, and only {len(people)} can"
        yield analysis.diagnostic_at((*located.place, "assign", "quorum"), CODE, message)


def _literal(people: Any) -> list[Any] | None:
    """The list of people as written, templates included; None where there is none, or one template for all of it."""
    return list(people) if isinstance(people, list | tuple) else None


def _at_site(assign: Assign, site: JsonObject) -> Iterator[str]:
    """Why no one, or too few people, could decide a review at a site."""
    from flowbuilder.model.review import Assignment  # here: validating a document needs no review

    if assign.anyone:
        return
    if isinstance(assign.group, str) and assign.group.strip():
        anyone, members, problem = group_members(site, assign.group)
        if problem:
            yield problem
        elif not anyone and assign.people is None and isinstance(assign.quorum, int) and assign.quorum > len(members):
            found = count(len(members), "member")
            group = f"the group {assign.group} of site {site['site']}"
            yield f"{assign.quorum} people must approve, and {group} has {found}"
    elif assign.group is None and assign.people is None and (held := reviewers_of(Assignment(), site).held):
        yield held


def _in_called(step: Workflow, site: JsonObject, workflows: WorkflowLookup, seen: set[str]) -> Iterator[str]:
    """The same of the reviews in a called workflow, and in those that it calls."""
    if step.name in seen:
        return
    seen.add(step.name)
    try:
        called: Definition = workflows(step.name, step.version)
    except FlowbuilderError:
        return  # another rule reports it
    for _, inner in called.all_steps():
        if isinstance(inner, HumanReview):
            yield from (f"{step.name}: {message}" for message in _at_site(inner.reviewers, site))
        elif isinstance(inner, Workflow):
            yield from _in_called(inner, site, workflows, seen)
