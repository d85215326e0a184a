"""Mutations that break a valid definition, each with the one diagnostic that it must cause."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Steps = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A broken definition; `at` is a pattern that the text at the diagnostic's position must match."""

    name: str
    document: Document
    code: str
    at: str
    count: int = 1


def lists_of_steps(document: Document) -> Iterator[Steps]:
    """Every list of steps, outer ones first."""
    ahead: list[Steps] = [document["steps"]]
    while ahead:
        steps = ahead.pop(0)
        yield steps
        for step in steps:
            ahead += [body for body in (step.get("steps"), (step.get("else") or {}).get("steps")) if body]
            ahead += [branch["steps"] for branch in step.get("branches", []) if branch.get("steps")]


def every_step(document: Document) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Every step, with the list that contains it."""
    for steps in lists_of_steps(document):
        for step in list(steps):
            yield steps, step


def texts_in(value: Any) -> Iterator[str]:
    """Every string in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)


def replaced(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of a value with every string changed by `change`."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: replaced(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, change) for inner in value]
    return value


def reads(value: Any, step_id: str) -> list[str]:
    """The references to a step's output in a value: `steps.page.output.title`."""
    found = rf"(?<![\w.])steps\.{step_id}\b(?:\.\w+|\[\d+\])*"
    return [match for text in texts_in(value) for match in re.findall(found, text)]


def without(document: Document, step_id: str) -> Document:
    """The definition without one step."""
    changed = copy.deepcopy(document)
    for steps, step in every_step(changed):
        if step["id"] == step_id:
            steps.remove(step)
    return changed


def deleted_steps(document: Document) -> Iterator[Mutant]:
    """Delete each step that others refer to."""
    for steps, step in every_step(document):
        inside = {inner["id"] for _, inner in every_step({"steps": [step]})}
        rest = without(document, step["id"])
        if len(steps) > 1 and len(inside) == 1 and reads(rest, step["id"]):
            yield Mutant(
                name=f"without {step['id']}", document=rest, code="FB107|FB104", at=rf'^"?(steps\.)?{step["id"]}\b'
            )


def renamed_fields(document: Document) -> Iterator[Mutant]:
    """Rename each property of an output schema that is read."""
    for _, step in every_step(document):
        schema = step.get("output_schema") or step.get("response_schema") or {}
        for name in schema.get("properties", {}):
            read = [found for found in reads(document, step["id"]) if re.search(rf"\.{name}\b", found)]
            if not read:
                continue
            changed = copy.deepcopy(document)
            other = next(found for _, found in every_step(changed) if found["id"] == step["id"])
            field = "output_schema" if "output_schema" in step else "response_schema"
            properties = other[field]["properties"]
            other[field]["properties"] = {
                (f"{key}s" if key == name else key): value for key, value in properties.items()
            }
            if "required" in other[field]:
                other[field]["required"] = [f"{key}s" if key == name else key for key in other[field]["required"]]
            yield Mutant(name=f"{step['id']}.{name} renamed", document=changed, code="FB301", at=f"^{name}$")


def renamed_inputs(document: Document) -> Iterator[Mutant]:
    """Rename each input that is read."""
    for name in document.get("inputs", {}):
        if any(
            re.search(rf"inputs\.{name}\b", text) for text in texts_in([document["steps"], document.get("outputs")])
        ):
            inputs = {(f"{key}_2" if key == name else key): value for key, value in document["inputs"].items()}
            yield Mutant(
                name=f"input {name} renamed",
                document={**document, "inputs": inputs},
                code="FB106",
                at=rf"^inputs\.{name}",
            )


def unguarded(document: Document, step_id: str) -> bool:
    """Whether a reference reads the step's output without handling that it may be missing."""
    alone = [text for text in texts_in(document) if reads(text, step_id)]
    cared = re.compile(rf"steps\.{step_id}\b[\w.\[\]]*\s*\|\s*default|is_defined\(steps\.{step_id}")
    return any(".output" in found and not cared.search(text) for text in alone for found in reads(text, step_id))


def conditional_steps(document: Document) -> Iterator[Mutant]:
    """Make each step that is read conditional: by `if`, and by a branch around it."""
    for _, step in every_step(document):
        if "when" in step or not unguarded(document, step["id"]) or readers_inside(document, step):
            continue
        at = rf"^steps\.{step['id']}\b"
        changed = copy.deepcopy(document)
        other = next(found for _, found in every_step(changed) if found["id"] == step["id"])
        other["when"] = "site.frozen != true"
        yield Mutant(name=f"{step['id']} with a condition", document=changed, code="FB303", at=at)
        changed = copy.deepcopy(document)
        home, other = next(found for found in every_step(changed) if found[1]["id"] == step["id"])
        branch = {"when": "site.frozen != true", "steps": [other], "output": 1}
        home[home.index(other)] = {"id": f"maybe_{step['id']}", "type": "conditional", "branches": [branch]}
        if not any(step["id"] in texts for texts in _rewinds(document)):
            yield Mutant(name=f"{step['id']} in a branch", document=changed, code="FB303", at=at)


def _rewinds(document: Document) -> Iterator[str]:
    for _, step in every_step(document):
        if step.get("on_changes_requested"):
            yield step["on_changes_requested"]["rewind_to"]


def readers_inside(document: Document, step: dict[str, Any]) -> bool:
    """Whether the step is the last one of an iteration without `output`: its output is read without a reference."""
    return any(
        outer["type"] == "iteration" and "output" not in outer and outer["steps"][-1]["id"] == step["id"]
        for _, outer in every_step(document)
    )


def dropped_reviews(document: Document) -> Iterator[Mutant]:
    """Remove each review, and publish its proposal directly."""
    for _, step in every_step(document):
        if step["type"] != "human_review":
            continue
        name, proposal = step["id"], step["proposal"]

        def change(text: str, name: str = name, proposal: Any = proposal) -> str:
            def instead(match: re.Match[str]) -> str:
                value = proposal
                for key in (match[1] or "").split(".")[1:]:
                    value = value[key]
                return str(value).removeprefix("{{ ").removesuffix(" }}")

            return re.sub(rf"steps\.{name}\.output\.approved((?:\.\w+)*)", instead, text)

        changed = replaced(without(document, name), change)
        publishing = 0
        for _, other in every_step(changed):
            if f"steps.{name}" in str(other.get("when")):
                del other["when"]
        for _, other in every_step(document):
            writes = other["type"] == "cms" or other.get("method") in ("PUT", "POST")
            publishing += writes and f"steps.{name}.output.approved" in str({**other, "when": ""})
        if publishing and not reads(changed, name):
            yield Mutant(
                name=f"without the review {name}", document=changed, code="FB401", at=r"^\w+", count=publishing
            )


def misspelt(document: Document) -> Iterator[Mutant]:
    """Misspell each field and each type of a step."""
    for _, step in every_step(document):
        for field in step:
            if field in ("id", "steps", "branches", "else"):
                continue
            changed = copy.deepcopy(document)
            other = next(found for _, found in every_step(changed) if found["id"] == step["id"])
            if field == "type":
                other["type"] = step["type"] + "s"
                yield Mutant(name=f"type of {step['id']}", document=changed, code="FB013", at=f'^"{step["type"]}s"$')
            else:
                value = other.pop(field)
                other[field + "s"] = value
                yield Mutant(name=f"{field} of {step['id']}", document=changed, code="FB010", at=f'^"{field}s"$')
