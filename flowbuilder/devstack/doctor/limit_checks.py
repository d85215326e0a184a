"""Whether the limits of the connections in `connections.yaml` can be obeyed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowbuilder.errors import ConfigurationError
from flowbuilder.settings import Settings


def limit_problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """The connections whose limits are wrong, by name, and what is wrong with them. Secrets are not looked at."""
    from flowbuilder.adapters.connections import FileConnections
    from flowbuilder.throttling.limits import limits_of

    connections = FileConnections(settings.home)
    for name, entry in connections.entries().items():
        try:
            if isinstance(entry, Mapping):
                limits_of(name, entry)
        except ConfigurationError as problem:
            yield name, problem.message
