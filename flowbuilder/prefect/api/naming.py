"""Names and tags in Prefect of workflows, sites and executions."""

from __future__ import annotations

from collections.abc import Iterable

from flowbuilder.values import JsonObject

FLOWS_MODULE = "flowbuilder.flows"
MAX_NAME_LENGTH = 120
DRAFT = "draft"
"""The tag of a deployment that runs drafts; each of its runs has a tag `version:N`."""


def slug_of(workflow: str) -> str:
    """A workflow's name as a Python identifier: `refresh-page` is `refresh_page`."""
    return workflow.replace("-", "_")


def workflow_of(slug: str) -> str:
    """The inverse of `slug_of`: workflow names contain no underscore."""
    return slug.replace("_", "-")


def entrypoint_of(workflow: str) -> str:
    """The entrypoint of a workflow's deployments: a dotted name."""
    return f"{FLOWS_MODULE}.{slug_of(workflow)}"


def deployment_name(site: str | None, *, draft: bool = False) -> str:
    """The name of a workflow's deployment: that of its site. Drafts have deployments of their own."""
    if draft:
        return f"{site} draft" if site else "draft"
    return site or "default"


def deployment_tags(workflow: str, site: str | None, *, draft: bool = False) -> list[str]:
    """The tags by which a deployment names its site and workflow. The site is first: Prefect's lists show one tag."""
    return [*([f"site:{site}"] if site else []), f"workflow:{workflow}", *([DRAFT] if draft else [])]


def tagged(tags: Iterable[str], key: str) -> str | None:
    """The value of the first tag `key:value`; None when there is none."""
    return next((tag.removeprefix(f"{key}:") for tag in tags if tag.startswith(f"{key}:")), None)


def run_name(workflow: str, inputs: JsonObject, site: str | None) -> str:
    """The name of a flow run: the workflow, the input `url` or else the first text among the inputs, and the site."""
    texts = [value for value in (inputs.get("url"), *inputs.values()) if isinstance(value, str) and value.strip()]
    subject = " ".join(texts[0].split()) if texts else ""
    name = " ".join(part for part in (workflow, subject) if part)
    if len(name) > MAX_NAME_LENGTH:
        name = name[: MAX_NAME_LENGTH - 1] + "…"
    return f"{name} · {site}" if site and site not in name else name
