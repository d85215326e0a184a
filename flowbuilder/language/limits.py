"""The limits of a text's size and of the resources of one evaluation, and the meter that enforces the latter."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from flowbuilder.errors import LanguageError


class Limits(Struct, frozen=True, kw_only=True):
    """The bounds of the language. A text that exceeds one raises FB204, an evaluation `limit.<name>`."""

    template_chars: int = 16 * 1024
    template_tokens: int = 20_000
    template_nodes: int = 5_000
    expression_chars: int = 2_000
    expression_nodes: int = 300
    depth: int = 60
    """The nesting depth of a text, statements and expressions together."""
    brackets: int = 40
    nested_loops: int = 8
    steps: int = 100_000
    """The work of one evaluation: about one step for each evaluated part of the text or 512 compared characters."""
    memory: int = 4_000_000
    """The characters (of up to four bytes) that one evaluation may allocate in total, freed ones included."""
    output: int = 1_000_000
    """The characters that a template may print."""
    value_depth: int = 64
    """The nesting depth of a value that is compared, printed or returned."""


LIMITS: Final = Limits()


class Meter:
    """The remaining budget of one evaluation. Every operation is charged before it runs."""

    # class attributes: an evaluation that charges nothing does not initialise anything
    steps = LIMITS.steps
    memory = LIMITS.memory

    def work(self, steps: int) -> None:
        """Charge steps; raises `limit.steps`."""
        self.steps -= steps
        if self.steps < 0:
            raise too_much("steps", f"this takes more than {LIMITS.steps:,} steps of work")

    def hold(self, characters: int) -> None:
        """Charge allocated text, or other memory in units of four bytes; raises `limit.memory`."""
        self.memory -= characters
        if self.memory < 0:
            raise too_much("memory", f"this makes more than {LIMITS.memory:,} characters of text and lists")

    def hold_list(self, items: int) -> None:
        """Charge the allocation of a list with this number of items, and its work."""
        self.hold(2 * items + 16)
        self.work(items >> 6)


def too_much(limit: str, message: str) -> LanguageError:
    """The error of an evaluation that exceeds a limit."""
    return LanguageError(f"limit.{limit}", message, stage="run", hint="use a code step, or less data")
