"""Standalone supervisor of an MCP server program: limits what it writes, and ends everything that it started.

`python stdio_proxy.py MAX_BYTES SCRATCH NAMES -- COMMAND...`. The server gets a session of its own, the folder SCRATCH
as its HOME and, below it, TMPDIR, and of this process's environment only PATH and the variables NAMES (separated by
commas). It ends when stdin is closed, also because the worker was killed: first it is asked (stdin closed, SIGTERM),
then it and all its descendants are killed, and SCRATCH is removed. On Linux this process adopts orphaned descendants,
so that processes which have left the session are found too. The last line on stderr says how it ended: ENDING, then
`exit STATUS`, `too_long`, or `cannot_start REASON`.

This file is started by its path and imports nothing of flowbuilder, so it starts in a few milliseconds.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

MAX_STDERR = 64 * 1024
TOO_LONG, CANNOT_START = 120, 127
"""Exit statuses: after a line of more than MAX_BYTES; when the command cannot be started."""
ENDING = "\x01flowbuilder:"
"""What the last line on stderr begins with."""
CLOSED_SECONDS, TERMINATED_SECONDS, KILLED_SECONDS = 1.0, 0.5, 2.0
"""Seconds that the server gets to end after its stdin was closed and after SIGTERM, and its processes after SIGKILL.
The client sends this process SIGTERM two seconds after it has closed stdin, and SIGKILL two seconds later."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LINUX = sys.platform == "linux"


def main() -> int:
    """Run the command; returns its exit status, or `TOO_LONG` or `CANNOT_START`."""
    limit, scratch, names, command = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[5:]
    wake_read, wake_write = os.pipe()
    for end in (wake_read, wake_write):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    if _LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(scratch, names),
            start_new_session=True,
            preexec_fn=_die_with_supervisor if _LINUX else None,  # noqa: PLW1509 (one thread)
        )
    except (OSError, ValueError) as problem:
        _say(f"cannot_start {getattr(problem, 'strerror', None) or problem}")
        return CANNOT_START
    try:
        supervisor = Supervisor(server, limit, wake_read)
        status = supervisor.run()
        _say("too_long" if supervisor.too_long else f"exit {status}")
        return status
    finally:
        remove(scratch)


class Supervisor:
    """Forwards the server's output until it exits, writes too much, or the client is gone; then ends its processes."""

    def __init__(self, server: "subprocess.Popen[bytes]", limit: int, wake: int) -> None:
        assert server.stdout is not None
        assert server.stderr is not None
        self._pid, self._out, self._err = server.pid, server.stdout.fileno(), server.stderr.fileno()
        self._server = server
        self._limit = limit
        self._wake = wake
        self._line = bytearray()
        self._stderr_left = MAX_STDERR
        self._status: int | None = None
        self.too_long = False

    def run(self) -> int:
        """Forward output until the end; returns the exit status."""
        poll = select.poll()
        poll.register(sys.stdin.fileno(), 0)  # no input is read here: the server reads it; only the hang-up is noticed
        for descriptor in (self._out, self._err, self._wake):
            poll.register(descriptor, select.POLLIN)
        result = None
        try:
            while result is None and self._status is None:
                result = self._step(poll)
        except OSError:  # the client is gone
            result = 0
        if result is None:
            with contextlib.suppress(OSError):
                if not self._drain():
                    result = TOO_LONG
        self.too_long = result == TOO_LONG
        self._end(ask=result == 0)
        if result:
            return result
        return self._status or 0

    def _step(self, poll: "select.poll") -> int | None:
        """Wait for one thing to happen; returns a result when the server must be ended."""
        for descriptor, _ in poll.poll():
            if descriptor == sys.stdin.fileno():
                return 0
            if descriptor == self._wake:
                if any(number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) for number in os.read(self._wake, 512)):
                    return 0
                self._reap()
                continue
            content = os.read(descriptor, 65536)
            if not content:
                poll.unregister(descriptor)
            elif descriptor == self._err:
                self._forward_stderr(content)
            elif not self._forward(content):
                return TOO_LONG
        return None

    def _drain(self) -> bool:
        """Forward what an exited server has left in its pipes; whether its lines are within the limit."""
        for descriptor in (self._out, self._err):
            os.set_blocking(descriptor, False)
            with contextlib.suppress(BlockingIOError):
                while content := os.read(descriptor, 65536):
                    if descriptor == self._err:
                        self._forward_stderr(content)
                    elif not self._forward(content):
                        return False
        return True

    def _forward(self, content: bytes) -> bool:
        """Forward whole lines; whether the line that has begun is within the limit."""
        self._line += content
        if b"\n" not in content:
            return len(self._line) <= self._limit
        *whole, begun = bytes(self._line).split(b"\n")
        if max(map(len, (*whole, begun))) > self._limit:
            return False
        _write(sys.stdout.fileno(), b"\n".join((*map(well_formed_json, whole), b"")))
        self._line = bytearray(begun)
        return True

    def _forward_stderr(self, content: bytes) -> None:
        part = content[: self._stderr_left]
        self._stderr_left -= len(part)
        if part:
            with contextlib.suppress(OSError):
                _write(sys.stderr.fileno(), part)

    def _end(self, *, ask: bool) -> None:
        """End the server and all its descendants; with `ask`, it may end by itself first."""
        if ask:
            with contextlib.suppress(OSError):  # the server's own copies of stdin have ended with the client's
                os.close(sys.stdin.fileno())
            if not self._wait(CLOSED_SECONDS):
                with contextlib.suppress(OSError):
                    os.killpg(self._pid, signal.SIGTERM)
                self._wait(TERMINATED_SECONDS)
        until = time.monotonic() + KILLED_SECONDS
        while True:
            if self._status is None:
                with contextlib.suppress(OSError):
                    os.killpg(self._pid, signal.SIGKILL)
            for pid in _descendants() if _LINUX else ():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            if self._reap() or time.monotonic() > until:
                return
            time.sleep(0.005)

    def _wait(self, seconds: float) -> bool:
        """Whether the server has exited within so many seconds."""
        until = time.monotonic() + seconds
        while self._status is None and time.monotonic() < until:
            for descriptor in (self._out, self._err):  # a server that is blocked in writing cannot end
                os.set_blocking(descriptor, False)
                with contextlib.suppress(OSError):
                    os.read(descriptor, 65536)
            self._reap()
            time.sleep(0.005)
        return self._status is not None

    def _reap(self) -> bool:
        """Collect processes that have exited; whether none is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._pid:
                self._status = self._server.returncode = os.waitstatus_to_exitcode(status)


def well_formed_json(text: bytes) -> bytes:
    """A JSON text with U+FFFD in the place of each half of a surrogate pair, and without a byte order mark: parsers
    refuse all of a text for them. What else is wrong with it stays as it is."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    if b"\xed" in text or b"\\ud" in text or b"\\uD" in text:
        import re  # here: few servers need it

        text = re.sub(rb"\xed[\xa0-\xbf][\x80-\xbf]", b"\xef\xbf\xbd", text)
        whole_pair = rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
        escape = re.compile(rb"\\(?:%b|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)" % whole_pair, re.DOTALL)
        text = escape.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)
    return text


def remove(folder: str) -> None:
    """Remove a folder with everything in it, also folders without write permission."""
    import shutil

    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                with contextlib.suppress(OSError):
                    os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _environment(scratch: str, names: str) -> "dict[str, str]":
    temporary = os.path.join(scratch, "tmp")
    os.makedirs(temporary, mode=0o700, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", *names.split(",")) if name in os.environ}
    named = set(names.split(","))
    own = {"HOME": scratch, "TMPDIR": temporary}
    return {**kept, **{name: value for name, value in own.items() if name not in named}}


def _descendants() -> "list[int]":
    """The processes below this one. Orphans among them are its own children: it has adopted them."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _say(how: str) -> None:
    """Write the last line on stderr."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"\n{ENDING}{how}\n")
        sys.stderr.flush()


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with_supervisor() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
