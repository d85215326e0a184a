"""The hosts that the current step run may reach. Adapters ask here, whichever library they use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flowbuilder.ports.url import PUBLIC, Target, is_named, is_private_name, literal_address, parse, refused

_CURRENT: ContextVar[tuple[str, ...]] = ContextVar("allowed_hosts", default=())


@contextmanager
def allowed_hosts(hosts: tuple[str, ...]) -> Iterator[None]:
    """Bind the calls in this block to these hosts; none of them: every host that the installation allows."""
    token = _CURRENT.set(hosts)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_hosts() -> tuple[str, ...]:
    """The hosts of the current step run; empty where they are not limited."""
    return _CURRENT.get()


def ensure_host(url: str, hosts: tuple[str, ...] | None = None) -> Target:
    """The parsed URL; `StepError` (`egress`) unless its host is among `hosts`, by default those of the step run.

    The word `public` allows every name and address outside of private networks. What a name resolves to is not looked
    at here: the HTTP adapter does that when it connects.
    """
    target, bound = parse(url), current_hosts() if hosts is None else hosts
    if not bound or is_named(target.host, bound):
        return target
    if PUBLIC not in bound:
        raise refused(
            f"{target.host} is not among the hosts of this workflow: {', '.join(bound)}; "
            "add it to hosts in the workflow or in the site"
        )
    literal = literal_address(target.host)
    if is_private_name(target.host) if literal is None else not literal.is_global:
        raise refused(f"{target.host} is not a public host; add it to hosts in the workflow or in the site")
    return target
