"""Benchmark of `guard`: `python benchmarks/guard.py [FOLDER] [--git DIR ...] [--edits 60] [--documents 96] [--json]`.

FOLDER holds documents of real sites (Markdown, MDX, HTML): how many of them have findings unchanged, and for each kind
of damage of tests/support/content/damage.py, in how many of `--documents` texts it is noticed, is named by the
right rule, and is so by a warning or a block. Each DIR of `--git` is a git directory: what is found in at most
`--edits` edits of its history, commits that change one content file. The exit code says whether no unchanged document
has a finding, each kind of damage is named by the right rule in at least 90 %, and at most 0.2 % of the edits are
blocked. A block is right where the edit does what the rule says. Only a person can tell: `--looked-at` names a file
with the commits (9 digits) whose blocks a person found right; they are listed apart and do not count.
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
from statistics import mean, median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flowbuilder.steps.builtin.guard.comparison import findings_of  # noqa: E402
from tests.support.content.damage import KINDS, RULES, damaged  # noqa: E402

SUFFIXES = (".md", ".mdx", ".markdown", ".html")
LEAST_NOTICED = 0.9
MOST_BLOCKED = 0.002
MAX_COMMITS = 4_000
"""Commits of a repository among which the edits are chosen."""
MAX_BYTES = 300_000
"""A file that is longer is passed over."""
Findings = list[dict[str, Any]]


def findings(base: str, proposal: str) -> Findings:
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


def severe(found: Findings) -> Findings:
    """The findings that are more than worth a look."""
    return [finding for finding in found if finding["severity"] != "info"]


def worst(found: Findings) -> str:
    """The worst severity, or "none"."""
    return found[0]["severity"] if found else "none"


def noticed(texts: list[str], kind: str, number: int, random: Random) -> dict[str, int]:
    """In how many texts a damage is noticed, in which way, and how many were damaged."""
    counts = Counter[str]()
    for text in random.sample(texts, len(texts)):
        pair = damaged(text, kind, random)
        if pair is None:
            continue
        found = findings(*pair)
        named = [finding for finding in found if finding["rule"] in RULES[kind]]
        counts.update(
            tried=1,
            noticed=bool(found),
            named=bool(named),
            warned=bool(severe(found)),
            named_by_a_warning=bool(severe(named)),
        )
        if counts["tried"] == number:
            break
    return dict(counts)


def edits(repository: Path, number: int, random: Random) -> Iterator[tuple[str, str, str]]:
    """Commits that change one content file: a name, the old text and the new one; files that are no UTF-8 left out."""
    # without renames, for which git would read files that a partial clone may lack
    options = ("--no-merges", "--no-renames", f"-n{MAX_COMMITS}", "--diff-filter=M", "--name-only", "--format=@%H")
    log = _git(repository, "log", *options)
    changed: dict[str, list[str]] = {}
    commit = ""
    for line in log.decode("utf-8", errors="replace").splitlines():
        if line.startswith("@"):
            commit = line[1:]
        elif line.lower().endswith(SUFFIXES):
            changed.setdefault(commit, []).append(line)
    chosen = [(commit, names[0]) for commit, names in changed.items() if len(names) == 1]
    random.shuffle(chosen)
    for commit, name in chosen:
        if number == 0:
            return
        try:
            old, new = (_git(repository, "show", f"{side}:{name}") for side in (f"{commit}^", commit))
            if old != new and max(len(old), len(new)) <= MAX_BYTES:
                yield f"{repository.parent.name} {commit[:9]} {name}", old.decode("utf-8"), new.decode("utf-8")
                number -= 1
        except (subprocess.CalledProcessError, UnicodeDecodeError):
            continue  # a file that was renamed, or is no text


def found_in_edits(repositories: list[Path], number: int, random: Random, looked_at: frozenset[str]) -> dict[str, Any]:
    """What is found in the edits of repositories. The blocks of the commits in `looked_at` are no false ones."""
    results = [
        (name, findings(old, new))
        for repository in repositories
        for name, old, new in edits(repository, number, random)
    ]
    warnings = [len(severe(found)) for _, found in results]
    return {
        "edits": len(results),
        "worst": dict(Counter(worst(found) for _, found in results)),
        "share with a warning": round(mean(count > 0 for count in warnings), 3) if warnings else None,
        "warnings of an edit": {"mean": round(mean(warnings), 2), "median": median(warnings)} if warnings else None,
        "edits by rule": dict(
            Counter(
                rule for _, found in results for rule in {finding["rule"] for finding in severe(found)}
            ).most_common()
        ),
        "blocked rightly, as a person saw": [
            line for name, found in results for line in _blocks(name, found) if name.split()[1] in looked_at
        ],
        "blocked": [
            line for name, found in results for line in _blocks(name, found) if name.split()[1] not in looked_at
        ],
    }


def _blocks(name: str, found: Findings) -> list[str]:
    return [f"{name}: {one['rule']}: {one['evidence']}" for one in found if one["severity"] == "block"]


def _git(repository: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "--git-dir", repository, *arguments], capture_output=True, check=True).stdout


def main() -> int:
    """Print the tables; 0 where all bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--git", type=Path, nargs="*", default=[])
    parser.add_argument("--edits", type=int, default=60)
    parser.add_argument("--documents", type=int, default=96)
    parser.add_argument("--looked-at", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.folder is None and not options.git:
        parser.error("name a folder of documents, or git directories after --git")
    looked_at = frozenset(options.looked_at.read_text().split()) if options.looked_at else frozenset[str]()
    random = Random(options.seed)
    result: dict[str, Any] = {}
    if options.folder is not None:
        texts = documents(options.folder, random)
        begun = time.process_time()
        result["unchanged"] = dict(unchanged(texts))
        result["seconds of each 1 MB"] = round((time.process_time() - begun) / max(1, sum(map(len, texts))) * 1e6, 3)
        result["damage"] = {kind: noticed(texts, kind, options.documents, random) for kind in KINDS}
    if options.git:
        try:
            result["edits"] = found_in_edits(options.git, options.edits, random, looked_at)
        except subprocess.CalledProcessError as error:
            parser.error(f"{' '.join(map(str, error.cmd))}: {error.stderr.decode(errors='replace').strip()}")
    print(json.dumps(result) if options.json else _table(result))
    missed = [
        kind for kind, counts in result.get("damage", {}).items()
        if counts and counts["named"] < LEAST_NOTICED * counts["tried"]
    ]  # fmt: skip
    changed = result.get("edits", {"edits": 0, "blocked": []})
    blocked = len({line.partition(": ")[0] for line in changed["blocked"]}) > MOST_BLOCKED * changed["edits"]
    return int(bool(missed or blocked or set(result.get("unchanged", ())) - {"none"}))


def _table(result: dict[str, Any]) -> str:
    lines = [f"{name}: {value}" for name, value in result.items() if name not in ("damage", "edits")]
    for kind, counts in result.get("damage", {}).items():
        lines.append(f"{kind:24} " + ", ".join(f"{name} {number}" for name, number in counts.items()))
    for name, value in result.get("edits", {}).items():
        lines += [f"{name}:", *value] if isinstance(value, list) else [f"{name}: {value}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
