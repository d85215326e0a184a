"""Which names are in scope at one place, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowbuilder.language.types.shapes import Shape


class Namespace(Mapping[str, Shape]):
    """The shapes of the names in scope. It never changes: `child` gives another one."""

    __slots__ = ("shapes",)

    def __init__(self, shapes: Mapping[str, Shape] | None = None) -> None:
        self.shapes = dict(shapes or {})

    def child(self, name: str, shape: Shape) -> Namespace:
        """These names and one more, which hides another of the same name."""
        return Namespace({**self.shapes, name: shape})

    def __getitem__(self, name: str) -> Shape:
        return self.shapes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def __repr__(self) -> str:
        return f"Namespace({', '.join(f'{name}: {shape}' for name, shape in self.shapes.items())})"
