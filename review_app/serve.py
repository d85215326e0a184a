"""How the review app is started: the command and the environment of its server process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from flowbuilder.settings import Settings

HERE = Path(__file__).resolve().parent

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


def command(settings: Settings, port: int, *, address: str = "127.0.0.1", python: str = sys.executable) -> list[str]:
    """The server's command line. It listens on `address`:`port` and nowhere else."""
    return [python, "-m", "streamlit", "run", str(HERE / "asgi.py"), *_flags(_options(settings, port, address))]


def environment(settings: Settings, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the server: `base` (default: this process's), where `import review_app` works from a checkout
    and from a wheel, and where flowbuilder finds the settings that this process has."""
    env = dict(os.environ if base is None else base)
    path = env.get("PYTHONPATH", "")
    env["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), *([path] if path else [])])
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
        "server.enableAgentApi": False,
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        # its default collects all garbage after every run of every session; asgi.py does so once a minute
        "runner.postScriptGC": False,
        "runner.magicEnabled": False,
        "logger.level": "warning",
        "theme.baseRadius": "0.5rem",
        "theme.paddingTop": "4.25rem",
        "theme.baseFontSize": 15,
        "theme.showWidgetBorder": True,
    }
    for scheme, colours in (("light", LIGHT), ("dark", DARK)):
        options |= {f"theme.{scheme}.{name}": colour for name, colour in colours.items()}
    return options


def _flags(options: Mapping[str, object]) -> list[str]:
    return [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in options.items()]
