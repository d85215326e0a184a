"""The `Link` header (RFC 8288): the links of an answer, with their relations."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TARGET = re.compile(r"[\s,]*+<([^>]*+)>")
_PARAMETER = re.compile(
    r"""[ \t]*+;[ \t]*+(?:([!#$%&'*+.^_`|~0-9A-Za-z-]++)[ \t]*+(?:=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;,"]*+)))?+)?+"""
)
_END = re.compile(r"[\s,]*+$")
_ESCAPE = re.compile(r"\\(.)")


class Malformed(ValueError):
    """The header is no list of links."""


def targets(header: str, relation: str) -> Iterator[str]:
    """The targets of the links of this relation, as written. Relations and names of parameters are of any case.

    Only the first `rel` of a link counts; a link with an `anchor` is about another document. Raises `Malformed` where
    the header, or the rest of it, cannot be read.
    """
    position = 0
    while not _END.match(header, position):
        found = _TARGET.match(header, position)
        if found is None:
            raise Malformed(header)
        target, position = found[1].strip(), found.end()
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(header, position)) is not None:
            position = parameter.end()
            value = _ESCAPE.sub(r"\1", parameter[2]) if parameter[2] is not None else (parameter[3] or "")
            parameters.setdefault((parameter[1] or "").lower(), value)
        if header[position:].lstrip()[:1] not in ("", ","):
            raise Malformed(header)
        # some servers write single quotes, which are part of the value by the RFC
        relations = parameters.get("rel", "").strip("'").lower().split()
        if relation in relations and "anchor" not in parameters:
            yield target
