"""A real WordPress for tests: Debian's package, a temporary MariaDB, PHP's web server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SOURCE = Path("/usr/share/wordpress")
THEME = "twentytwentythree"
PROGRAMS = ("php", "mariadbd", "mariadb", "mariadb-install-db")
SETUP = """<?php
define('WP_INSTALLING', true);
require __DIR__ . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
$made = wp_install('Leaf & Kettle', 'admin', 'admin@tea.example', true, '', 'not-the-application-password');
update_option('template', '%(theme)s');
update_option('stylesheet', '%(theme)s');
update_option('permalink_structure', '%(permalinks)s');
[$password] = WP_Application_Passwords::create_new_application_password($made['user_id'], ['name' => 'flowbuilder']);
echo "\\nPASSWORD " . $password . "\\n";
"""
CONFIG = """<?php
define('DB_NAME', 'wp'); define('DB_USER', 'wp'); define('DB_PASSWORD', 'wp');
define('DB_HOST', 'localhost:%(socket)s'); define('DB_CHARSET', 'utf8mb4');
define('AUTH_KEY', 'k'); define('SECURE_AUTH_KEY', 'k'); define('LOGGED_IN_KEY', 'k'); define('NONCE_KEY', 'k');
define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true); define('WP_ENVIRONMENT_TYPE', 'local');
define('WP_HOME', '%(url)s'); define('WP_SITEURL', '%(url)s');
$table_prefix = 'wp_';
if (!defined('ABSPATH')) { define('ABSPATH', __DIR__ . '/'); }
require_once ABSPATH . 'wp-settings.php';
"""
ROUTER = """<?php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path !== '/' && is_file(__DIR__ . $path)) { return false; }
$_SERVER['SCRIPT_NAME'] = '/index.php';
require __DIR__ . '/index.php';
"""


def missing() -> str | None:
    """The first requirement of WordPress that this machine lacks; None if it has all."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if not (SOURCE / "wp-load.php").is_file():
        absent.append(f"{SOURCE} (Debian package wordpress)")
    return f"no {', '.join(absent)}" if absent else None


@dataclass
class WordPressSite:
    """`with WordPressSite(folder) as site`: `site.url`, and `site.password`, an application password of `admin`."""

    folder: Path
    permalinks: str = ""
    url: str = ""
    password: str = ""

    def __enter__(self) -> Self:
        self._started: list[subprocess.Popen[bytes]] = []
        try:
            self._start_database()
            self._install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._started):
            process.terminate()
        for process in self._started:
            process.wait(20)

    def rest(self, method: str, route: str, value: Any = None, **query: str) -> Any:
        """Call the REST API as an editor other than flowbuilder."""
        more = "".join(f"&{name}={text}" for name, text in query.items())
        pair = b64encode(f"admin:{self.password}".encode()).decode()
        request = urllib.request.Request(
            f"{self.url}/?rest_route={route}{more}",
            method=method,
            data=None if value is None else json.dumps(value).encode(),
            headers={"Authorization": f"Basic {pair}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def live(self, url: str) -> str:
        """The HTML of a page as visitors get it."""
        with urllib.request.urlopen(url) as answer:
            return str(answer.read().decode())

    def php(self, code: str) -> str:
        """Run PHP inside this WordPress; returns what it prints."""
        script = self.folder / "run.php"
        script.write_text(f"<?php require '{self.folder}/www/wp-load.php'; {code}")
        return self._do(["php", "-d", "display_errors=0", "-f", str(script)])

    def set_permalinks(self, structure: str) -> None:
        """Another structure of the addresses of posts; empty: by number."""
        self.php(f"$wp_rewrite->set_permalink_structure('{structure}'); $wp_rewrite->flush_rules(false);")

    def add_user(self, name: str, role: str) -> str:
        """A new user; returns an application password of theirs."""
        return self.php(
            f"$id = wp_insert_user(['user_login' => '{name}', 'user_pass' => 'x', 'role' => '{role}']);"
            "echo WP_Application_Passwords::create_new_application_password($id, ['name' => 'flowbuilder'])[0];"
        ).strip()

    def add_plugin(self, name: str, code: str) -> None:
        """A plugin that is always on ("must-use")."""
        folder = self.folder / "www/wp-content/mu-plugins"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.php").write_text(f"<?php {code}")

    def remove_plugin(self, name: str) -> None:
        """Take a plugin away again."""
        (self.folder / f"www/wp-content/mu-plugins/{name}.php").unlink()

    def _start_database(self) -> None:
        data, self._socket = self.folder / "data", self.folder / "db.sock"
        # pytest's folders are readable by their owner only, so the server runs as the same user
        user = ["--user=root"] if os.geteuid() == 0 else []
        install = ["mariadb-install-db", *user, f"--datadir={data}", "--auth-root-authentication-method=normal"]
        self._do([*install, "--skip-test-db"])
        server = ["mariadbd", "--no-defaults", *user, f"--datadir={data}", f"--socket={self._socket}"]
        self._start([*server, "--skip-networking", "--innodb-flush-log-at-trx-commit=2"], "mariadb.log")
        sql = "create database wp; create user wp@localhost identified by 'wp'; grant all on wp.* to wp@localhost"
        command = ["mariadb", f"--socket={self._socket}", "-uroot", "-e", sql]
        _until(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, "MariaDB")

    def _install(self) -> None:
        root = self.folder / "www"
        subprocess.run(["cp", "-rL", str(SOURCE), str(root)], check=True)
        (root / "wp-config.php").unlink(missing_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        (root / "wp-config.php").write_text(CONFIG % {"socket": self._socket, "url": self.url})
        (root / "router.php").write_text(ROUTER)
        (root / "setup.php").write_text(SETUP % {"theme": THEME, "permalinks": self.permalinks})
        said = self._do(["php", "-d", "display_errors=0", "-f", str(root / "setup.php")])
        self.password = said.rpartition("PASSWORD ")[2].split("\n")[0].strip()
        (root / "setup.php").unlink()
        self._start(["php", "-S", f"127.0.0.1:{port}", "-t", str(root), str(root / "router.php")], "php.log")
        _until(self._answers, "WordPress")

    def _answers(self) -> bool:
        try:
            return bool(self.rest("GET", "/wp/v2/users/me")["id"])
        except (OSError, ValueError):
            return False

    def _do(self, command: list[str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed: {done.stdout[-500:]} {done.stderr[-1500:]}")
        return done.stdout

    def _start(self, command: list[str], log: str) -> None:
        with (self.folder / log).open("wb") as file:
            self._started.append(subprocess.Popen(command, stdout=file, stderr=file))


def _until(ready: Any, what: str, patience: float = 60.0) -> None:
    until = time.monotonic() + patience
    while not ready():
        if time.monotonic() > until:
            raise RuntimeError(f"{what} did not come up within {patience:g} s")
        time.sleep(0.1)
