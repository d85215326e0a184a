"""The workflows of the load, from `workloads.yaml`."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

import yaml

SITE = "chaos.example"
SITE_URL = f"https://{SITE}"
EXPIRES_SECONDS = 3
"""Seconds after which the review with a deadline expires."""


def documents(target: str) -> dict[str, dict[str, Any]]:
    """The documents by name, called ones first; `target` is the base URL of the target service."""
    text = Path(__file__).with_name("workloads.yaml").read_text(encoding="utf-8")
    filled = Template(text).substitute(target=target, site_url=SITE_URL, expires_seconds=EXPIRES_SECONDS)
    return {document["name"]: document for document in yaml.safe_load_all(filled)}
