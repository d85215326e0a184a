"""A definition as the rules read it: every step with its place, its scope and what its texts refer to."""

from __future__ import annotations

from collections.abc import Callable

from flowbuilder.definition import Definition

Workflows = Callable[[str, int | None], Definition]
"""Finds another workflow's definition, by name and version (None: the published one); raises `NotFound`."""


class Reading:
    """One pass over a definition, shared by all rules."""

    def __init__(self, definition: Definition, workflows: Workflows | None = None) -> None:
        self.definition = definition
        self.workflows = workflows
