"""The tokens of a template, with character offsets in place of line numbers."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError

from flowbuilder.language.limits import LIMITS
from flowbuilder.language.names import fault

ENVIRONMENT = Environment(optimized=False, keep_trailing_newline=True, autoescape=False)  # noqa: S701
_OPEN = {"(": ")", "[": "]", "{": "}"}
_LINE_BREAK = re.compile(r"\r\n?")


class Tokens:
    """The tokens of one text and where they end.

    jinja2 copies the line number of a token into its nodes. Here that number is the token's offset, so that nodes have
    exact places. `ends` maps the offset of a token to its end, `closing` that of an opening bracket to
    the end of the bracket that closes it, `after` that of a token to the offset of the next one.

    jinja2 reads every line break as a line feed. The offsets are those of the text as it was written.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.ends: dict[int, int] = {}
        self.closing: dict[int, int] = {}
        self.after: dict[int, int] = {}
        self.kinds: list[str] = []
        self._text = _LINE_BREAK.sub("\n", source)
        """The text in which each line break is a line feed."""
        pairs = (at for at in range(len(source) - 1) if source.startswith("\r\n", at)) if "\r" in source else ()
        self._shortened = [at - before for before, at in enumerate(pairs)]
        """The offsets in `_text` of the line breaks that were two characters."""
        self.raw = list(self._read())

    def _read(self) -> Iterator[tuple[int, str, str]]:
        position, last, at = 0, -1, 0
        open_brackets: list[int] = []
        tokens = ENVIRONMENT.lexer.tokeniter(self._text, None)
        while True:
            try:
                _, kind, value = next(tokens)
            except StopIteration:
                return
            except TemplateSyntaxError as error:
                # the lexer reports a line; the offset reached so far is more exact
                raise TemplateSyntaxError(error.message or "", position) from None
            if len(self.kinds) >= LIMITS.template_tokens:
                message = f"the template has more than {LIMITS.template_tokens} parts"
                raise fault("FB204", message, position, position + 1, "split it into steps, or do this in a code step")
            # white space removed by `-` is skipped: nothing else is ever between two tokens
            begin = self._text.index(value, at)
            at = begin + len(value)
            start, position = self._written(begin), self._written(at)
            yield start, kind, value
            if kind == "whitespace":
                continue
            self.kinds.append(kind)
            self.ends[start] = position
            self.after[last] = start
            last = start
            if kind == "operator" and value in _OPEN:
                open_brackets.append(start)
                if len(open_brackets) > LIMITS.brackets:
                    message = f"brackets are nested deeper than {LIMITS.brackets}"
                    raise fault("FB204", message, start, position, "set parts of it with {% set %}")
            elif kind == "operator" and value in _OPEN.values() and open_brackets:
                self.closing[open_brackets.pop()] = position

    def _written(self, at: int) -> int:
        """The offset in the written text of an offset in `_text`."""
        return at + bisect_left(self._shortened, at) if self._shortened else at

    @property
    def one_expression(self) -> bool:
        """Whether the text is exactly one `{{ expression }}`, without white space around it."""
        kinds = self.kinds
        return (
            len(kinds) > 2
            and kinds[0] == "variable_begin"
            and kinds.count("variable_end") == 1
            and kinds[-1] == "variable_end"
            and not self.source[-1:].isspace()
        )

    def end_of_group(self, start: int) -> int:
        """The end of the bracket that opens at `start`, or of another token there."""
        return self.closing.get(start, self.ends.get(start, start + 1))
