"""Benchmark of dispatch latency: from a start, and from a decision, to the next step; warm and stock worker.

    python benchmarks/dispatch.py                          SQLite; 1 and 8 concurrent; both workers
    python benchmarks/dispatch.py --database postgresql://... --rounds 5 --workers warm

It starts a Prefect server and workers on free ports, with all data in a temporary folder. Times are in seconds, from
the moment before the call to the `step_started` event. In each round, both workers run the same executions.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

BIN = Path(sys.executable).parent
TIMEOUT_SECONDS = 240.0
DOCUMENT = """
schema: flowbuilder/v1
name: dispatch-{kind}
inputs: {{number: {{type: integer, default: 1}}}}
steps:
  - {{id: before, type: code, with: {{n: "{{{{ inputs.number }}}}"}}, source: n + 1}}
  - {{id: review, type: human_review, title: Look, proposal: "{{{{ steps.before.output }}}}"}}
  - {{id: after, type: code, with: {{n: "{{{{ steps.review.output.approved }}}}"}}, source: n + 1}}
outputs: {{number: "{{{{ steps.after.output }}}}"}}
"""
COMMANDS = {
    "warm": ["flowbuilder", "worker", "--pool", "bench-warm"],
    "stock": ["prefect", "worker", "start", "--pool", "bench-stock", "--type", "process"],
}


def main() -> None:
    options = arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dispatch-")))
        port = free_port()
        environment = prefect_environment(folder, port, options.database)
        os.environ.update(environment)
        stack.enter_context(program(folder, "server", server_command(port)))
        wait_until(lambda: responds(port), "Prefect's server")
        for kind in options.workers:
            stack.enter_context(program(folder, kind, [str(BIN / COMMANDS[kind][0]), *COMMANDS[kind][1:]]))
        benches = {kind: Bench(kind) for kind in options.workers}
        for bench in benches.values():
            bench.round(1)  # warms up, and waits for the worker
        found: dict[str, dict[str, list[float]]] = {}
        for _ in range(options.rounds):
            for at_once in options.at_once:
                for kind, bench in benches.items():
                    start, decision = bench.round(at_once)
                    found.setdefault(f"{kind} {at_once} start", {}).setdefault("s", []).append(start)
                    found.setdefault(f"{kind} {at_once} decision", {}).setdefault("s", []).append(decision)
        report(found, options)


class Bench:
    """The executions of one kind of worker."""

    def __init__(self, kind: str) -> None:
        from flowbuilder.bootstrap import open_app
        from flowbuilder.settings import Settings

        self.app = open_app(Settings(work_pool=f"bench-{kind}"))
        version = self.app.push(DOCUMENT.format(kind=kind))
        if version.status != "published":
            self.app.publish(version.workflow)
        self.workflow = version.workflow

    def round(self, at_once: int) -> tuple[float, float]:
        """Run `at_once` executions; returns seconds to the last first step, and from the decisions to the last step."""
        with ThreadPoolExecutor(at_once) as pool:
            begun = datetime.now(UTC)
            ids = list(pool.map(lambda number: self.app.start(self.workflow, {"number": number}), range(at_once)))
            started = max(self.when(execution_id, "before") for execution_id in ids)
            reviews = [self.review(execution_id) for execution_id in ids]
            for execution_id in ids:
                wait_until(
                    lambda execution_id=execution_id: self.app.execution(execution_id).status == "waiting", "a review"
                )
            time.sleep(1.5)  # meanwhile Prefect learns that the runs are suspended
            decided = datetime.now(UTC)
            list(pool.map(self.approve, reviews))
            continued = max(self.when(execution_id, "after") for execution_id in ids)
        for execution_id in ids:
            wait_until(
                lambda execution_id=execution_id: self.app.execution(execution_id).status == "completed", "the end"
            )
        return (started - begun).total_seconds(), (continued - decided).total_seconds()

    def when(self, execution_id: str, path: str) -> datetime:
        return wait_until(lambda: self.started(execution_id, path), f"step {path}")

    def started(self, execution_id: str, path: str) -> datetime | None:
        events = self.app.events(execution_id)
        return next((event.at for event in events if event.type == "step_started" and event.path == path), None)

    def review(self, execution_id: str) -> Any:
        return wait_until(lambda: next(iter(self.app.reviews_of(execution_id)), None), "a review")

    def approve(self, review: Any) -> None:
        from flowbuilder.model.review_rules import Answer

        self.app.decide(review.id, Answer.to(review, kind="approved", by="bench"))


def report(found: dict[str, dict[str, list[float]]], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps({name: values["s"] for name, values in found.items()}, indent=2))
        return
    print(f"{'worker, at once, from':<26} {'median s':>9} {'best':>7} {'worst':>7}   ({options.rounds} rounds)")
    for name, values in found.items():
        seconds = values["s"]
        print(f"{name:<26} {statistics.median(seconds):>9.2f} {min(seconds):>7.2f} {max(seconds):>7.2f}")


def wait_until(probe: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(0.02)
    raise SystemExit(f"{what} was not seen within {TIMEOUT_SECONDS:.0f} s")


@contextmanager
def program(folder: Path, name: str, command: list[str]) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            yield
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)


def server_command(port: int) -> list[str]:
    return [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]


def responds(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def prefect_environment(folder: Path, port: int, database: str) -> dict[str, str]:
    chosen = {"FLOWBUILDER_DATABASE_URL": database} if database else {}
    return {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",  # as `flowbuilder up` sets them
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "DO_NOT_TRACK": "1",
        "FLOWBUILDER_HOME": str(folder / "flowbuilder"),
        **chosen,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="a SQLAlchemy URL; default: SQLite in the temporary folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--workers", nargs="+", choices=sorted(COMMANDS), default=["warm", "stock"])
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
