"""Aligns the parts of two texts (blocks, or the sentences of a block): kept, changed, lost and new ones."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

MAX_SHARED = 12
"""A word in more than so many parts says nothing about which of them belong together."""
MAX_TRIES = 8
"""Parts of a place that a new part is compared with."""


@dataclass
class Alignment:
    """Indexes of the parts of the base (first) and of the proposal (second)."""

    kept: list[tuple[int, int]] = field(default_factory=list)
    changed: list[tuple[int, int]] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    moved: list[tuple[int, int]] = field(default_factory=list)
    """Kept parts that no longer stand in the order of the others."""


def align(
    base: Sequence[Hashable],
    proposal: Sequence[Hashable],
    words: Callable[[bool, int], Sequence[str]],
    kinds: Callable[[bool, int], str],
    least: float,
) -> Alignment:
    """Aligns parts at the start and the end, by their keys, by the words that they share, and by their places.

    `words(in_proposal, index)` and `kinds(in_proposal, index)` describe a part; parts of different kinds do not belong
    together. Changed parts share at least `least` of their words, or are the only ones of a place. The time grows with
    the number of parts and words.
    """
    found = Alignment()
    least_size = min(len(base), len(proposal))
    start = next((index for index in range(least_size) if base[index] != proposal[index]), least_size)
    end = next((n for n in range(least_size - start) if base[-1 - n] != proposal[-1 - n]), least_size - start)
    found.kept = [(index, index) for index in range(start)]
    places: dict[Hashable, list[int]] = defaultdict(list)
    for index in range(len(proposal) - end - 1, start - 1, -1):
        places[proposal[index]].append(index)
    for index in range(start, len(base) - end):
        if places.get(base[index]):
            found.kept.append((index, places[base[index]].pop()))
        else:
            found.lost.append(index)
    found.kept += [(len(base) - n, len(proposal) - n) for n in range(end, 0, -1)]
    found.new = sorted(index for rest in places.values() for index in rest)
    found.moved = _out_of_order(found.kept)
    if found.lost and found.new:
        _pair(found, words, kinds, least)
    return found


def similarity(first: Sequence[str], second: Sequence[str]) -> float:
    """The share of words that two parts have in common, 0 to 1."""
    if not first or not second:
        return 0.0
    if max(len(first), len(second)) > 12 * min(len(first), len(second)):
        return 0.0  # at most a seventh is common; the longer one need not be counted
    return _similarity(Counter(first), len(first), Counter(second), len(second))


def _similarity(first: Counter[str], length: int, second: Counter[str], other_length: int) -> float:
    """The share of words in common of two parts whose words are counted."""
    if not length or not other_length:
        return 0.0
    if len(first) > len(second):
        first, second = second, first
    common = sum(min(number, second[word]) for word, number in first.items() if word in second)
    return 2 * common / (length + other_length)


def _out_of_order(kept: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs that are not in a longest increasing subsequence."""
    ends: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(kept):
        length = bisect_left(ends, place)
        ends[length : length + 1] = [place]
        at[length : length + 1] = [number]
        before.append(at[length - 1] if length else -1)
    if len(at) == len(kept):
        return []
    inside: set[int] = set()
    number = at[-1] if at else -1
    while number >= 0:
        inside.add(number)
        number = before[number]
    return [pair for number, pair in enumerate(kept) if number not in inside]


def _pair(
    found: Alignment, words: Callable[[bool, int], Sequence[str]], kinds: Callable[[bool, int], str], least: float
) -> None:
    if len(found.lost) == len(found.new) == 1:  # the commonest case, for which no index is needed
        old, new = found.lost[0], found.new[0]
        alike = similarity(_tokens(words(False, old)), _tokens(words(True, new)))
        kind = kinds(True, new)
        if kinds(False, old) == kind and (kind != "text" or alike >= least / 2):
            found.changed, found.lost, found.new = [(old, new)], [], []
        return
    ordered = sorted(set(found.kept) - set(found.moved))
    gap = {False: [pair[0] for pair in ordered], True: [pair[1] for pair in ordered]}
    bags = {
        (side, index): _tokens(words(side, index))
        for side, rest in ((False, found.lost), (True, found.new))
        for index in rest
    }
    counts = {key: Counter(bag) for key, bag in bags.items()}
    lengths = {key: len(bag) for key, bag in bags.items()}

    def alike_of(old: int, new: int) -> float:
        first, second = (False, old), (True, new)
        return _similarity(counts[first], lengths[first], counts[second], lengths[second])

    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in found.lost:
        kind = kinds(False, index)
        for word in counts[False, index]:
            holders[kind, word].append(index)
    candidates: list[tuple[float, int, int]] = []
    for new in found.new:
        kind, votes = kinds(True, new), Counter[int]()
        for word in counts[True, new]:
            sharing = holders.get((kind, word), ())
            if len(sharing) <= MAX_SHARED:
                votes.update(sharing)
        for old, _ in votes.most_common(4):
            same_place = bisect_left(gap[False], old) == bisect_left(gap[True], new)
            share = alike_of(old, new)
            if share >= least:
                candidates.append((share + 0.05 * same_place, old, new))
    lost, fresh = set(found.lost), set(found.new)
    for _, old, new in sorted(candidates, key=lambda candidate: (-candidate[0], candidate[1:])):
        if old in lost and new in fresh:
            lost.discard(old)
            fresh.discard(new)
            found.changed.append((old, new))
    _pair_by_place(found, lost, fresh, gap, lambda old, new: (
        kinds(False, old) == kinds(True, new)
        and (kinds(True, new) != "text" or alike_of(old, new) >= least / 2)
    ))  # fmt: skip
    found.changed.sort()
    found.lost, found.new = sorted(lost), sorted(fresh)


def _pair_by_place(
    found: Alignment,
    lost: set[int],
    fresh: set[int],
    gap: dict[bool, list[int]],
    belong: Callable[[int, int], bool],
) -> None:
    """Pairs what is left between the same kept parts, in order."""
    waiting: dict[int, list[int]] = defaultdict(list)
    for new in sorted(fresh, reverse=True):
        waiting[bisect_left(gap[True], new)].append(new)
    failed: Counter[int] = Counter()
    for old in sorted(lost):
        here = waiting.get(bisect_left(gap[False], old))
        while here and failed[here[-1]] >= MAX_TRIES:
            here.pop()
        if not here:
            continue
        if belong(old, here[-1]):
            new = here.pop()
            lost.discard(old)
            fresh.discard(new)
            found.changed.append((old, new))
        else:
            failed[here[-1]] += 1


def _tokens(words: Sequence[str]) -> list[str]:
    """The words; of single characters, as in Chinese, also each two together."""
    pairs = [first + second for first, second in pairwise(words) if len(first) == len(second) == 1]
    return [*words, *pairs] if pairs else list(words)
