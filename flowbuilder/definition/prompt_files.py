"""Prompt files: `prompt: prompts/NAME@N` in a workflow file stands for the texts of `prompts/NAME@N.md` beside it.

The texts become fields of the step before it is loaded, so they are part of the stored version and of its digest, and
everything that is checked in a prompt is checked in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowbuilder.definition.collector import DiagnosticCollector
from flowbuilder.definition.yaml.document import read_document
from flowbuilder.values import JsonObject, Place

REFERENCE = re.compile(r"(?:\./)?prompts/((?:[A-Za-z0-9_-]{1,64}/){0,4}[A-Za-z0-9_-]{1,64}@[0-9]{1,9})(?:\.md)?")
FIELDS = ("system", "model", "messages")
"""Fields of the front matter that the step has where it does not name its own."""
MAX_CHARACTERS = 262_144
"""Maximum length of one prompt file, and of a text with its partials."""
MAX_PARTIALS = 5
"""Levels of partials in partials."""
_PARTIAL = re.compile(r"\{\{-?\s*partials\.([A-Za-z_][A-Za-z0-9_]{0,63})\s*-?\}\}")
_FRONT = re.compile(r"---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.S)


class PromptProblem(Exception):
    """A prompt file cannot be used; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class PromptFile:
    """The texts of one prompt file, with its partials in them."""

    body: str
    fields: JsonObject = field(default_factory=dict)


def with_prompts(raw: JsonObject, folder: Path | None, diagnostics: DiagnosticCollector) -> JsonObject:
    """The document with the texts of its prompt files; the same object where it names none.

    `folder` is that of the workflow file, None for a document that comes from no file. A file that cannot be used is
    reported as FB017, at the reference.
    """
    found = [(place, step) for place, step in _steps(raw.get("steps"), ("steps",)) if _reference(step)]
    if not found:
        return raw
    replaced: dict[Place, JsonObject] = {}
    for place, step in found:
        try:
            replaced[place] = _filled(step, folder)
        except PromptProblem as problem:
            hint = "a prompt is a file such as prompts/edit@1.md in the folder of the workflow"
            diagnostics.at_value((*place, "prompt"), "FB017", str(problem), hint=hint)
            replaced[place] = {"model": "demo:unread", **step}  # the file may name it: no second complaint
    copied: JsonObject = _replaced(raw, (), replaced)
    return copied


def read_prompt(name: str, folder: Path | None, inside: tuple[str, ...] = ()) -> PromptFile:
    """The prompt file `prompts/NAME.md` in a folder; raises `PromptProblem`."""
    if folder is None:
        raise PromptProblem(f"prompts/{name} can be read for a workflow file only, from its folder")
    if name in inside or len(inside) > MAX_PARTIALS:
        raise PromptProblem(f"prompts/{inside[0]} has partials that contain each other, or too many levels of them")
    front, body = _parts(name, _text(name, folder))
    partials = front.pop("partials", {})
    known = isinstance(partials, dict) and all(isinstance(value, str) for value in partials.values())
    unknown = sorted(set(front) - {*FIELDS, "description"})
    if unknown or not known:
        what = f"the field {unknown[0]}" if unknown else "partials that are not names of files by name"
        raise PromptProblem(f"prompts/{name}.md has {what}; it may have {', '.join(FIELDS)}, partials and description")

    bodies: dict[str, str] = {}
    size = 0

    def partial(found: re.Match[str]) -> str:
        nonlocal size
        target = REFERENCE.fullmatch(f"prompts/{str(partials.get(found[1], '')).removeprefix('prompts/')}")
        if target is None:
            raise PromptProblem(f"prompts/{name}.md names no file for its partial {found[1]}: {found[1]}: tone@1")
        if target[1] not in bodies:
            bodies[target[1]] = read_prompt(target[1], folder, (*inside, name)).body
        size += len(bodies[target[1]])
        if size > MAX_CHARACTERS:
            raise PromptProblem(f"prompts/{name}.md has more than {MAX_CHARACTERS:,} characters with its partials")
        return bodies[target[1]]

    def filled(text: str) -> str:
        return _PARTIAL.sub(partial, text)

    fields: JsonObject = {key: _mapped(front[key], filled) for key in FIELDS if key in front}
    body = filled(body)
    if REFERENCE.fullmatch(body.strip()):
        raise PromptProblem(f"prompts/{name}.md holds only the name of another file; use a partial")
    return PromptFile(body=body, fields=fields)


def _filled(step: JsonObject, folder: Path | None) -> JsonObject:
    name = _reference(step)
    assert name is not None
    prompt = read_prompt(name, folder)
    return {**step, **{key: value for key, value in prompt.fields.items() if key not in step},
            "prompt": prompt.body, "prompt_file": f"prompts/{name}"}  # fmt: skip


def _reference(step: JsonObject) -> str | None:
    prompt = step.get("prompt")
    found = REFERENCE.fullmatch(prompt.strip()) if isinstance(prompt, str) and len(prompt) < 500 else None
    return found[1] if found else None


def _text(name: str, folder: Path) -> str:
    root = (folder / "prompts").resolve()
    path = (root / f"{name}.md").resolve()
    if not path.is_relative_to(root):
        raise PromptProblem(f"prompts/{name}.md is a link to a file outside of the folder prompts")
    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)
    except OSError as error:
        raise PromptProblem(f"prompts/{name}.md cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise PromptProblem(f"prompts/{name}.md is not UTF-8") from None
    if "\0" in text:
        raise PromptProblem(f"prompts/{name}.md has a NUL character")
    if len(text) > MAX_CHARACTERS:
        raise PromptProblem(f"prompts/{name}.md has more than {MAX_CHARACTERS:,} characters")
    return text


def _parts(name: str, text: str) -> tuple[JsonObject, str]:
    """The front matter and the body, without the line breaks around it."""
    found = _FRONT.match(text)
    if found is None:
        if text.startswith("---\n"):
            raise PromptProblem(f"the front matter of prompts/{name}.md has no end: a line of ---")
        return {}, text.strip("\n")
    read = read_document(found[1])
    if read.value is None or read.diagnostics:
        why = read.diagnostics[0].message if read.diagnostics else "it is not an object"
        raise PromptProblem(f"the front matter of prompts/{name}.md cannot be read: {why}")
    return dict(read.value), text[found.end() :].strip("\n")


def _steps(value: Any, place: Place) -> Iterator[tuple[Place, JsonObject]]:
    """Every object of the document that has a `type` and a `prompt`, with its place."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str) and "prompt" in value:
            yield place, value
        for key, inner in value.items():
            yield from _steps(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _steps(inner, (*place, index))


def _replaced(value: Any, place: Place, replaced: dict[Place, JsonObject]) -> Any:
    if place in replaced:
        return replaced[place]
    if isinstance(value, dict):
        return {key: _replaced(inner, (*place, key), replaced) for key, inner in value.items()}
    return (
        [_replaced(inner, (*place, n), replaced) for n, inner in enumerate(value)] if isinstance(value, list) else value
    )


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(inner, change) for key, inner in value.items()}
    return [_mapped(inner, change) for inner in value] if isinstance(value, list) else value
