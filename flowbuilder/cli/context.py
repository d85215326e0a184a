"""Dependencies of the commands: the application, with or without Prefect, and the name of the user."""

from __future__ import annotations

import getpass
import socket

import click

from flowbuilder.app import App
from flowbuilder.bootstrap import open_app, open_store, settings
from flowbuilder.errors import Refused
from flowbuilder.model.reviewers import name_problem
from flowbuilder.ports import StartRequest
from flowbuilder.settings import Settings

user_option = click.option(
    "--as", "user", metavar="USER", help="Act as USER. Default: FLOWBUILDER_USER, else LOGIN@HOST."
)


def open_app_without_engine() -> App:
    """The application without Prefect, for commands that start no execution. Wake-ups are left to a worker."""
    options = settings()
    return App(open_store(options), NoEngine(), options)


def open_app_with_prefect() -> App:
    """The application with Prefect as its engine. It uses the server of `flowbuilder up` when none is configured."""
    from flowbuilder.devstack.runtime_state import use_running_prefect

    options = settings()
    use_running_prefect(options.home)
    return open_app(options)


def identity(user: str | None, settings: Settings) -> str:
    """The name recorded with decisions and events: `--as`, else FLOWBUILDER_USER, else the login name at this host.

    `Refused` for a name that no person can have: names are compared exactly.
    """
    named = user or settings.user
    if named:
        if problem := name_problem(named):
            raise Refused(f"the user's name {problem}: {named}")
        return named
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return "dev@localhost"


class NoEngine:
    """An engine that starts nothing, so that commands which only read or decide do not import Prefect."""

    def start(self, wanted: StartRequest) -> str:
        """Raises `Refused`: no command that uses this engine starts executions."""
        raise Refused("this command cannot start executions")

    def wake(self, execution_id: str) -> None:
        """Does nothing: a worker's reconciler wakes the execution."""

    def cancel(self, execution_id: str) -> None:
        """Does nothing: a worker's reconciler shows the cancellation in Prefect."""
