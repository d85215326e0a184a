"""FB409: a sensitive value reaches a place where it is shown, stored or given away.

An input with `sensitive: true`, and such an output of a called workflow, is `[hidden]` wherever executions are shown. A
review shows its text to people, a page to everyone, and an output to all who see the execution: an error. A prompt goes
to the provider of the model, the body of a request to what the server stores, and an input of a called workflow that is
not sensitive to all its steps: a warning, as is a sensitive input of a called workflow that the definition gives.
Headers, the query of a request and the arguments of a tool are where credentials belong. An output that carries one is
written `{value: ..., sensitive: true}`: a workflow that calls this one gets it, and no one is shown it. A text that
only tests the value (`inputs.api_key != null`) carries nothing of it. There is a warning too where the schema of a
sensitive input allows only texts of fewer than six characters: these are hidden, but not looked for in what steps
return.

Wrong:
    inputs:
      api_key: {type: string, sensitive: true}
    steps:
      - id: rows
        type: api
        url: https://api.example.com/rows
        headers: {x-api-key: "{{ inputs.api_key }}"}
    outputs: {rows: "{{ steps.rows.output.body }}", used: "{{ inputs.api_key }}"}

Right:
    inputs:
      api_key: {type: string, sensitive: true}
    steps:
      - id: rows
        type: api
        url: https://api.example.com/rows
        headers: {x-api-key: "{{ inputs.api_key }}"}
    outputs: {rows: "{{ steps.rows.output.body }}", used: {value: "{{ inputs.api_key }}", sensitive: true}}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis, LocatedStep, LocatedText
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import dotted
from flowbuilder.definition.document import Definition
from flowbuilder.definition.input_loader import schemas_in
from flowbuilder.diagnostics import Diagnostic, Severity
from flowbuilder.language import Reference
from flowbuilder.language.parsing.references import NamePath
from flowbuilder.ports.sensitive import texts_of
from flowbuilder.steps.builtin.cms import CmsStep
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.steps.fields import holds_template
from flowbuilder.steps.model_step import AsksModel
from flowbuilder.values import JsonObject

CODE = "FB409"
_SHOWN = frozenset({"title", "base", "proposal", "findings"})
_ASKED = frozenset({"prompt", "query", "system", "context"})
_SENT = frozenset({"json", "form", "body", "multipart"})
_OUTPUT = "write {value: ..., sensitive: true} to give it to a calling workflow only, or leave it out"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A diagnostic for each text that carries a sensitive value to such a place."""
    sensitive = _Sensitive(analysis)
    if not sensitive.any:
        return
    yield from _short(analysis)
    for located in analysis.steps:
        yield from _written(analysis, sensitive, located)
        for text in located.texts:
            place = _place(sensitive, located, text)
            if place is not None and (found := sensitive.in_text(text)) is not None:
                where, hint, severity = place
                message = f"{dotted(found.path)} is sensitive, and {where}"
                yield analysis.diagnostic_in(text, found.start, found.end, CODE, message, hint=hint, severity=severity)
    for text in analysis.outputs:
        name = str(text.place[1])
        if name not in analysis.definition.sensitive_outputs and (found := sensitive.in_text(text)) is not None:
            message = f"{dotted(found.path)} is sensitive, and the output {name} is shown"
            yield analysis.diagnostic_in(text, found.start, found.end, CODE, message, hint=_OUTPUT)


def _short(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning for each sensitive input, or part of one, whose values are too short to be looked for."""
    from flowbuilder.ports.secret_forms import MIN_LENGTH  # here: most documents have no sensitive input

    for given in analysis.definition.inputs:
        if given.name not in analysis.definition.sensitive_inputs:
            continue
        for schema, place in schemas_in(given.schema, ("inputs", given.name)):
            if word := _word_for_short(schema, MIN_LENGTH):
                message = f"{given.name} is sensitive, and its values are too short to be replaced in what steps return"
                hint = f"use a secret of at least {MIN_LENGTH} characters, or see that no step returns it"
                yield analysis.diagnostic_at((*place, word), CODE, message, hint=hint, severity="warning")


def _word_for_short(schema: JsonObject, least: int) -> str:
    """The word of a schema that allows only texts and numbers of fewer characters; empty when there is none."""
    longest = schema.get("maxLength")
    if isinstance(longest, int) and longest < least and schema.get("type", "string") == "string":
        return "maxLength"
    for word, values in (("enum", schema.get("enum")), ("const", [schema.get("const")])):
        texts = texts_of(values) if isinstance(values, list) else []
        if texts and all(len(text) < least for text in texts):
            return word
    return ""


def _written(analysis: Analysis, sensitive: _Sensitive, located: LocatedStep) -> Iterator[Diagnostic]:
    """A warning for each sensitive input of a called workflow whose value is in the definition."""
    step = located.step
    called = sensitive.called(located) if isinstance(step, Workflow) else None
    if called is None or not isinstance(step, Workflow):
        return
    for name, value in step.inputs.items():
        if name in called.sensitive_inputs and not holds_template(value) and value not in (None, "", [], {}):
            message = f"the input {name} of {step.name} is sensitive, and the definition shows its value"
            hint = "pass on a sensitive input of this workflow"
            yield analysis.diagnostic_at((*located.place, "with", name), CODE, message, hint=hint, severity="warning")


def _place(sensitive: _Sensitive, located: LocatedStep, text: LocatedText) -> tuple[str, str, Severity] | None:
    """What becomes of a value at this place, a hint and the severity; None where a sensitive value may be."""
    field, *inside = text.place[len(located.place) :]
    step = located.step
    if isinstance(step, HumanReview):
        return ("a review shows it to people", "leave it out of the review", "error") if field in _SHOWN else None
    if isinstance(step, CmsStep):
        published = text.sink == "publish"
        return (f"{step.id} publishes it", "leave it out of the page", "error") if published else None
    if isinstance(step, AsksModel) and field in _ASKED:
        hint = "have a step use it, and give the model what that step found"
        return f"{step.id} sends it to the provider of a model", hint, "warning"
    if field in _SENT and text.sink == "publish":
        hint = "send it in headers or query, or keep it in a connection"
        return f"{step.id} sends it as content", hint, "warning"
    if isinstance(step, Workflow) and field == "with" and inside:
        called = sensitive.called(located)
        if called is not None and str(inside[0]) not in called.sensitive_inputs:
            hint = f"say sensitive: true of the input {inside[0]} of {step.name}"
            return f"the input {inside[0]} of {step.name} is not", hint, "warning"
    return None


class _Sensitive:
    """Which references of a definition carry a sensitive value: judged by their paths."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._inputs = analysis.definition.sensitive_inputs
        workflows = [self.called(located) for located in analysis.steps if isinstance(located.step, Workflow)]
        self._calls = any(one.sensitive_inputs for one in workflows if one is not None)
        self._outputs = {
            located.id: called.sensitive_outputs
            for located in analysis.steps
            if isinstance(located.step, Workflow) and (called := self.called(located)) and called.sensitive_outputs
        }
        self._steps: dict[str, bool] = {}

    @property
    def any(self) -> bool:
        """Whether there is a sensitive value at all."""
        return bool(self._inputs or self._outputs or self._calls)

    def called(self, located: LocatedStep) -> Definition | None:
        """The definition of the workflow that a step calls; None where it is not known."""
        inner = self._analysis.cached(Propagation).called.get(located.id)
        return None if inner is None else inner.analysis.definition

    def in_text(self, text: LocatedText) -> Reference | None:
        """The first reference of a text that carries a sensitive value into its result; a test tells one bit only."""
        return next(
            (item for item in text.compiled.references if not item.tested and self._carries(item.path, text)), None
        )

    def _carries(self, path: NamePath, text: LocatedText) -> bool:
        first, *keys = path
        if first == "inputs":
            return str(keys[0]) in self._inputs if keys else bool(self._inputs)
        if first == "steps" and keys:
            return self._in_output(str(keys[0]), keys[1:])
        for block in text.block.enclosing():
            if block.item == first and block.owner is not None:
                return any(self.in_text(one) for one in block.owner.texts if one.place[-1] == "over")
        return False

    def _in_output(self, name: str, keys: list[str | int]) -> bool:
        """Whether a part of a step's entry carries one. The walk computes the outputs of conditionals, iterations and
        calls; what other steps return is cleaned before it is stored."""
        if name in self._outputs:
            return len(keys) < 2 or (keys[0] == "output" and str(keys[1]) in self._outputs[name])
        located = self._analysis.by_id.get(name)
        if (
            keys[:1] in (["status"], ["error"])
            or located is None
            or isinstance(located.step, Workflow)
            or not located.blocks
        ):
            return False
        if name not in self._steps:
            self._steps[name] = False  # an output that reads itself is another rule's error
            self._steps[name] = any(self.in_text(text) for text in located.texts if "output" in text.place)
            if isinstance(located.step, Iteration) and located.step.output is None:
                last = located.blocks[0].ordered[-1:]
                self._steps[name] |= any(self._in_output(inner, []) for inner in last)
        return self._steps[name]
