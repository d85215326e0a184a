"""FB402: text that outsiders may have written decides which host a step talks to, or which page it writes.

Whoever can choose the host can send a request, and what is in it, to a place of their own. List the hosts that the
workflow may reach under `hosts`: then a request to any other is refused when it is made, and no complaint is left. A
host may come from the site: `hosts: ["{{ site.base_url }}"]`. A URL whose host stands before the first untrusted part
is fine.

Wrong:
    steps:
      - {id: rows, type: gsc, dimensions: [page]}
      - {id: page, type: page, url: "{{ steps.rows.output.rows[0].keys[0] }}"}
    outputs: {title: "{{ steps.page.output.title }}"}

Right:
    hosts: [example.com, "*.example.com"]
    steps:
      - {id: rows, type: gsc, dimensions: [page]}
      - {id: page, type: page, url: "{{ steps.rows.output.rows[0].keys[0] }}"}
    outputs: {title: "{{ steps.page.output.title }}"}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.report import complaints
from flowbuilder.analysis.taint.sinks import Reached, host_is_fixed, reached
from flowbuilder.diagnostics import Diagnostic

CODE = "FB402"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint for each step; none where `hosts` settles the matter: those of the workflow that is run count."""
    if not analysis.definition.hosts:
        yield from complaints(analysis, CODE, _open, _message, _hint)


def _open(shaping: Propagation, waived: Collection[str]) -> Iterator[Reached]:
    return (found for found in reached(shaping, waived, sinks=("host",)) if not host_is_fixed(found))


def _message(found: Reached, step: str) -> str:
    return f"untrusted text decides where the {found.field} of {step} leads: {found.way}"


def _hint(found: Reached) -> str:
    return "list the hosts that this workflow may reach: hosts: [example.com], or begin the URL with its host"
