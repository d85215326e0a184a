"""The demo's own copy of the sample site, so that publishing never changes the files that came with the package."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from flowbuilder.settings import packaged_folder

SITE = "leaf-and-kettle.example"
WORKFLOW = "decay-refresh"


def prepare_demo(home: Path, *, address: str) -> Path:
    """Make `home/demo` with the site's pages and its site file, unless they are there; returns the folder.

    The pages of an earlier demo are replaced, so that every demo begins with the stale page.
    """
    folder = home / "demo"
    content, sites = folder / "content", folder / "sites"
    sites.mkdir(parents=True, exist_ok=True)
    if content.exists():
        shutil.rmtree(content)
    shutil.copytree(packaged_folder("deployments") / "content", content)
    (sites / f"{SITE}.yaml").write_text(
        yaml.safe_dump(_site(address, content), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    return folder


def workflow_files() -> list[Path]:
    """The sample workflows, those that others call first."""
    folder = packaged_folder("deployments") / "workflows"
    return sorted(folder.glob("*.yaml"), key=lambda path: (path.stem != "refresh-page", path.stem))


def _site(address: str, content: Path) -> dict[str, Any]:
    return {
        "site": SITE,
        "title": "Leaf & Kettle (sample site)",
        "timezone": "Europe/London",
        "base_url": address,
        "gsc": {"property": f"sc-domain:{SITE}"},
        "cms": {"type": "files", "root": str(content), "url_prefix": "/"},
        "models": {"editor": "demo:editor"},
        "reviewers": {"editors": []},
        "schedules": [],
    }
