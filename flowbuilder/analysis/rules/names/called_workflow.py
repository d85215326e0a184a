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

from flowbuilder.analysis.model import Analysis, LocatedStep
from flowbuilder.analysis.taint.propagation import MAX_CALL_DEPTH
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.diagnostics import Diagnostic, did_you_mean, nearest
from flowbuilder.errors import FlowbuilderError, NotFound
from flowbuilder.json_schema import BadSchema, problems
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.steps.fields import holds_template

CODE = "FB110"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each wrong call; nothing is checked without a workflow lookup."""
    if analysis.workflows is None:
        return
    for located in analysis.steps:
        if isinstance(located.step, Workflow) and located.step.name and not analysis.is_broken(located):
            yield from _call(analysis, located, located.step, analysis.workflows)


def _call(analysis: Analysis, located: LocatedStep, step: Workflow, workflows: WorkflowLookup) -> Iterator[Diagnostic]:
    place = (*located.place, "name")
    cycle = _cycle([analysis.definition.name, step.name], step.version, workflows)
    if cycle:
        message = f"the workflow calls itself: {' -> '.join(cycle)}"
        if len(cycle) > MAX_CALL_DEPTH:
            message = f"workflow calls are nested deeper than {MAX_CALL_DEPTH}: {' -> '.join(cycle[:4])} ..."
        yield analysis.diagnostic_at(place, CODE, message)
        return
    try:
        called = workflows(step.name, step.version)
    except NotFound as error:
        yield analysis.diagnostic_at(place, CODE, str(error) or f"there is no workflow {step.name}")
        return
    except FlowbuilderError as error:
        yield analysis.diagnostic_at(place, CODE, f"{step.name} cannot be called: {error}")
        return
    yield from _inputs(analysis, located, step, called)


def _inputs(analysis: Analysis, located: LocatedStep, step: Workflow, called: Definition) -> Iterator[Diagnostic]:
    known = {item.name: item for item in called.inputs}
    missing = [item.name for item in called.inputs if item.required and item.name not in step.inputs]
    for name, value in step.inputs.items():
        place = (*located.place, "with", name)
        if name not in known:
            open_names = [other for other in known if other not in step.inputs]
            hint = did_you_mean(name, open_names, what="its other inputs are")
            missing = [other for other in missing if other != nearest(name, missing)]
            yield analysis.diagnostic_at(place, CODE, f"{step.name} has no input {name}", hint=hint)
        elif not holds_template(value):
            try:
                found = problems(known[name].schema, value)
            except BadSchema:
                found = []
            for _, message in found[:1]:
                invalid = f"invalid value for the input {name} of {step.name}: {message}"
                yield analysis.diagnostic_at(place, CODE, invalid)
    if missing:
        place = (*located.place, "with") if step.inputs else (*located.place, "name")
        message = f"{step.name} requires the input{'s' * (len(missing) > 1)} {' and '.join(missing)}"
        yield analysis.diagnostic_at(place, CODE, message, hint="add what is missing under with")


def _cycle(path: list[str], version: int | None, workflows: WorkflowLookup) -> list[str]:
    """The names of a chain of calls that returns to its first workflow or is too long; empty where there is none."""
    if path[-1] == path[0]:
        return path
    if path[-1] in path[:-1]:
        return []
    if len(path) > MAX_CALL_DEPTH:
        return path
    try:
        called = workflows(path[-1], version)
    except FlowbuilderError:
        return []
    for _, step in called.all_steps():
        if isinstance(step, Workflow):
            found = _cycle([*path, step.name], step.version, workflows)
            if found:
                return found
    return []
