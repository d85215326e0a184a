"""Benchmark of the command line's start: `python benchmarks/start_up.py [--rounds 15]`.

Measures the CPU time (user and system) of `flowbuilder validate` on a sample workflow and of `flowbuilder run --local`
on two trivial steps, beside the bare import of the libraries that a definition needs. The processes take turns. The
exit code says whether the bounds hold: `validate` at most twice the bare import, and the local run at most 1.5 s, by
the minimum of the rounds. Needs compiled bytecode, as `tools/venv` makes it.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "deployments" / "workflows" / "decay-refresh.yaml"
TWO_STEPS = """\
schema: flowbuilder/v1
name: two
steps:
  - {id: one, type: code, source: "1 + 1"}
  - {id: two, type: code, with: {n: "{{ steps.one.output }}"}, source: "n * 2"}
outputs: {n: "{{ steps.two.output }}"}
"""
BARE = "import pydantic, jinja2, lark, yaml"
MODEL = f"{BARE}; from pydantic import BaseModel, Field"
VALIDATE_BOUND, RUN_BOUND = 2.0, 1.5


def cpu_seconds(arguments: list[str], home: str) -> float:
    """The CPU time of one Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "FLOWBUILDER_HOME": home}
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure and print; returns 0 where the bounds hold, else 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        two_steps = Path(home, "two.yaml")
        two_steps.write_text(TWO_STEPS)
        commands = {
            "bare import": ["-c", BARE],
            "with BaseModel and Field": ["-c", MODEL],
            "validate": ["-m", "flowbuilder", "validate", str(SAMPLE)],
            "run --local": ["-m", "flowbuilder", "run", str(two_steps), "--local"],
        }
        for arguments in commands.values():  # the first run creates the database and the grammar's tables
            cpu_seconds(arguments, home)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, arguments in commands.items():
                taken[name].append(cpu_seconds(arguments, home))
    bare = taken["bare import"]
    print("CPU seconds                  minimum   median    times the bare import")
    for name, figures in taken.items():
        least, median = min(figures), statistics.median(figures)
        ratios = f"{least / min(bare):.2f}, {median / statistics.median(bare):.2f}"
        print(f"{name:28} {least:.3f}     {median:.3f}     {ratios}")
    holds = min(taken["validate"]) <= VALIDATE_BOUND * min(bare) and min(taken["run --local"]) <= RUN_BOUND
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
