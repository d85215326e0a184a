"""Who gives an order at this terminal."""

from __future__ import annotations

import getpass
import socket

import click

from flowbuilder.settings import Settings

as_option = click.option("--as", "who", metavar="WHO", help="In whose name; default: FLOWBUILDER_USER, else you@host.")


def identity(who: str | None, settings: Settings) -> str:
    """The name that decisions and events carry: given, set, or the login name at this host."""
    if who:
        return who
    if settings.user:
        return settings.user
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return "dev@localhost"
