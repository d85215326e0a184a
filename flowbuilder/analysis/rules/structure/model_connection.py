"""FB505: a connection belongs to one provider, and the model or its fallback is of another.

The key of a connection is sent to its own provider only, so the step would fail before anything is sent. A fallback of
another provider has a connection of its own.

Wrong:
    steps:
      - id: draft
        type: llm
        connection: openai-main
        model: openai:gpt-5.1
        fallback: anthropic:claude-sonnet-4-6
        prompt: Write a haiku.
    outputs: {text: "{{ steps.draft.output.text }}"}

Right:
    steps:
      - id: draft
        type: llm
        connection: openai-main
        model: openai:gpt-5.1
        fallback: anthropic:claude-sonnet-4-6
        fallback_connection: anthropic-main
        prompt: Write a haiku.
    outputs: {text: "{{ steps.draft.output.text }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.model_step import AsksModel, written_provider
from flowbuilder.values import pointer

CODE = "FB505"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each fallback that shares the connection of a model of another provider."""
    for located in analysis.steps:
        step = located.step
        if not isinstance(step, AsksModel) or not step.connection or step.fallback is None:
            continue
        first, second = written_provider(step.model), written_provider(step.fallback)
        shared = (step.fallback_connection or step.connection) == step.connection
        if shared and first and second and first != second and "demo" not in (first, second):
            place = (*located.place, "fallback")
            yield Diagnostic(
                code=CODE,
                message=f"the connection {step.connection} belongs to {first}, and the fallback is of {second}",
                hint=f"name a connection of {second} in fallback_connection",
                pointer=pointer(place),
                span=analysis.definition.positions.values.get(pointer(place)),
            )
