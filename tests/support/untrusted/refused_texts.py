"""A random workflow, and the replacement of the texts in it that the linter refuses."""

from dataclasses import dataclass
from typing import Any

from flowbuilder.analysis.linter import check
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.errors import NotFound

GIVEN_UP = 99


@dataclass
class RandomWorkflow:
    """A definition, the workflows that it calls, and the answers of its APIs by URL. `dropped`: the number of rounds in
    which texts that the linter refused were replaced by clean ones; `GIVEN_UP` where it still refuses some."""

    document: dict[str, Any]
    called: tuple[dict[str, Any], ...]
    answers: dict[str, Any]
    features: set[str]
    dropped: int = 0


def errors_of(workflow: RandomWorkflow) -> list[tuple[str, str]]:
    """The code and the place of each error that the linter finds in a workflow."""
    loaded = {document["name"]: load(document)[0] for document in workflow.called}

    def stored(name: str, version: int | None) -> Definition:
        found = loaded.get(name)
        if found is None or not check(found, workflows=stored).ok:
            raise NotFound(f"there is no workflow {name}")
        return found

    definition, report = load(workflow.document)
    if definition is not None:
        report = check(definition, workflows=stored)
    return [(item.code, item.pointer) for item in report.errors]


def without_refused(workflow: RandomWorkflow) -> int:
    """Replace each text with an error by a plain word, until there is none; the number of rounds."""
    for count in range(12):
        places = {place for _, place in errors_of(workflow)}
        if not places:
            return count
        for place in places:
            _replace(workflow.document, place.split("/")[1:])
    return GIVEN_UP


def _replace(value: Any, path: list[str]) -> None:
    for key in path[:-1]:
        if not isinstance(value, (dict, list)):
            return  # what held the text has been replaced in this round
        value = value[int(key)] if isinstance(value, list) else value.get(key.replace("~1", "/"), {})
    if isinstance(value, dict) and path[-1] in value:
        inner = value[path[-1]]
        value[path[-1]] = "true" if path[-1] in ("when", "over", "key") else {} if isinstance(inner, dict) else "plain"
        if path[-1] == "over":
            value["over"] = "[1]"
        if path[-1] == "quorum":
            value["quorum"] = 1
        if path[-1] == "parameters":
            value["parameters"] = {"a": "plain"}
        if path[-1] == "tools":
            del value["tools"]
        if path[-1] == "name":  # a called workflow sends what it was given
            value |= {"name": inner, "with": {"n": "plain"}}
    elif isinstance(value, list):
        value[int(path[-1])] = "plain"
