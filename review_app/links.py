"""Addresses outside of the app: Prefect's own page of an execution. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_CLOUD = re.compile(r"https://api\.prefect\.cloud/api/accounts/([\w-]+)/workspaces/([\w-]+)/?\Z")


def prefect_run(execution_id: str, environment: Mapping[str, str]) -> str | None:
    """Where Prefect's UI shows an execution: below `PREFECT_UI_URL`, else where `PREFECT_API_URL` has its UI.

    None when neither is set.
    """
    ui = environment.get("PREFECT_UI_URL", "").rstrip("/") or _ui_of(environment.get("PREFECT_API_URL", ""))
    return f"{ui}/runs/flow-run/{execution_id}" if ui.startswith(("http://", "https://")) else None


def _ui_of(api: str) -> str:
    cloud = _CLOUD.match(api)
    if cloud:
        return f"https://app.prefect.cloud/account/{cloud[1]}/workspace/{cloud[2]}"
    return api.rstrip("/").removesuffix("/api")
