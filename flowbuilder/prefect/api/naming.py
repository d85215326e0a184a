"""How workflows, sites and executions are called in Prefect."""

from __future__ import annotations

from collections.abc import Iterable

from flowbuilder.values import JsonObject

FLOWS_MODULE = "flowbuilder.flows"
LONGEST_NAME = 120
DRAFT = "draft"
"""The tag of a deployment whose runs are of drafts; each of its runs has a tag `version:N`."""


def slug_of(workflow: str) -> str:
    """A workflow's name as a Python identifier: `refresh-page` is `refresh_page`."""
    return workflow.replace("-", "_")


def workflow_of(slug: str) -> str:
    """The workflow that a slug stands for. Names hold no underscore, so nothing is lost on the way."""
    return slug.replace("_", "-")


def entrypoint_of(workflow: str) -> str:
    """The dotted name that a deployment gives for its flow."""
    return f"{FLOWS_MODULE}.{slug_of(workflow)}"


def deployment_name(site: str | None, *, draft: bool = False) -> str:
    """What a workflow's deployment is called: by its site; drafts have deployments of their own."""
    if draft:
        return f"{site} draft" if site else "draft"
    return site or "default"


def deployment_tags(workflow: str, site: str | None, *, draft: bool = False) -> list[str]:
    """The tags that say what a deployment runs, the most telling first: a list shows one of them."""
    return [*([f"site:{site}"] if site else []), f"workflow:{workflow}", *([DRAFT] if draft else [])]


def tagged(tags: Iterable[str], key: str) -> str | None:
    """The value of the tag `key:value`."""
    return next((tag.removeprefix(f"{key}:") for tag in tags if tag.startswith(f"{key}:")), None)


def run_name(workflow: str, inputs: JsonObject, site: str | None) -> str:
    """What a flow run is called: the workflow, its URL or else its first text, and the site."""
    texts = [value for value in (inputs.get("url"), *inputs.values()) if isinstance(value, str) and value.strip()]
    subject = " ".join(texts[0].split()) if texts else ""
    name = " ".join(part for part in (workflow, subject) if part)
    if len(name) > LONGEST_NAME:
        name = name[: LONGEST_NAME - 1] + "…"
    return f"{name} · {site}" if site and site not in name else name
