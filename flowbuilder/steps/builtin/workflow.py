"""`workflow`: call another stored workflow; it is compiled inline."""

from typing import Any, ClassVar

from pydantic import Field

from flowbuilder.steps.step import Kind, Step, Templated


class Workflow(Step):
    """Run another workflow as part of this one. The output is that workflow's `outputs`.

    Without `version`, the version that is published when this workflow is compiled is used; an execution keeps it.
    """

    kind: ClassVar[Kind] = "call"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    version: int | None = Field(default=None, ge=1)
    inputs: dict[str, Templated[Any]] = Field(default_factory=dict, alias="with")
