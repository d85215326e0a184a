"""`iteration`: run a list of steps once for each item."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from flowbuilder.steps.step import ExpressionText, InnerBlock, Kind, Step, Templated
from flowbuilder.values import Place


def _share(value: Any) -> Any:
    if isinstance(value, str):
        if not value.endswith("%"):
            raise ValueError("a number of items such as 3, or a share such as 30%")
        return float(value[:-1]) / 100
    return value


_WRITTEN = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$"}]}
MaxFailed = Annotated[int | float, BeforeValidator(_share), Field(ge=0), WithJsonSchema(_WRITTEN)]


class Iteration(Step):
    """Run `steps` for each item of `over`, several at a time.

    Inside, the item has the name that `as` gives and `loop` has `index` (from 0), `number` (from 1), `first`, `last`,
    `length`. The output is `{items: [{index, key, status, output, error}], outputs: [...]}` in input order;
    `outputs` holds those of the completed items.
    """

    kind: ClassVar[Kind] = "loop"

    over: ExpressionText
    item_name: str = Field(default="item", alias="as", pattern=r"^[a-z][a-z0-9_]*$")
    key: ExpressionText | None = None
    steps: tuple[Step, ...] = Field(min_length=1)
    output: Templated[Any] = None
    max_concurrency: int = Field(default=4, ge=1, le=256)
    on_item_error: Literal["fail", "continue", "drop"] = "fail"
    max_failed: MaxFailed | None = None

    def inner_blocks(self) -> tuple[InnerBlock, ...]:
        """The body."""
        return (InnerBlock(place=(), steps=self.steps, item_name=self.item_name, output=self.output),)

    def scope_of(self, place: Place) -> int | None:
        """`key` and `output` read the item, and `output` the steps of the body."""
        return 0 if place[0] in ("key", "output") else None

    def decides(self, place: Place, block: int) -> bool:
        """The body runs once for each item of `over`."""
        return place == ("over",) or super().decides(place, block)
