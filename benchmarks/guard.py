"""Benchmark of `guard`: `python benchmarks/guard.py FOLDER [--git DIR ...] [--documents 96] [--seed 1] [--json]`.

FOLDER holds documents of a real site (Markdown, MDX, HTML). Measured is: how many of them have findings unchanged; for
each kind of damage of tests/support/content/damaged_texts.py, in how many of `--documents` texts it is noticed; and,
with `--git`, what is found in the edits of content files in the history of repositories. The exit code says whether
no unchanged document has a finding, no edit is blocked, and each kind of damage is noticed in at least 90 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flowbuilder.steps.builtin.guard.comparison import findings_of  # noqa: E402
from tests.support.content.damaged_texts import KINDS, damaged  # noqa: E402

SUFFIXES = (".md", ".mdx", ".markdown", ".html")
LEAST_NOTICED = 0.9
MAX_EDITS = 40
"""Edits that are taken of one repository."""


def findings(base: str, proposal: str) -> list[dict[str, Any]]:
    """What `guard` finds."""
    return findings_of(base, proposal, {})


def documents(folder: Path, random: Random) -> list[str]:
    """The texts of a folder in random order, without very short and very long ones."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    random.shuffle(paths)
    texts = (
        path.read_text(encoding="utf-8", errors="replace") for path in paths if 500 < path.stat().st_size < 100_000
    )
    return [text for text in texts if "\ufffd" not in text]


def unchanged(texts: list[str]) -> Counter[str]:
    """The worst findings of documents that are compared with themselves, their white space changed."""
    return Counter(worst(findings(text, text.rstrip() + "\n\n")) for text in texts)


def worst(found: list[dict[str, Any]]) -> str:
    """The worst severity, or "none"."""
    return next(
        (severity for severity in ("block", "warning", "info") if any(f["severity"] == severity for f in found)), "none"
    )


def noticed(texts: list[str], kind: str, number: int, random: Random) -> tuple[int, int, int]:
    """In how many texts a damage is noticed, in how many by more than `info`, and how many were damaged."""
    seen = warned = tried = 0
    for text in random.sample(texts, len(texts)):
        pair = damaged(text, kind, random)
        if pair is None:
            continue
        found = findings(*pair)
        tried, seen, warned = tried + 1, seen + bool(found), warned + (worst(found) in ("block", "warning"))
        if tried == number:
            break
    return seen, warned, tried


def edits(repository: Path, random: Random) -> Iterator[tuple[str, str, str]]:
    """Edits of content files: a name, the old text and the new one."""
    patterns = [f"*{suffix}" for suffix in SUFFIXES]
    log = _git(
        repository,
        "log",
        "--no-merges",
        "-n",
        "1500",
        "--diff-filter=M",
        "--name-only",
        "--format=@%H",
        "--",
        *patterns,
    )
    commit, found = "", []
    for line in log.splitlines():
        if line.startswith("@"):
            commit = line[1:]
        elif line:
            found.append((commit, line))
    random.shuffle(found)
    for commit, name in found[:MAX_EDITS]:
        yield (
            f"{commit[:8]}:{name}",
            _git(repository, "show", f"{commit}^:{name}"),
            _git(repository, "show", f"{commit}:{name}"),
        )


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "--git-dir", repository, *arguments], capture_output=True, check=False)
    return done.stdout.decode("utf-8", errors="replace")


def main() -> int:
    """Print the tables; 0 where all bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--git", type=Path, nargs="*", default=[])
    parser.add_argument("--documents", type=int, default=96)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    random = Random(options.seed)
    texts = documents(options.folder, random)
    begun = time.process_time()
    result: dict[str, Any] = {"unchanged": dict(unchanged(texts))}
    result["seconds of each 1 MB"] = round((time.process_time() - begun) / max(1, sum(map(len, texts))) * 1e6, 3)
    result["damage"] = {kind: noticed(texts, kind, options.documents, random) for kind in KINDS}
    result["edits"] = dict(
        Counter(
            worst(findings(old, new))
            for repository in options.git
            for _, old, new in edits(repository, random)
            if old != new
        )
    )
    if options.json:
        print(json.dumps(result))
    else:
        print(
            f"unchanged: {result['unchanged']}, {result['seconds of each 1 MB']} s of each 1 MB\nedits: "
            f"{result['edits']}"
        )
        for kind, (seen, warned, tried) in result["damage"].items():
            print(f"{kind:24} noticed {seen} of {tried}, with a warning {warned}")
    missed = [kind for kind, (seen, _, tried) in result["damage"].items() if tried and seen < LEAST_NOTICED * tried]
    return int(bool(missed or result["edits"].get("block") or set(result["unchanged"]) - {"none"}))


if __name__ == "__main__":
    sys.exit(main())
