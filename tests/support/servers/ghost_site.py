"""A real Ghost for tests: the npm package that `.ci/run` installs, on a temporary MariaDB."""

from __future__ import annotations

import http.cookiejar
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers.shared import shared

VERSION = "5.130.6"
SOURCE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"flowbuilder-ghost-{VERSION}"
PROGRAMS = ("node", "mariadbd", "mariadb", "mariadb-install-db")
OWNER = {"name": "Ana", "email": "ana@tea.example", "password": "not-the-key-1234", "blogTitle": "Leaf & Kettle"}


def missing() -> str | None:
    """The first requirement of Ghost that this machine lacks; None if it has all."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if not (SOURCE / "installed").is_file():
        absent.append(f"Ghost {VERSION} in {SOURCE}")
    return f"no {', '.join(absent)}" if absent else None


@contextmanager
def shared_ghost(folders: pytest.TempPathFactory) -> Iterator[GhostSite]:
    """The Ghost of this test run."""

    def start(folder: Path) -> tuple[dict[str, Any], list[int]]:
        site = GhostSite(folder)
        site.start()
        return {"folder": str(folder), "url": site.url, "key": site.key}, site.processes

    with shared(folders, "ghost", start) as known:
        site = GhostSite(Path(known["folder"]), url=known["url"], key=known["key"])
        site.log_in()
        yield site


@dataclass
class GhostSite:
    """A Ghost at `url`; `key` is the Admin API key of a custom integration."""

    folder: Path
    url: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    @property
    def processes(self) -> list[int]:
        """The ids of the processes that this object started."""
        return [process.pid for process in self._started]

    def start(self) -> None:
        """Start the database and Ghost, with an owner and a key."""
        try:
            self._start_database()
            self._start_ghost()
            self._set_up()
        except BaseException:
            for process in reversed(self._started):
                process.terminate()
            raise

    def log_in(self) -> None:
        """Log in as the owner."""
        self.admin("POST", "session/", {"username": OWNER["email"], "password": OWNER["password"]})

    def admin(self, method: str, route: str, value: Any = None) -> Any:
        """Call the Admin API as the owner, who is logged in with a password."""
        request = urllib.request.Request(
            f"{self.url}/ghost/api/admin/{route}",
            method=method,
            data=None if value is None else json.dumps(value).encode(),
            headers={"Content-Type": "application/json", "Accept-Version": "v5.0", "Origin": self.url},
        )
        with self._browser.open(request) as answer:
            body = answer.read()
        return json.loads(body) if body[:1] == b"{" else None

    def edit(self, kind: str, slug: str, **fields: Any) -> dict[str, Any]:
        """Edit a post or page as the owner, over what it is now."""
        found = self.admin("GET", f"{kind}/slug/{slug}/?formats=lexical")[kind][0]
        changed = {"updated_at": found["updated_at"], **fields}
        edited: dict[str, Any] = self.admin("PUT", f"{kind}/{found['id']}/?formats=lexical", {kind: [changed]})[kind][0]
        return edited

    def live(self, url: str) -> str:
        """The HTML of a page as visitors get it."""
        with urllib.request.urlopen(url) as answer:
            return str(answer.read().decode())

    def _start_database(self) -> None:
        data, self._socket = self.folder / "data", self.folder / "db.sock"
        # pytest's folders are readable by their owner only, so the server runs as the same user
        user = ["--user=root"] if os.geteuid() == 0 else []
        install = ["mariadb-install-db", *user, f"--datadir={data}", "--auth-root-authentication-method=normal"]
        done = subprocess.run([*install, "--skip-test-db"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed: {done.stderr[-1500:]}")
        server = ["mariadbd", "--no-defaults", *user, f"--datadir={data}", f"--socket={self._socket}"]
        self._start([*server, "--skip-networking", "--innodb-flush-log-at-trx-commit=0"], "mariadb.log")
        sql = "create database g; create user g@localhost identified by 'g'; grant all on g.* to g@localhost"
        command = ["mariadb", f"--socket={self._socket}", "-uroot", "-e", sql]
        self._until(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, "MariaDB")

    def _start_ghost(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        content = self.folder / "content"
        shutil.copytree(SOURCE / "content", content)
        connection = {"socketPath": self._socket, "user": "g", "password": "g", "database": "g"}
        settings = {
            "NODE_ENV": "production",
            "url": self.url,
            "server__host": "127.0.0.1",
            "server__port": str(port),
            "database__client": "mysql",
            **{f"database__connection__{name}": str(value) for name, value in connection.items()},
            "paths__contentPath": str(content),
            "mail__transport": "stub",
            "logging__transports": '["stdout"]',
            "security__staffDeviceVerification": "false",
            **{f"privacy__{name}": "false" for name in ("useUpdateCheck", "useGravatar", "useRpcPing")},
        }
        self._start(["node", "index.js"], "ghost.log", cwd=SOURCE, env={**os.environ, **settings})
        self._until(self._answers, "Ghost")

    def _set_up(self) -> None:
        self.admin("POST", "authentication/setup/", {"setup": [OWNER]})
        self.log_in()
        made = self.admin("POST", "integrations/?include=api_keys", {"integrations": [{"name": "flowbuilder"}]})
        keys = made["integrations"][0]["api_keys"]
        self.key = next(str(key["secret"]) for key in keys if key["type"] == "admin")

    def _answers(self) -> bool:
        try:
            return bool(self.admin("GET", "site/")["site"]["url"])
        except (OSError, ValueError):
            return False

    def _start(self, command: list[str], log: str, **more: Any) -> None:
        with (self.folder / log).open("wb") as file:
            self._started.append(subprocess.Popen(command, stdout=file, stderr=file, **more))

    def _until(self, ready: Any, what: str, patience: float = 150.0) -> None:
        until = time.monotonic() + patience
        while not ready():
            ended = [process.args for process in self._started if process.poll() is not None]
            if ended or time.monotonic() > until:
                log = self.folder / "ghost.log"
                said = log.read_text()[-1500:] if log.is_file() else ""
                raise RuntimeError(f"{what} did not come up within {patience:g} s {said}")
            time.sleep(0.2)
