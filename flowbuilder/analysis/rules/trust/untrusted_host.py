"""FB402: text that outsiders may have written decides which host a step talks to, or which page it writes.

An outsider who chooses the host can have a request, and the data in it, sent to a server of their own. List the hosts
that the workflow may reach under `hosts`: then a request to any other host is refused when it is made, whichever step
makes it (`page`, `api`, `cms`, `gsc`, `llm`, `mcp`). A host may come from the site: `hosts: ["{{ site.base_url }}"]`,
and a site may list more under its own `hosts`. A workflow that checks links anywhere says `hosts: [public]`: any host
outside of private networks. A URL whose host comes before the first untrusted part is allowed. An image of a model that
is the whole output of another step may be bytes as well: where it is a URL, and no hosts are listed, the step fails.

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
from flowbuilder.analysis.taint.report import taint_diagnostics
from flowbuilder.analysis.taint.sinks import TaintFlow, taint_flows
from flowbuilder.analysis.taint.url_hosts import host_is_fixed
from flowbuilder.diagnostics import Diagnostic

CODE = "FB402"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each such step; none where the workflow that is run declares `hosts`."""
    if not analysis.definition.hosts:
        yield from taint_diagnostics(analysis, CODE, _open, _message, _hint)


def _open(propagation: Propagation, waived: Collection[str]) -> Iterator[TaintFlow]:
    found = taint_flows(propagation, waived, sinks=("host", "image"))
    return (one for one in found if not (has_fixed_host(propagation, one) or _may_be_bytes(propagation, one)))


def has_fixed_host(propagation: Propagation, found: TaintFlow) -> bool:
    """Whether the untrusted text of a URL comes after its host."""
    return host_is_fixed(found.text.compiled, propagation.checked[found.text].names)


def _may_be_bytes(propagation: Propagation, found: TaintFlow) -> bool:
    """Whether the value may be the bytes of an image; one that is a URL after all is refused when the step runs."""
    return found.text.sink == "image" and propagation.checked[found.text].shape.is_unknown


def _message(found: TaintFlow, step: str) -> str:
    return f"untrusted text decides the host of {step} ({found.field}): {found.path}"


def _hint(found: TaintFlow) -> str:
    return "list the hosts that this workflow may reach (hosts: [example.com]), or write the host into the URL"
