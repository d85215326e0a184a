"""Reads pages in processes of their own, which are limited in time and memory and replaced when a page uses them up."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from contextlib import suppress
from threading import BoundedSemaphore, Lock, Timer
from typing import Any

from flowbuilder.adapters.http.extraction_worker import LENGTH, LENGTHS
from flowbuilder.errors import StepError
from flowbuilder.values import JsonObject

PROCESSES = 2
CPU_SECONDS = 10
"""Seconds of processor time that one page may take."""
DEADLINE_SECONDS = 60.0
"""Seconds that one page may take on a busy machine, the start of its process included."""
MEGABYTES = 512
"""Memory that one page may take, beside that of the libraries."""
MAX_BYTES = 32 * 1024 * 1024
MAX_ANSWER = 64 * 1024 * 1024


class ExtractionPool:
    """Implements `ports.Extract`. May be called from any thread, and blocks it.

    A process starts with the first page and is kept for the next ones.
    """

    def __init__(
        self, *, cpu_seconds: int = CPU_SECONDS, deadline: float = DEADLINE_SECONDS, megabytes: int = MEGABYTES
    ) -> None:
        self._limits = (str(cpu_seconds), str(megabytes))
        self._cpu_seconds, self._deadline = cpu_seconds, deadline
        self._free = BoundedSemaphore(PROCESSES)
        self._lock = Lock()
        self._idle: list[_Worker] = []
        self._owner = os.getpid()
        atexit.register(self.close)

    def __call__(self, html: bytes | str, *, url: str, content_type: str = "") -> JsonObject:
        """The parts of a page. `StepError`: `too_large`, `limit.time`, `limit.memory`, `limit.depth`, `not_a_page`."""
        if isinstance(html, str):
            html, content_type = html.encode("utf-8", "surrogatepass"), "text/html; charset=utf-8"
        if len(html) > MAX_BYTES:
            raise StepError(f"{url:.200} has more than {MAX_BYTES:,} bytes", code="too_large")
        with self._free:
            worker = self._take()
            try:
                answer = worker.ask(
                    (url.encode("utf-8", "surrogatepass"), content_type.encode("utf-8", "surrogatepass"), html),
                    self._deadline,
                )
            except _NoAnswer as problem:
                raise StepError(f"{url:.200} cannot be read: {problem}", code=problem.code) from None
            if answer.pop("last", True):
                worker.kill()
            else:
                self._give_back(worker)
        if "page" not in answer:
            raise StepError(f"{url:.200}: {answer.get('message')}", code=str(answer.get("code")))
        page: JsonObject = answer["page"]
        return page

    def close(self) -> None:
        """End the processes that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        if os.getpid() == self._owner:
            for worker in idle:
                worker.kill()

    def _take(self) -> _Worker:
        with self._lock:
            if os.getpid() != self._owner:  # after a fork, the processes belong to the parent
                self._idle, self._owner = [], os.getpid()
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
        return _Worker(self._limits)

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            self._idle.append(worker)


class _NoAnswer(Exception):
    """The process ended without an answer, and is no longer used."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class _Worker:
    def __init__(self, limits: tuple[str, str]) -> None:
        # no secret of this process is in the environment of one that reads hostile pages
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "flowbuilder.adapters.http.extraction_worker", *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # a Ctrl-C in the terminal is this process's to handle
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: tuple[bytes, bytes, bytes], deadline: float) -> dict[str, Any]:
        """The answer about a page; raises `_NoAnswer`, after which the process has ended."""
        late: list[bool] = []

        def end() -> None:
            late.append(True)
            self._process.kill()

        timer = Timer(deadline, end)
        timer.daemon = True
        timer.start()
        try:
            answer = self._exchange(request)
        finally:
            timer.cancel()
        if answer is not None and not late:
            return answer
        self.kill()
        if late:
            raise _NoAnswer(f"it took longer than {deadline:g} s", "limit.time")
        if self._process.returncode in (-24, -9):  # SIGXCPU; SIGKILL of the hard limit or of the system
            raise _NoAnswer("it took too much time or memory", "limit.time")
        raise _NoAnswer(f"the process that read it ended (status {self._process.returncode})", "not_a_page")

    def _exchange(self, request: tuple[bytes, bytes, bytes]) -> dict[str, Any] | None:
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        try:
            asked.write(LENGTHS.pack(*map(len, request)) + b"".join(request))
            asked.flush()
            (size,) = LENGTH.unpack(answers.read(LENGTH.size).ljust(LENGTH.size, b"\xff"))
            if size > MAX_ANSWER:
                return None
            found = json.loads(answers.read(size))
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def kill(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._process.wait()
