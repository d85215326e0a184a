"""FB019: the query of an `sql` step cannot be run as it is written.

A query is one statement. Each `:name` in it has a value under `parameters`, and each parameter is in the query. Without
an `effect` it only reads: it begins with SELECT, WITH, VALUES, TABLE, SHOW, EXPLAIN or PRAGMA, and calls no function
that has effects outside of its transaction.

Wrong:
    steps:
      - {id: clear, type: sql, connection: crm, query: DELETE FROM draft WHERE page = 7}

Right:
    steps:
      - {id: clear, type: sql, connection: crm, query: DELETE FROM draft WHERE page = 7, effect: {}}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.rules.structure.query_template import holds_template
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.sql import Sql

CODE = "FB019"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each problem of a query, and for each parameter that it does not have."""
    if analysis.incomplete:
        return  # a field that cannot be read has its own diagnostic, and no parameters
    for located in analysis.steps:
        step = located.step
        if not isinstance(step, Sql) or not isinstance(step.query, str) or holds_template(step.query):
            continue
        for message, hint, offset in step.statement.problems(writes=step.has_effect(), given=step.given):
            line = step.query.count("\n", 0, offset) + 1
            where = f" (line {line} of the query)" if "\n" in step.query.strip() else ""
            yield analysis.diagnostic_at((*located.place, "query"), CODE, f"{message}{where}", hint=hint)
        if step.given is None or step.statement.fault:
            continue
        for name in step.statement.unused(step.given):
            message = f"the query has no :{name}, and parameters has {name}"
            hint = f"write :{name} in the query, or leave the parameter out"
            yield analysis.diagnostic_at((*located.place, "parameters", name), CODE, message, hint=hint)
