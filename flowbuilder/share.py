"""Where the files that come with the package are: beside it in a checkout, inside of it when it is installed."""

from __future__ import annotations

from pathlib import Path

from flowbuilder.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent


def share(name: str) -> Path:
    """The folder `migrations`, `review_app` or `deployments` (or a path below one)."""
    installed, checkout = _PACKAGE / "_share" / name, _PACKAGE.parent / name
    for place in (installed, checkout):
        if place.exists():
            return place
    raise ConfigurationError(f"{name} is missing from this installation of flowbuilder; install it again")
