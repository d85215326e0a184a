"""Crash points: all that a process does to the world outside goes through one box, which can die at any of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

When = Literal["before", "after"]


class Crash(BaseException):
    """The process is gone. No `except Exception` may see it."""


class Box:
    """Counts the operations of one life of a process, and ends it before or after the one with number `point`."""

    def __init__(
        self, point: int | None = None, when: When = "before", *, counts: Callable[[str], bool] = lambda _: True
    ):
        self.point, self.when, self.counts = point, when, counts
        self.operations: list[str] = []
        self.dead = False

    def before(self, operation: str) -> bool:
        """Whether this operation is a point; raises `Crash` when the life ends here."""
        if self.dead:
            raise Crash(operation)  # whoever swallowed the first one gets no further
        if not self.counts(operation):
            return False
        self.operations.append(operation)
        if (len(self.operations), self.when) == (self.point, "before"):
            self.die(operation)
        return True

    def after(self, operation: str, number: int) -> None:
        """The operation has been done; raises `Crash` when the caller is not to learn of it."""
        if self.dead:
            raise Crash(operation)
        if (number, self.when) == (self.point, "after"):
            self.die(operation)

    def die(self, operation: str) -> None:
        self.dead = True
        raise Crash(f"{self.when} {operation}")


class Boxed:
    """Stands for an object: every call of a public method is an operation of the box."""

    def __init__(self, inner: Any, box: Box, name: str) -> None:
        self._inner, self._box, self._name = inner, box, name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name.startswith("_") or not callable(found):
            return found
        operation = f"{self._name}.{name}"
        if inspect.iscoroutinefunction(found):
            return self._awaited(operation, found)

        def call(*given: Any, **named: Any) -> Any:
            counted = self._box.before(operation)
            number = len(self._box.operations)
            try:
                return found(*given, **named)
            finally:  # also where it raises: that the other side refuses is an answer too
                if counted:
                    self._box.after(operation, number)

        return call

    def _awaited(self, operation: str, found: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*given: Any, **named: Any) -> Any:
            counted = self._box.before(operation)
            number = len(self._box.operations)
            try:
                return await found(*given, **named)
            finally:
                if counted:
                    self._box.after(operation, number)

        return call
