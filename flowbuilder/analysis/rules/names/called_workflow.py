"""FB110: a `workflow` step calls a workflow that does not exist, that leads back to this one, or with wrong inputs.

Wrong:
    steps:
      - {id: refresh, type: workflow, name: no-such-workflow, with: {url: https://example.com}}
    outputs: {result: "{{ steps.refresh.output }}"}

Right:
    steps:
      - {id: refresh, type: workflow, name: refresh-page, with: {url: https://example.com}}
    outputs: {result: "{{ steps.refresh.output }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis, Located
from flowbuilder.analysis.taint.propagation import DEEPEST
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.diagnostics import Diagnostic, did_you_mean, nearest
from flowbuilder.errors import FlowbuilderError, NotFound
from flowbuilder.json_schema import BadSchema, problems
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.steps.fields import holds_template

CODE = "FB110"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """Complaints about each call; none where nobody can say which workflows there are."""
    if analysis.workflows is None:
        return
    for located in analysis.all:
        if isinstance(located.step, Workflow) and located.step.name and not analysis.is_broken(located):
            yield from _call(analysis, located, located.step, analysis.workflows)


def _call(analysis: Analysis, located: Located, step: Workflow, workflows: WorkflowLookup) -> Iterator[Diagnostic]:
    place = (*located.place, "name")
    circle = _circle([analysis.definition.name, step.name], step.version, workflows)
    if len(circle) > DEEPEST:
        yield analysis.at(place, CODE, f"calls nest deeper than {DEEPEST} workflows: {' -> '.join(circle[:4])} ...")
        return
    if circle:
        yield analysis.at(place, CODE, f"the workflow calls itself: {' -> '.join(circle)}")
        return
    try:
        called = workflows(step.name, step.version)
    except NotFound as error:
        yield analysis.at(place, CODE, str(error) or f"there is no workflow {step.name}")
        return
    except FlowbuilderError as error:
        yield analysis.at(place, CODE, f"{step.name} cannot be called: {error}")
        return
    yield from _inputs(analysis, located, step, called)


def _inputs(analysis: Analysis, located: Located, step: Workflow, called: Definition) -> Iterator[Diagnostic]:
    known = {item.name: item for item in called.inputs}
    missing = [item.name for item in called.inputs if item.required and item.name not in step.inputs]
    for name, value in step.inputs.items():
        place = (*located.place, "with", name)
        if name not in known:
            open_names = [other for other in known if other not in step.inputs]
            hint = did_you_mean(name, open_names, what="its other inputs are")
            missing = [other for other in missing if other != nearest(name, missing)]
            yield analysis.at(place, CODE, f"{step.name} has no input {name}", hint=hint)
        elif not holds_template(value):
            try:
                found = problems(known[name].schema, value)
            except BadSchema:
                found = []
            for _, message in found[:1]:
                yield analysis.at(place, CODE, f"{step.name} does not take this as {name}: {message}")
    if missing:
        place = (*located.place, "with") if step.inputs else (*located.place, "name")
        yield analysis.at(place, CODE, f"{step.name} needs {' and '.join(missing)}", hint="give it under with")


def _circle(path: list[str], version: int | None, workflows: WorkflowLookup) -> list[str]:
    """The names of the calls that lead back to where they began, or go on too long; empty where none do."""
    if path[-1] == path[0]:
        return path
    if path[-1] in path[:-1]:
        return []
    if len(path) > DEEPEST:
        return path
    try:
        called = workflows(path[-1], version)
    except FlowbuilderError:
        return []
    for _, step in called.all_steps():
        if isinstance(step, Workflow):
            found = _circle([*path, step.name], step.version, workflows)
            if found:
                return found
    return []
