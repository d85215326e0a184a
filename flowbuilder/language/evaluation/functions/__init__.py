"""The functions of the language, which are also its filters: one small group a file."""

from flowbuilder.language.evaluation.functions import (
    dates,
    lists,
    markup,
    numbers,
    objects,
    predicates,
    selections,
    strings,
)
from flowbuilder.language.evaluation.functions.registry import FUNCTIONS, Function, check_arguments

__all__ = [
    "FUNCTIONS",
    "Function",
    "check_arguments",
    "dates",
    "lists",
    "markup",
    "numbers",
    "objects",
    "predicates",
    "selections",
    "strings",
]
