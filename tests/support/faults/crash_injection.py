"""Crash points: every call of a process to the store, the targets and Prefect is an operation that can crash it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

When = Literal["before", "after"]
Point = tuple[int, When]
"""The number of an operation, counted from 1, and on which side of it the process crashes."""


class Crash(BaseException):
    """The simulated death of a process: a `BaseException`, so that no `except Exception` catches it."""


class CrashInjector:
    """Counts the operations of one process, and crashes it before or after operation `point`."""

    def __init__(
        self, point: int | None = None, when: When = "before", *, counts: Callable[[str], bool] = lambda _: True
    ):
        self.point, self.when, self.counts = point, when, counts
        self.operations: list[str] = []
        self.dead = False

    def before(self, operation: str) -> bool:
        """Whether this operation is counted; raises `Crash` if the process ends before it."""
        if self.dead:
            raise Crash(operation)  # code that caught the first `Crash` gets no further
        if not self.counts(operation):
            return False
        self.operations.append(operation)
        if (len(self.operations), self.when) == (self.point, "before"):
            self.crash(operation)
        return True

    def after(self, operation: str, number: int) -> None:
        """To be called when the operation is done; raises `Crash` if the process ends before it sees the result."""
        if self.dead:
            raise Crash(operation)
        if (number, self.when) == (self.point, "after"):
            self.crash(operation)

    def crash(self, operation: str) -> None:
        self.dead = True
        raise Crash(f"{self.when} {operation}")


class Survey(CrashInjector):
    """Crashes nothing, and compares at every point the state that would survive a crash there.

    Points with equal surviving state are equivalent: the next process cannot tell them apart. `distinct` has the first
    point of each run of equivalent ones; `every` has all points, each with the distinct one that it is equivalent to.
    """

    def __init__(self, surviving_state: Callable[[], object]) -> None:
        super().__init__()
        self._surviving_state, self._last_state = surviving_state, object()
        self.distinct: list[Point] = []
        self.every: list[tuple[Point, Point]] = []

    def before(self, operation: str) -> bool:
        is_counted = super().before(operation)
        self._compare((len(self.operations), "before"))
        return is_counted

    def after(self, operation: str, number: int) -> None:
        super().after(operation, number)
        self._compare((number, "after"))

    def _compare(self, point: Point) -> None:
        surviving_state = self._surviving_state()
        if surviving_state != self._last_state:
            self._last_state = surviving_state
            self.distinct.append(point)
        self.every.append((point, self.distinct[-1]))


class CrashProxy:
    """A proxy of an object: every call of a public method is an operation of the injector."""

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
            is_counted = self._injector.before(operation)
            number = len(self._injector.operations)
            try:
                return found(*given, **named)
            finally:  # also where it raises: a rejection is a result too
                if is_counted:
                    self._injector.after(operation, number)

        return call

    def _awaited(self, operation: str, found: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*given: Any, **named: Any) -> Any:
            is_counted = self._injector.before(operation)
            number = len(self._injector.operations)
            try:
                return await found(*given, **named)
            finally:
                if is_counted:
                    self._injector.after(operation, number)

        return call
