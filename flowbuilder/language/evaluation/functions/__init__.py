"""The functions of the language, which are also its filters: importing this package registers all of them."""

from flowbuilder.language.evaluation.functions import (
    dates,
    lists_and_objects,
    numbers,
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
    "lists_and_objects",
    "numbers",
    "predicates",
    "selections",
    "strings",
]
