"""The public classes `Template` and `Expression`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self, TypeVar

from flowbuilder.errors import LanguageError
from flowbuilder.language.codegen.program import EXPRESSIONS, FIELD_EXPRESSIONS, TEMPLATES, Program, ProgramCache
from flowbuilder.language.parsing.references import Reference
from flowbuilder.language.types.checker import Namespace, check_program
from flowbuilder.language.types.findings import Finding
from flowbuilder.language.types.shapes import Shape
from flowbuilder.language.version import current, language
from flowbuilder.values import Json

_Made = TypeVar("_Made", bound="_Text")


class _Text:
    """A compiled, immutable text. Equal texts of one version of the language share one compiled program."""

    _cache: ProgramCache
    source: str
    _program: Program

    def __init__(self, source: str) -> None:
        use = current()
        program = self._cache.get(source, use.version)
        use.needed = max(use.needed, program.needs)
        self.__dict__.update(source=source, _program=program)

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every name that the text reads from its context, in the order of the text."""
        return self._program.references

    def check(self, namespace: Namespace) -> tuple[Shape, tuple[Finding, ...]]:
        """The shape of the result where these names are in scope, and the findings of the type checker."""
        return check_program(self._program, namespace)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} cannot be changed")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._meaning() == other._meaning()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.source))

    def _meaning(self) -> tuple[str, int]:
        return self.source, self._program.version

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"

    def __reduce__(self) -> tuple[Callable[[type[Self], str, int], Self], tuple[type[Self], str, int]]:
        return _remade, (type(self), *self._meaning())


def _remade(form: type[_Made], source: str, version: int) -> _Made:
    with language(version):
        return form(source)


class Template(_Text):
    """A text with `{{ ... }}` and `{% ... %}`. Raises `LanguageError(stage="compile")`."""

    _cache = TEMPLATES

    @property
    def is_expression(self) -> bool:
        """Whether the text is exactly one `{{ expression }}`, whose value keeps its type."""
        return self._program.expression is not None

    def render(self, context: Mapping[str, Json]) -> Json:
        """The rendered text. The values of `context` must be JSON; raises `LanguageError(stage="run")`."""
        evaluate = self._program.evaluate
        self.__dict__["render"] = evaluate  # later calls skip this method
        result: Json = evaluate(context)
        return result

    def render_url(self, context: Mapping[str, Json]) -> Json:
        """The rendered text of a URL: values behind the host are percent-encoded, each as one segment.

        A text that is exactly one `{{ expression }}` gives its value as it is. Raises `LanguageError(stage="run")`,
        also where a value makes a segment `.` or `..`.
        """
        if self.is_expression:
            return self.render(context)
        from flowbuilder.language.url_template import dot_segment

        url: Json = self._program.for_url.evaluate(context)
        dots = dot_segment(url) if isinstance(url, str) else None
        if dots is not None and dot_segment(self.source) is None:
            raise LanguageError("bad_url", f"a value makes {dots!r} a part of the path of this URL", stage="run")
        return url


class Expression(_Text):
    """A bare expression, as in `when`. Raises `LanguageError(stage="compile")`."""

    _cache = EXPRESSIONS

    def evaluate(self, context: Mapping[str, Json]) -> Json:
        """The value. The values of `context` must be JSON; raises `LanguageError(stage="run")`."""
        evaluate = self._program.evaluate
        self.__dict__["evaluate"] = evaluate  # later calls skip this method
        result: Json = evaluate(context)
        return result


class FieldExpression(Expression):
    """The expression of a field: bare, or `{{ expression }}` and nothing else, which means the same."""

    _cache = FIELD_EXPRESSIONS


def is_template(text: str) -> bool:
    """Whether a text contains template syntax: `{{`, `{%` or `{#`."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)
