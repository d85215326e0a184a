"""Values of one execution with the marks on their texts: whole, or by member."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

from flowbuilder.analysis.taint.sources import CLEAN, Marks
from flowbuilder.language.evaluation.functions.selections import path_of, place_in
from flowbuilder.values import Json, Place

Tree: TypeAlias = "Marks | Mapping[str | int, Tree]"
"""The marks on a JSON value: on all of it, or on its members by key. A member without an entry has no mark."""

MAX_VALUES = 10_000


def text_marks(value: Json, tree: Tree, words: Collection[str]) -> Marks:
    """The marks on the text in a value; none where it holds no text but these words."""
    if isinstance(tree, frozenset):
        return tree if tree and holds_text(value, words) else CLEAN
    found = CLEAN
    for key, inner in tree.items():
        if _has(value, key):
            found |= text_marks(value[key], inner, words)  # type: ignore[index]
    return found


def texts_of(value: Json) -> Iterator[Json]:
    """The value, or the items of a list and of the lists in it, without those that hold no text."""
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, list):
            pending += inner
        elif holds_text(inner):
            yield inner


def holds_text(value: Json, words: Collection[str] = ()) -> bool:
    """Whether a value holds text, as a key too, other than these words."""
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, str):
            if inner and inner not in words:
                return True
        elif isinstance(inner, dict):
            if any(key not in words for key in inner):
                return True
            pending += inner.values()
        elif isinstance(inner, list):
            pending += inner
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A value of the context that an expression may return. `any_order`: a list whose indexes are not known."""

    value: Json
    tree: Tree
    any_order: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What an expression may return: values of the context, and new values with the marks of their parts."""

    reads: tuple[Read, ...] = ()
    made_from: Marks = CLEAN

    def marks(self, words: Collection[str]) -> Marks:
        """All marks on the text in it."""
        return reduce(lambda found, read: found | text_marks(read.value, read.tree, words), self.reads, self.made_from)

    def tree(self, words: Collection[str]) -> Tree:
        """The marks by member, where the value is known."""
        read = self._marked_read()
        return self.marks(words) if read is None else read.tree

    def parts(self, words: Collection[str]) -> Iterator[tuple[Place, Marks]]:
        """The marked texts in it, each with its place: `()` for all of it, where its parts are not known."""
        read = self._marked_read()
        if read is not None:
            yield from _marked_parts(read.value, read.tree, words, ())
        elif marks := self.marks(words):
            yield (), marks

    def _marked_read(self) -> Read | None:
        """The one value of the context with marks that an expression may return; None where there are more."""
        marked = [read for read in self.reads if read.tree]
        known = len(marked) == 1 and not self.made_from and not marked[0].any_order
        return marked[0] if known else None

    def map(self, change: Callable[[Read], Iterable[Read]]) -> Result:
        """The same with each value of the context replaced."""
        return _without_repeats((new for read in self.reads for new in change(read)), self.made_from)

    def __or__(self, other: Result) -> Result:
        return _without_repeats((*self.reads, *other.reads), self.made_from | other.made_from)


NOTHING = Result()


def _without_repeats(reads: Iterable[Read], made_from: Marks) -> Result:
    kept = {(id(read.value), id(read.tree), read.any_order): read for read in reads}
    if len(kept) <= MAX_VALUES:
        return Result(tuple(kept.values()), made_from)
    reads = kept.values()
    return Result(made_from=reduce(lambda found, read: found | text_marks(read.value, read.tree, ()), reads, made_from))


def _marked_parts(value: Json, tree: Tree, words: Collection[str], at: Place) -> Iterator[tuple[Place, Marks]]:
    if isinstance(tree, frozenset):
        if tree and holds_text(value, words):
            yield at, tree
        return
    for key, inner in tree.items():
        if _has(value, key):
            yield from _marked_parts(value[key], inner, words, (*at, key))  # type: ignore[index]


def _has(value: Json, key: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(key, int) and -len(value) <= key < len(value)
    return isinstance(value, dict) and key in value


def _subtree(tree: Tree, key: str | int) -> Tree:
    return tree if isinstance(tree, frozenset) else tree.get(key, CLEAN)


def member_of(read: Read, key: str | int) -> Iterator[Read]:
    """The member of an object or the item of a list; a text as a whole."""
    if read.any_order:
        yield from items_of(read)
    elif _has(read.value, key):
        at = key % len(read.value) if isinstance(key, int) and isinstance(read.value, list) else key
        yield Read(read.value[at], _subtree(read.tree, at))  # type: ignore[index]
    elif isinstance(read.value, str):
        yield read  # a part of a text


def items_of(read: Read) -> Iterator[Read]:
    """Every item of a list, every key and value of an object, a text as a whole."""
    if isinstance(read.value, list):
        for index, item in enumerate(read.value):
            yield Read(item, _subtree(read.tree, index))
    elif isinstance(read.value, dict):
        for key, item in read.value.items():
            tree = _subtree(read.tree, key)
            yield Read(item, tree)
            yield Read(key, tree if isinstance(tree, frozenset) else CLEAN)
    elif read.value is not None:
        yield read


def in_any_order(read: Read) -> Iterator[Read]:
    """The same value; of a list it is not known which item is where."""
    yield Read(read.value, read.tree, any_order=isinstance(read.value, list))


def plucked_from(read: Read, path: str) -> Iterator[Read]:
    """The list of one member of each item; a path such as `a.b` goes deeper."""
    items: list[Json] = []
    trees: dict[str | int, Tree] = {}
    for item in items_of(read):
        found = [item]
        for name in path_of(path):
            found = [inner for one in found for inner in member_of(one, place_in(one.value, name))]
        for inner in found:
            trees[len(items)] = inner.tree
            items.append(inner.value)
    yield Read(items, trees, any_order=True)


def values_of(read: Read) -> Iterator[Read]:
    """The list of the members of an object, without their names; any other value as a whole."""
    if not isinstance(read.value, dict):
        yield read
        return
    trees: dict[str | int, Tree] = {index: _subtree(read.tree, key) for index, key in enumerate(read.value)}
    yield Read(list(read.value.values()), trees)
