"""Connections from `connections.yaml`: named credentials where there are no Prefect blocks."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from flowbuilder.errors import ConfigurationError
from flowbuilder.ports.private_files import is_open_to_others
from flowbuilder.values import JsonObject, NotJson, ensure_json

logger = logging.getLogger(__name__)
_WARNED: set[Path] = set()
"""The files about which this process has warned."""


@dataclass(frozen=True)
class FileConnections:
    """Implements `ports.Connections`. The file maps names to objects; `{env: NAME}` stands for a variable's value.

    The file and the variables are read on every request, so a rotated secret needs no restart.
    """

    home: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def path(self) -> Path:
        """The file of connections."""
        return self.home / "connections.yaml"

    async def get(self, name: str) -> JsonObject:
        """The connection with the values of its variables; `ConfigurationError` names what is missing."""
        return await asyncio.to_thread(self._get, name)

    def exposure(self) -> tuple[str, str] | None:
        """The sentence that other users of this machine can read the file, and the command that ends it; None when they
        cannot."""
        if not is_open_to_others(self.path):
            return None
        return (
            f"{self.path} holds credentials, and other users of this machine can read it",
            f"chmod 600 {shlex.quote(str(self.path))}",
        )

    def _get(self, name: str) -> JsonObject:
        known = self.entries()
        if self.path not in _WARNED and (exposure := self.exposure()):
            _WARNED.add(self.path)
            logger.warning("%s; run: %s", *exposure)
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ConfigurationError(f"there is no connection {name!r} in {self.path} (defined: {names})")
        entry = known[name]
        if not isinstance(entry, dict):
            raise ConfigurationError(f"connection {name} in {self.path} must be a mapping of names to values")
        try:
            found = ensure_json(self._resolved(entry, name), where=f"connection {name}")
        except NotJson as problem:
            raise ConfigurationError(f"{self.path}: {problem}; put quotes around it") from None
        assert isinstance(found, dict)
        return found

    def entries(self) -> dict[str, Any]:
        """All entries as written, without values of variables; `ConfigurationError` when they cannot be read."""
        try:
            known = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except yaml.YAMLError as problem:
            # the error's own text quotes the line, which may hold a secret
            mark = getattr(problem, "problem_mark", None)
            place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
            raise ConfigurationError(f"{self.path} is not valid YAML{place}") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{self.path} cannot be read: it is not UTF-8") from None
        except OSError as problem:
            raise ConfigurationError(f"{self.path} cannot be read: {problem.strerror or problem}") from None
        if known is None:
            return {}
        if not isinstance(known, dict):
            raise ConfigurationError(f"{self.path} must be a mapping of connection names to connections")
        return {str(key): value for key, value in known.items()}

    def _resolved(self, value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [self._resolved(item, name) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"env"}:
            variable = str(value["env"])
            if variable not in self.environment:
                raise ConfigurationError(f"connection {name} needs the environment variable {variable}; set it")
            return self.environment[variable]
        return {key: self._resolved(item, name) for key, item in value.items()}
