"""Crash points: all that a process does to the world outside goes through one box, which can die at any of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

When = Literal["before", "after"]
Point = tuple[int, When]
"""Which operation, counted from 1, and on which side of it."""


class Crash(BaseException):
    """The process is gone. No `except Exception` may see it."""


class CrashInjector:
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


class Survey(CrashInjector):
    """Lives on, and looks at every point at what would survive a crash there.

    Two points between which nothing of it has changed are one: whoever goes on finds the same world. `distinct` are the
    first of each such row; `every` are all, each with the one that it is the same as.
    """

    def __init__(self, world: Callable[[], object]) -> None:
        super().__init__()
        self._world, self._seen = world, object()
        self.distinct: list[Point] = []
        self.every: list[tuple[Point, Point]] = []

    def before(self, operation: str) -> bool:
        counted = super().before(operation)
        self._look((len(self.operations), "before"))
        return counted

    def after(self, operation: str, number: int) -> None:
        super().after(operation, number)
        self._look((number, "after"))

    def _look(self, point: Point) -> None:
        world = self._world()
        if world != self._seen:
            self._seen = world
            self.distinct.append(point)
        self.every.append((point, self.distinct[-1]))


class CrashProxy:
    """Stands for an object: every call of a public method is an operation of the box."""

    def __init__(self, inner: Any, injector: CrashInjector, name: str) -> None:
        self._inner, self._injector, self._name = inner, injector, name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name.startswith("_") or not callable(found):
            return found
        operation = f"{self._name}.{name}"
        if inspect.iscoroutinefunction(found):
            return self._awaited(operation, found)

        def call(*given: Any, **named: Any) -> Any:
            counted = self._injector.before(operation)
            number = len(self._injector.operations)
            try:
                return found(*given, **named)
            finally:  # also where it raises: that the other side refuses is an answer too
                if counted:
                    self._injector.after(operation, number)

        return call

    def _awaited(self, operation: str, found: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*given: Any, **named: Any) -> Any:
            counted = self._injector.before(operation)
            number = len(self._injector.operations)
            try:
                return await found(*given, **named)
            finally:
                if counted:
                    self._injector.after(operation, number)

        return call
