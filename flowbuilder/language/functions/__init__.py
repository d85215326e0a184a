"""The functions of the language, which are also its filters: one small group a file."""

from flowbuilder.language.functions import dates, lists, markup, numbers, objects, questions, selections, texts
from flowbuilder.language.functions.registry import FUNCTIONS, Function, check_arguments

__all__ = [
    "FUNCTIONS",
    "Function",
    "check_arguments",
    "dates",
    "lists",
    "markup",
    "numbers",
    "objects",
    "questions",
    "selections",
    "texts",
]
