"""The command line and environment of the review app's Streamlit server. Does not import Streamlit."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flowbuilder.devstack.probes import HOST, is_loopback
from flowbuilder.errors import ConfigurationError
from flowbuilder.settings import Settings, packaged_folder

TRUSTED_HEADERS_VARIABLE = "STREAMLIT_SERVER_TRUSTED_USER_HEADERS"
"""The environment variable in which Streamlit reads the header that a proxy sets to the signed-in user:
`{"X-Forwarded-Email": "email"}`. The proxy must remove that header from incoming requests."""

LIGHT = {
    "primaryColor": "#1d4ed8",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f4f6f9",
    "textColor": "#17202e",
    "borderColor": "#dde3ea",
    "linkColor": "#1d4ed8",
    "codeBackgroundColor": "#f4f6f9",
}
DARK = {
    "primaryColor": "#1d4ed8",
    "backgroundColor": "#0f141b",
    "secondaryBackgroundColor": "#1a212b",
    "textColor": "#e4e9f0",
    "borderColor": "#2c3644",
    "linkColor": "#8ab4ff",
    "codeBackgroundColor": "#1a212b",
}


def command(settings: Settings, port: int, *, address: str = HOST, python: str = sys.executable) -> list[str]:
    """The server's command line. It listens on `address`:`port` only.

    Raises `ConfigurationError` for an address that other machines can reach when no proxy signs users in
    (`TRUSTED_HEADERS_VARIABLE`).
    """
    if not is_loopback(address) and not os.environ.get(TRUSTED_HEADERS_VARIABLE) and not oidc_section():
        raise ConfigurationError(
            f"the review app cannot listen on {address} without sign-in: listen on {HOST}, or put a proxy that signs "
            f"users in before it and set {TRUSTED_HEADERS_VARIABLE}, or configure an OpenID Connect provider"
        )
    _ = settings.proxy_networks  # wrong ones are reported at the start
    program = packaged_folder("review_app") / "asgi.py"
    return [python, "-m", "streamlit", "run", str(program), *_flags(_options(settings, port, address))]


def secrets_files() -> list[Path]:
    """The files in which Streamlit looks for secrets."""
    return [folder / ".streamlit" / "secrets.toml" for folder in (Path.home(), Path.cwd())]


def oidc_section() -> dict[str, Any]:
    """The section `auth` of Streamlit's secrets, which configures the OpenID Connect provider; empty without one."""
    found: dict[str, Any] = {}
    for file in secrets_files():
        try:
            section = tomllib.loads(file.read_text(encoding="utf-8")).get("auth")
        except (OSError, ValueError):
            continue
        found = section if isinstance(section, dict) else found
    return found


def environment(settings: Settings, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the server: `base` (default: this process's) with this process's settings, and a PYTHONPATH on
    which `review_app` can be imported, in a checkout and in a wheel."""
    env = dict(os.environ if base is None else base)
    path = env.get("PYTHONPATH", "")
    env["PYTHONPATH"] = os.pathsep.join([str(packaged_folder("review_app").parent), *([path] if path else [])])
    env["FORWARDED_ALLOW_IPS"] = ""  # uvicorn: the address of a request is that of the other end of its connection
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value not in ("", None):
            env[f"FLOWBUILDER_{name.upper()}"] = str(value)
    return env


def _options(settings: Settings, port: int, address: str) -> dict[str, object]:
    options: dict[str, object] = {
        "server.address": address,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        # refuses pages of other sites whose name resolves to this server (DNS rebinding)
        "server.allowedHosts": _hosts(settings, address),
        # Streamlit compares host names only; review_app/request_guard.py compares the whole origin first
        "server.corsAllowedOrigins": [settings.review_url],
        "server.enableAgentApi": False,
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        # by default Streamlit collects garbage after every script run; asgi.py collects once a minute
        "runner.postScriptGC": False,
        "runner.magicEnabled": False,
        "logger.level": "warning",
        "theme.baseRadius": "0.5rem",
        "theme.paddingTop": "1.5rem",
        "theme.baseFontSize": 15,
        "theme.showWidgetBorder": True,
    }
    for scheme, colours in (("light", LIGHT), ("dark", DARK)):
        options |= {f"theme.{scheme}.{name}": colour for name, colour in colours.items()}
    return options


def _hosts(settings: Settings, address: str) -> list[str]:
    """The host names of the app: its address, and the host of `review_url`."""
    public = urlsplit(settings.review_url).hostname
    local = ["localhost", "127.0.0.1", "::1"] if is_loopback(address) else [address]
    return list(dict.fromkeys([*local, *([public] if public else [])]))


def _flags(options: Mapping[str, object]) -> list[str]:
    flags = []
    for name, value in options.items():
        for each in value if isinstance(value, list) else [value]:
            flags.append(f"--{name}={str(each).lower() if isinstance(each, bool) else each}")
    return flags
