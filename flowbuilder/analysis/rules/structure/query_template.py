"""FB018: a template in the query of an `sql` step.

The text of a query is never rendered: a value inside it could change what the statement does. Write `:name` where a
value belongs, without quotes, and the value under `parameters`; the driver sends it apart from the text.

Wrong:
    inputs: {author: {type: string}}
    steps:
      - {id: posts, type: sql, connection: crm, query: "SELECT title FROM post WHERE author = '{{ inputs.author }}'"}
    outputs: {posts: "{{ steps.posts.output.rows }}"}

Right:
    inputs: {author: {type: string}}
    steps:
      - id: posts
        type: sql
        connection: crm
        query: SELECT title FROM post WHERE author = :author
        parameters: {author: "{{ inputs.author }}"}
    outputs: {posts: "{{ steps.posts.output.rows }}"}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.errors import LanguageError
from flowbuilder.language import Template
from flowbuilder.steps.builtin.sql import Sql

CODE = "FB018"
_SCOPE = re.compile(r"\{\{-?\s*(?:inputs|steps|item|loop|site|execution|feedback)\b")
_STATEMENT = re.compile(r"\{%-?\s*(?:if|elif|else|endif|for|endfor|set|raw|filter|block|macro|include|import)\b")
MAX_TRIED = 50
"""How many of them are tried: compiling one takes a while."""
_VALUE = re.compile(r"\{\{[^{}]{1,1000}\}\}")
"""What may be a template; it may also be a literal of PostgreSQL for an array of arrays: `'{{1,2},{3,4}}'`."""


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each such query."""
    for located in analysis.steps:
        step = located.step
        if isinstance(step, Sql) and isinstance(step.query, str) and holds_template(step.query):
            yield analysis.diagnostic_at(
                (*located.place, "query"),
                CODE,
                "the query holds a template, and the text of a query is never rendered",
                hint="write :name in its place, without quotes, and name: VALUE under parameters",
            )


def holds_template(query: str) -> bool:
    """Whether the text of a query holds what an author means as a template."""
    if _SCOPE.search(query) or _STATEMENT.search(query):
        return True
    return any(_reads_a_name(found[0]) for found in islice(_VALUE.finditer(query), MAX_TRIED))


def _reads_a_name(text: str) -> bool:
    try:
        return bool(Template(text).references)
    except LanguageError:
        return False
