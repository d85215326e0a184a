"""The demo's data: its workflows, and a copy of the sample site that publishing may change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from flowbuilder.ports.private_files import close_tree_to_others, private_folder
from flowbuilder.settings import packaged_folder

SITE = "leaf-and-kettle.example"
WORKFLOW = "decay-refresh"


def prepare_demo(home: Path, *, address: str) -> Path:
    """Create `home/demo` with the pages and the site file of the sample site; returns the folder.

    Replaces the pages of an earlier demo, so that every demo starts with the outdated page.
    """
    folder = private_folder(home) / "demo"
    content, sites = folder / "content", folder / "sites"
    sites.mkdir(parents=True, exist_ok=True)
    if content.exists():
        shutil.rmtree(content)
    shutil.copytree(packaged_folder("deployments") / "content", content)
    (sites / f"{SITE}.yaml").write_text(
        yaml.safe_dump(_site_record(address, content), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    close_tree_to_others(folder)
    return folder


def workflow_files() -> list[Path]:
    """The files of the sample workflows, called ones first."""
    folder = packaged_folder("deployments") / "workflows"
    return sorted(folder.glob("*.yaml"), key=lambda path: (path.stem != "refresh-page", path.stem))


def _site_record(address: str, content: Path) -> dict[str, Any]:
    return {
        "site": SITE,
        "title": "Leaf & Kettle (sample site)",
        "timezone": "Europe/London",
        "base_url": address,
        "gsc": {"property": f"sc-domain:{SITE}"},
        "cms": {"type": "files", "root": str(content), "url_prefix": "/"},
        "models": {"editor": "demo:editor"},
        "reviewers": {"editors": "anyone"},
        "schedules": [],
    }
