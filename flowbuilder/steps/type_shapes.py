"""Python annotation -> `Shape`, without building a validator: the shapes of fields and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from flowbuilder.language import Shape, shape_of_schema

_PLAIN = {str: "text", int: "number", float: "number", bool: "boolean", NoneType: "null", None: "null"}


def shape_of(annotation: Any) -> Shape:
    """The shape of the values that an annotation allows; unknown for an annotation that is not supported here."""
    if annotation in _PLAIN:
        return Shape.of(_PLAIN[annotation])  # type: ignore[arg-type]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return shape_of_model(annotation)
    origin, inner = get_origin(annotation) or annotation, get_args(annotation)
    if origin is Annotated:
        return shape_of(inner[0])
    if origin in (Union, UnionType):
        return reduce(or_, map(shape_of, inner))
    if origin is Literal:
        return shape_of_schema({"enum": list(inner)})
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Shape.object_of({}, shape_of(inner[1]) if len(inner) == 2 else Shape.unknown())
    if isinstance(origin, type) and issubclass(origin, Sequence) and not issubclass(origin, str | bytes):
        return Shape.list_of(shape_of(inner[0])) if inner else Shape.of("list")
    return Shape.unknown()


def shape_of_model(model: type[BaseModel]) -> Shape:
    """The shape of a model's JSON: its fields by serialised name, and further members where the model allows them."""
    fields = {
        info.serialization_alias or info.alias or name: shape_of(info.annotation)
        for name, info in model.model_fields.items()
    }
    fields.update({name: Shape.unknown() for name in model.model_computed_fields})
    return Shape.object_of(fields, Shape.unknown() if model.model_config.get("extra") == "allow" else None)
