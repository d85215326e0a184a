"""Benchmark of the page extractor on public sets: `python benchmarks/extraction.py FOLDER ... [--sample N]`.

Each folder is a checkout of one of the sets, told apart by its files; none is part of this repository:

* scrapinghub/article-extraction-benchmark (`ground-truth.json`): scored as its `evaluate.py` does, by runs of four
  words;
* adbar/trafilatura, `tests/` (`evaldata.json`): scored as its `evaluate.py` does, by passages that must and must not be
  in the text;
* mozilla/readability, `test/test-pages/` (`*/expected.html`): by runs of four words, as the first.

Prints precision, recall and F1 of the `page` step beside those of trafilatura's defaults, and the pages of which the
`page` step says that they are no article. The exit code says whether its F1 is at most 0.005 below trafilatura's.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from time import perf_counter

import trafilatura
from selectolax.lexbor import LexborHTMLParser

from flowbuilder.adapters.http.extract import extract_page
from flowbuilder.errors import StepError

BOUND = 0.005
Score = tuple[float, float, float]
"""True positives, false positives and false negatives of one page."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A page, and how a text that was extracted from it is scored."""

    url: str
    html: bytes
    score: Callable[[str], Score]


@dataclass
class Tally:
    """The scores of one extractor on one set, and its seconds. `per_page`: pages weigh the same, else passages do."""

    per_page: bool
    scores: list[Score] = field(default_factory=list)
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)

    def result(self) -> tuple[float, float, float]:
        """Precision, recall and F1."""
        if self.per_page:
            precision = mean(_share(tp, fp, fn) for tp, fp, fn in self.scores if tp + fp)
            recall = mean(_share(tp, fn, fp) for tp, fp, fn in self.scores if tp + fn)
        else:
            tp, fp, fn = (sum(column) for column in zip(*self.scores, strict=True))
            precision, recall = tp / (tp + fp), tp / (tp + fn)
        return precision, recall, 2 * precision * recall / (precision + recall)


def _share(right: float, wrong: float, other: float) -> float:
    return 1.0 if wrong == other == 0 else right / (right + wrong) if right else 0.0


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """The runs of four words of a text, with their counts."""
    words = re.findall(r"\w+", text)
    runs = (tuple(words[start : start + 4]) for start in range(max(1, len(words) - 3)))
    return Counter(run for run in runs if run)


def by_shingles(truth: str) -> Callable[[str], Score]:
    """Scores a text by the runs of four words that it shares with the truth; a page's score adds up to 1."""
    expected = shingles(truth)

    def score(text: str) -> Score:
        found = shingles(text)
        right = (expected & found).total()
        wrong, lost = found.total() - right, expected.total() - right
        total = right + wrong + lost or 1
        return right / total, wrong / total, lost / total

    return score


def by_passages(wanted: list[str], unwanted: list[str]) -> Callable[[str], Score]:
    """Scores a text by the passages that are in it."""

    def score(text: str) -> Score:
        plain = " ".join(text.split())
        right = sum(" ".join(part.split()) in plain for part in wanted)
        return right, sum(" ".join(part.split()) in plain for part in unwanted), len(wanted) - right

    return score


def scrapinghub(folder: Path) -> Iterator[Sample]:
    """The pages of scrapinghub/article-extraction-benchmark."""
    for name, item in json.loads((folder / "ground-truth.json").read_text("utf-8")).items():
        html = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        yield Sample(url=item["url"], html=html, score=by_shingles(item.get("articleBody", "")))


def passages(folder: Path) -> Iterator[Sample]:
    """The pages of trafilatura's own evaluation."""
    for url, item in json.loads((folder / "evaldata.json").read_text("utf-8")).items():
        places = [folder / part / item["file"] for part in ("cache", "eval")]
        if place := next((place for place in places if place.is_file()), None):
            yield Sample(url=url, html=place.read_bytes(), score=by_passages(item["with"], item["without"]))


def readability(folder: Path) -> Iterator[Sample]:
    """The test pages of mozilla/readability."""
    for place in sorted(folder.glob("*/expected.html")):
        truth = LexborHTMLParser(place.read_text("utf-8")).text(separator=" ")
        html = (place.parent / "source.html").read_bytes()
        yield Sample(url="http://fakehost/test/page.html", html=html, score=by_shingles(truth))


SETS: dict[str, tuple[Callable[[Path], Iterator[Sample]], bool]] = {
    "ground-truth.json": (scrapinghub, True),
    "evaldata.json": (passages, False),
    "*/expected.html": (readability, True),
}


def ours(sample: Sample, tally: Tally) -> str:
    """The text of the `page` step; of a page that it refuses, none."""
    try:
        page = extract_page(sample.html, url=sample.url)
    except StepError as problem:
        tally.kinds[problem.code] += 1
        return ""
    tally.kinds[page["kind"]] += 1
    return str(page["text"])


def theirs(sample: Sample, tally: Tally) -> str:
    """The text of trafilatura's defaults, without comments, as its own evaluation runs it."""
    return trafilatura.extract(sample.html, include_comments=False) or ""


def main() -> int:
    """Measure each folder; 0 when the bound holds for each, 2 when one is not a known set."""
    parser = argparse.ArgumentParser(description="measure the page extractor on public sets")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sample", type=int, default=1, help="measure one page of N")
    asked = parser.parse_args()
    held = True
    for folder in asked.folders:
        form = next((form for form in SETS if any(folder.glob(form))), None)
        if form is None:
            print(f"{folder} is none of the sets that this benchmark knows", file=sys.stderr)
            return 2
        read, per_page = SETS[form]
        tallies = {run: Tally(per_page) for run in (ours, theirs)}
        for sample in list(read(folder))[:: asked.sample]:
            for run, tally in tallies.items():
                begun = perf_counter()
                text = run(sample, tally)
                tally.seconds += perf_counter() - begun
                tally.scores.append(sample.score(text))
        print(f"{folder}: {len(tallies[ours].scores)} pages")
        for name, tally in (("flowbuilder", tallies[ours]), ("trafilatura", tallies[theirs])):
            precision, recall, f1 = tally.result()
            per = tally.seconds / len(tally.scores)
            print(f"  {name:12} precision {precision:.3f}  recall {recall:.3f}  F1 {f1:.3f}  {per:.3f} s a page")
        print(f"  kinds: {dict(tallies[ours].kinds)}")
        held = held and tallies[ours].result()[2] >= tallies[theirs].result()[2] - BOUND
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
