"""Templates and expressions: two syntaxes, one language that reads JSON and always ends."""

from flowbuilder.language.findings import Finding
from flowbuilder.language.namespace import Namespace
from flowbuilder.language.program import LANGUAGE_VERSION
from flowbuilder.language.references import Reference
from flowbuilder.language.shapes import Shape
from flowbuilder.language.taint import Taint
from flowbuilder.language.texts import Expression, Template, is_template

__all__ = [
    "LANGUAGE_VERSION",
    "Expression",
    "Finding",
    "Namespace",
    "Reference",
    "Shape",
    "Taint",
    "Template",
    "is_template",
]
