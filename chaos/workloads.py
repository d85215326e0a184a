"""The workflows of the load: between them every kind of effect, of waiting and of going on.

`n` is the number of the start; every address that an execution writes to has it, so that the target's log can be laid
beside our record.
"""

from __future__ import annotations

from typing import Any

SITE = "chaos.example"
SITE_URL = f"https://{SITE}"
EXPIRES_SECONDS = 3
"""How long the review with a deadline waits."""
ITEMS = 4
"""How many items the iteration has."""
MANY = 10
"""How many the long one has, one after the other, about a second each."""


def documents(base: str) -> dict[str, dict[str, Any]]:
    """The documents by name, those that are called first; `base` is where the target is."""
    n = "{{ inputs.n }}"

    def call(name: str, method: str, place: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "type": "api", "method": method, "url": f"{base}/{place}", **more}

    def ask(name: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "type": "human_review", "title": f"{name} of {n}?", "proposal": f"text of {n}", **more}

    def page(name: str, body: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "type": "cms", "operation": "create", "url": f"{SITE_URL}/{name}-{n}", "body": body, **more}

    approved = "{{ steps.review.output.approved }}"
    again = {"attempts": 6, "backoff": "constant", "delay_seconds": 0.5}
    return {
        "part": _document(
            "part",
            [call("put", "PUT", f"put/part-{n}"), ask("review", depends_on=["put"])],
            {"decision": "{{ steps.review.output.decision }}"},
        ),
        "targets": _document(
            "targets",
            [
                call("read", "GET", f"read/{n}", retry=again),
                call("put", "PUT", f"put/{n}", depends_on=["read"]),
                page("page", f"text of {n}", depends_on=["put"]),
                call("bare", "POST", f"bare/{n}", depends_on=["page"], on_error={"continue_with": None}),
                call("last", "PUT", f"last/{n}", depends_on=["bare"]),
            ],
            {"last": "{{ steps.last.output.status }}"},
        ),
        "reviewed": _document(
            "reviewed",
            [
                call("draft", "GET", f"read/{n}", retry=again),
                ask("review", depends_on=["draft"], on_changes_requested={"rewind_to": "draft", "max_rounds": 2}),
                page("published", approved),
                call("put", "PUT", f"put/{n}", depends_on=["published"]),
            ],
            {"hash": "{{ steps.published.output.hash }}"},
        ),
        "deadline": _document(
            "deadline",
            [
                ask("review", expires_in=f"PT{EXPIRES_SECONDS}S", on_expire="approved"),
                call("put", "PUT", f"put/{n}", json={"decision": "{{ steps.review.output.decision }}"}),
                page("published", approved, depends_on=["put"]),
            ],
            {"hash": "{{ steps.published.output.hash }}", "decision": "{{ steps.review.output.decision }}"},
        ),
        "items": _document(
            "items",
            [
                {
                    "id": "each",
                    "type": "iteration",
                    "over": "inputs.items",
                    "as": "name",
                    "max_concurrency": 2,
                    "steps": [
                        call("get", "GET", f"read/{n}-{{{{ name }}}}", retry=again),
                        call("put", "PUT", f"put/{n}-{{{{ name }}}}", depends_on=["get"]),
                    ],
                    "output": "{{ steps.put.output.status }}",
                }
            ],
            {"each": "{{ steps.each.output.outputs }}"},
            items={"type": "array", "items": {"type": "string"}, "default": list("abcdefgh"[:ITEMS])},
        ),
        "long": _document(
            "long",
            [
                {
                    "id": "each",
                    "type": "iteration",
                    "over": "inputs.items",
                    "as": "name",
                    "max_concurrency": 1,
                    "steps": [call("put", "PUT", f"slow/{n}-{{{{ name }}}}")],
                    "output": "{{ steps.put.output.status }}",
                },
                call("last", "POST", f"bare/{n}", depends_on=["each"], on_error={"continue_with": None}),
            ],
            {"each": "{{ steps.each.output.outputs }}"},
            items={"type": "array", "items": {"type": "string"}, "default": list("abcdefghijklmnop"[:MANY])},
        ),
        "calling": _document(
            "calling",
            [
                {"id": "part", "type": "workflow", "name": "part", "with": {"n": n}},
                call("put", "PUT", f"put/{n}", depends_on=["part"]),
            ],
            {"decision": "{{ steps.part.output.decision }}"},
        ),
        "flaky": _document(
            "flaky",
            [
                call("put", "PUT", f"flaky/{n}", retry=again),
                {"id": "sum", "type": "code", "with": {"n": n}, "source": "n + '!'", "depends_on": ["put"]},
                call("last", "PUT", f"last/{n}", depends_on=["sum"]),
            ],
            {"sum": "{{ steps.sum.output }}"},
        ),
        "held": _document(
            "held",
            [call("before", "PUT", f"put/{n}"), ask("review", depends_on=["before"]), page("published", approved)],
            {"hash": "{{ steps.published.output.hash }}"},
        ),
    }


def _document(name: str, steps: list[dict[str, Any]], outputs: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    return {
        "schema": "flowbuilder/v1",
        "name": name,
        "title": name.capitalize(),
        "inputs": {"n": {"type": "string"}, **inputs},
        "steps": steps,
        "outputs": outputs,
    }
