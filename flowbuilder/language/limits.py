"""How much one text may be, and how much one evaluation may do: named settings, each with a named error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flowbuilder.errors import LanguageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The bounds of the language. What a text exceeds is FB204; what an evaluation exceeds is `limit.<name>`."""

    template_chars: int = 16 * 1024
    template_tokens: int = 20_000
    template_nodes: int = 5_000
    expression_chars: int = 2_000
    expression_nodes: int = 300
    depth: int = 60
    """How deep the parts of a text nest, statements and expressions together."""
    brackets: int = 40
    nested_loops: int = 8
    steps: int = 100_000
    """Work of one evaluation: about a step for each part of a text that is evaluated, or half a kilobyte compared."""
    memory: int = 4_000_000
    """Characters (of up to four bytes) that one evaluation may make in all, whether or not it still needs them."""
    output: int = 1_000_000
    """Characters of what a template prints."""
    value_depth: int = 64
    """How deep a value may nest that is compared, printed or given back."""


LIMITS: Final = Limits()


class Meter:
    """What one evaluation may still do. Everything is charged before it is done."""

    # plain class attributes: an evaluation that is charged nothing pays nothing for its meter
    steps = LIMITS.steps
    memory = LIMITS.memory

    def work(self, steps: int) -> None:
        """Charge steps; raises `limit.steps`."""
        self.steps -= steps
        if self.steps < 0:
            raise too_much("steps", f"this takes more than {LIMITS.steps:,} steps of work")

    def hold(self, characters: int) -> None:
        """Charge text, or anything else in units of four bytes; raises `limit.memory`."""
        self.memory -= characters
        if self.memory < 0:
            raise too_much("memory", f"this makes more than {LIMITS.memory:,} characters of text and lists")

    def hold_list(self, items: int) -> None:
        """Charge a list of references to so many items, and the work of making it."""
        self.hold(2 * items + 16)
        self.work(items >> 6)


def too_much(limit: str, message: str) -> LanguageError:
    """The error of an evaluation that goes over a limit."""
    return LanguageError(f"limit.{limit}", message, stage="run", hint="do this in a code step, or on less data")
