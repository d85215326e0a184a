"""What a proposal changes: the blocks and sentences that it keeps, changes, loses and adds. All rules read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from flowbuilder.steps.builtin.guard.alignment import Alignment, align, similarity
from flowbuilder.steps.builtin.guard.blocks import read_document
from flowbuilder.steps.builtin.guard.document import Block, Document
from flowbuilder.steps.builtin.guard.languages import ENGLISH, Language, language_of, spoken_in
from flowbuilder.steps.builtin.guard.words import words_of

MAX_TEXT = 400_000
"""Characters of a text that are read."""
MAX_SENTENCES = 4_000
"""Changed sentences that are compared one by one."""
MAX_SPOKEN = 1_000
"""Changed sentences of which the language is told."""
LEAST_BLOCK = 0.4
LEAST_SENTENCE = 0.5
LEAST_LEFT = 0.2


@dataclass
class Sentences:
    """A changed sentence: what it was and what it is, with the blocks that it stands in."""

    base: str
    proposal: str
    base_block: Block
    block: Block
    language: Language
    """The language of the base; of a sentence in another script, that of the sentence."""

    @cached_property
    def similarity(self) -> float:
        """The share of words, or of characters where words say little, that both have in common, 0 to 1."""
        if self.language.spaced:
            return similarity(words_of(self.base), words_of(self.proposal))
        return similarity(*("".join(words_of(text)) for text in (self.base, self.proposal)))


class Change:
    """A base and a proposal, aligned: each a text, and the texts around it, such as its title. Where there is no base,
    all blocks of the proposal are new."""

    def __init__(self, base: Sequence[str], proposal: Sequence[str]) -> None:
        self.has_base = any(text.strip() for text in base)
        self.unread = sum(max(0, len(text) - MAX_TEXT) for text in proposal)
        """How many characters of the proposal are beyond the limit."""
        self.base = _document(base)
        self.proposal = _document(proposal)

    @cached_property
    def language(self) -> Language:
        """The language of the base, or of a proposal without one; English where that is not clear."""
        return self.base_language or language_of(_sample(self.proposal)) or ENGLISH

    @cached_property
    def base_language(self) -> Language | None:
        """The language of the base, where that is clear."""
        return language_of(_sample(self.base))

    @cached_property
    def languages_before(self) -> frozenset[str]:
        """The codes of the languages of the changed and lost blocks of the base."""
        return frozenset(found.code for block in self.before if block.prose and (found := language_of(block.text)))

    @cached_property
    def alignment(self) -> Alignment:
        """The alignment of the blocks."""
        sides = (self.base.blocks, self.proposal.blocks)
        found = align(
            [block.key for block in sides[0]],
            [block.key for block in sides[1]],
            words=lambda side, index: sides[side][index].words or words_of(sides[side][index].raw),
            kinds=lambda side, index: _family(sides[side][index]),
            least=LEAST_BLOCK,
        )
        if found.changed and not found.kept:
            total = sum(len(block.words) for block in sides[0])
            left = sum(
                similarity(sides[0][old].words, sides[1][new].words) * len(sides[0][old].words)
                for old, new in found.changed
            )
            if left < LEAST_LEFT * total:  # another text
                found.lost, found.new, found.changed = [*range(len(sides[0]))], [*range(len(sides[1]))], []
        return found

    @cached_property
    def changed(self) -> list[tuple[Block, Block]]:
        """Blocks of the base with what they became."""
        return [(self.base.blocks[old], self.proposal.blocks[new]) for old, new in self.alignment.changed]

    @cached_property
    def lost(self) -> list[Block]:
        """Blocks of the base that the proposal has no counterpart of."""
        return [self.base.blocks[index] for index in self.alignment.lost]

    @cached_property
    def removed(self) -> list[Block]:
        """The lost blocks, where something of the base is left; nothing of another text, which `rewrites` reports. A
        title that has become another one is not lost."""
        if not (self.kept or self.alignment.changed):
            return []
        return [block for block in self.lost if not block.around]

    @cached_property
    def new(self) -> list[Block]:
        """Blocks of the proposal that the base has no counterpart of."""
        return [self.proposal.blocks[index] for index in self.alignment.new]

    @cached_property
    def kept(self) -> list[tuple[int, int]]:
        """Indexes of blocks that are the same in both."""
        return self.alignment.kept

    @cached_property
    def before(self) -> list[Block]:
        """The blocks of the base that are not the same in the proposal."""
        return [*(old for old, _ in self.changed), *self.lost]

    @cached_property
    def after(self) -> list[Block]:
        """The blocks of the proposal that are not the same in the base."""
        return [*(new for _, new in self.changed), *self.new]

    @cached_property
    def _sentences(self) -> tuple[list[Sentences], list[tuple[str, Block]], list[tuple[str, Block]]]:
        changed: list[Sentences] = []
        lost: list[tuple[str, Block]] = []
        new = [(sentence, block) for block in self.new if block.prose for sentence in block.sentences]
        for old, fresh in self.changed:
            if not fresh.prose or len(changed) >= MAX_SENTENCES:
                continue
            parts = (old.sentences, fresh.sentences)
            found = _align_sentences(parts)
            changed += (
                Sentences(parts[0][a], parts[1][b], old, fresh, self._spoken_in(parts[0][a], len(changed)))
                for a, b in found.changed
            )
            lost += ((parts[0][index], old) for index in found.lost)
            new += ((parts[1][index], fresh) for index in found.new)
        return changed, lost, new

    def _spoken_in(self, sentence: str, number: int) -> Language:
        """The language of a changed sentence; after very many, that of the page."""
        return spoken_in(sentence, self.language) if number < MAX_SPOKEN else self.language

    @property
    def sentences(self) -> list[Sentences]:
        """The sentences that were changed."""
        return self._sentences[0]

    @property
    def compared_coarsely(self) -> bool:
        """Whether there are more changed sentences than are compared one by one."""
        return len(self.sentences) >= MAX_SENTENCES

    @property
    def lost_sentences(self) -> list[tuple[str, Block]]:
        """Sentences of changed blocks that have no counterpart, with their blocks."""
        return self._sentences[1]

    @property
    def new_sentences(self) -> list[tuple[str, Block]]:
        """Sentences of the proposal that have no counterpart, with their blocks."""
        return self._sentences[2]

    def written(self) -> Iterator[tuple[str, Block]]:
        """The sentences of the proposal that are changed or new, with their blocks."""
        for pair in self.sentences:
            yield pair.proposal, pair.block
        yield from self.new_sentences


def _document(texts: Sequence[str]) -> Document:
    text, *around = (one[:MAX_TEXT] for one in texts)
    return read_document(text, around)


def _family(block: Block) -> str:
    if block.around:
        return "around"
    if block.kind in ("paragraph", "item"):
        return "text"
    return block.kind


def _sample(document: Document) -> str:
    parts: list[str] = []
    size = 0
    for block in document.blocks:
        if block.prose and block.kind != "row":
            parts.append(block.text)
            size += len(parts[-1])
            if size > 20_000:
                break
    return "\n".join(parts)


def _align_sentences(parts: tuple[list[str], list[str]]) -> Alignment:
    words = tuple([words_of(sentence) for sentence in side] for side in parts)
    return align(
        [" ".join(sentence.split()) for sentence in parts[0]],
        [" ".join(sentence.split()) for sentence in parts[1]],
        words=lambda side, index: words[side][index],
        kinds=lambda _side, _index: "sentence" if len(parts[0]) == len(parts[1]) == 1 else "text",
        least=LEAST_SENTENCE,
    )
