"""The workflows of the simulation. Each execution has its own `tag` in every URL and prompt."""

from __future__ import annotations

from typing import Any

from tests.support.faults.crash_workflows import SITE, approved

RETRY = {"attempts": 8, "backoff": "constant", "delay_seconds": 2}


def api(name: str, method: str, **more: Any) -> dict[str, Any]:
    url = f"https://service.example/{{{{ inputs.tag }}}}/{name}"
    return {"id": name, "type": "api", "method": method, "url": url, "retry": RETRY, **more}


def ask(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "human_review", "title": f"{name}?", "proposal": "new text", **more}


def publish(name: str, body: str, **more: Any) -> dict[str, Any]:
    url = "https://site.example/{{ inputs.tag }}"
    return {"id": name, "type": "cms", "operation": "update", "url": url, "body": body, "retry": RETRY, **more}


def workflow(name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": "flowbuilder/v1", "name": name, "title": name, "steps": list(steps), "outputs": {},
        "hosts": ["site.example", "service.example"], "inputs": {"tag": {"type": "string"}},
    }  # fmt: skip


WORKFLOWS = (
    workflow(
        "reviewed",
        api("read", "GET"),
        ask("review", depends_on=["read"], expires_in="PT10M", on_expire="approved"),
        publish("out", approved("review")),
    ),
    workflow(
        "three-targets",
        api("keyed", "PUT"),
        publish("page", "known", depends_on=["keyed"]),
        api("bare", "POST", depends_on=["page"]),
    ),
    workflow(
        "each",
        {
            "id": "each", "type": "iteration", "over": "[1, 2, 3]", "as": "page", "max_concurrency": 2,
            "steps": [
                {
                    "id": "read", "type": "api", "retry": RETRY,
                    "url": "https://service.example/{{ inputs.tag }}/read-{{ page }}",
                },
                ask("check", depends_on=["read"]),
                {
                    "id": "save", "type": "api", "method": "PUT", "retry": RETRY, "json": approved("check"),
                    "url": "https://service.example/{{ inputs.tag }}/save-{{ page }}",
                },
            ],
            "output": "{{ steps.save.output.status }}",
        },
    ),
    workflow(
        "rounds",
        api("draft", "GET"),
        ask("review", depends_on=["draft"], on_changes_requested={"rewind_to": "draft", "max_rounds": 2}),
        publish("out", approved("review")),
        api("told", "POST", depends_on=["out"]),
    ),
    workflow(
        "written",
        {"id": "text", "type": "llm", "model": "demo:writer", "prompt": "write {{ inputs.tag }}", "retry": RETRY},
        api("keep", "PUT", depends_on=["text"]),
        api("again", "PUT", depends_on=["keep"]),
    ),
)  # fmt: skip
EFFECTS = {
    "reviewed": ("page",),
    "three-targets": ("PUT keyed", "page", "POST bare"),
    "each": ("PUT save-1", "PUT save-2", "PUT save-3"),
    "rounds": ("page", "POST told"),
    "written": ("PUT keep", "PUT again"),
}
"""The effects of each workflow, each to be applied once."""
__all__ = ["EFFECTS", "SITE", "WORKFLOWS"]
