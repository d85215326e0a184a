"""Templates and expressions: two syntaxes of one language over JSON, with bounded evaluation."""

from flowbuilder.language.api import Expression, FieldExpression, Template, is_template
from flowbuilder.language.parsing.references import Reference
from flowbuilder.language.types.checker import Namespace
from flowbuilder.language.types.findings import Finding
from flowbuilder.language.types.schema_shapes import shape_of_schema
from flowbuilder.language.types.shapes import Shape
from flowbuilder.language.types.taint import Taint
from flowbuilder.language.version import LANGUAGE_VERSION, language

__all__ = [
    "LANGUAGE_VERSION",
    "Expression",
    "FieldExpression",
    "Finding",
    "Namespace",
    "Reference",
    "Shape",
    "Taint",
    "Template",
    "is_template",
    "language",
    "shape_of_schema",
]
