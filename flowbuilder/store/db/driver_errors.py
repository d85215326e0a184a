"""What an error of the driver means: try again, the database is away, or a mistake of ours."""

from __future__ import annotations

from typing import Literal

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

Trouble = Literal["again", "away", "full", "foreign", "ours"]
"""`again`: the transaction lost a race. `away`: no connection. `full`: the disk took no more.
`foreign`: the file is no database. `ours`: none of these."""

_AGAIN = ("40001", "40P01", "55P03")
_AWAY = ("08", "57P", "53300")
_FULL = ("53100", "53200", "58030")


def classify_driver_error(error: DBAPIError) -> Trouble:
    """The kind of an error."""
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        if state in _AGAIN:
            return "again"
        if state in _FULL:
            return "full"
        return "away" if state.startswith(_AWAY) or error.connection_invalidated else "ours"
    said = str(error.orig).lower()
    if "locked" in said or "busy" in said:
        return "again"
    if "disk is full" in said or "disk i/o error" in said or "readonly" in said:
        return "full"
    if "not a database" in said:
        return "foreign"
    if error.connection_invalidated or "unable to open database" in said:
        return "away"
    lost = isinstance(error, OperationalError | InterfaceError) and hasattr(error.orig, "pgconn")
    return "away" if lost else "ours"
