"""The application as commands open it."""

from __future__ import annotations

from flowbuilder.app import App
from flowbuilder.bootstrap import open_app, open_store, settings
from flowbuilder.errors import Refused
from flowbuilder.ports import StartRequest


def reading_app() -> App:
    """An application for what needs no engine: everything but starting, and waking after a decision."""
    options = settings()
    return App(open_store(options), NoEngine(), options)


def acting_app() -> App:
    """The application with Prefect as its engine."""
    from flowbuilder.devstack.runtime_state import use_running_prefect

    options = settings()
    use_running_prefect(options.home)
    return open_app(options)


class NoEngine:
    """Stands where nothing is started: no import of Prefect for a list."""

    def start(self, wanted: StartRequest) -> str:
        """Not here."""
        raise Refused("this command starts nothing")

    def wake(self, execution_id: str) -> None:
        """The sweeper of a worker does it."""

    def cancel(self, execution_id: str) -> None:
        """The sweeper of a worker does it."""
