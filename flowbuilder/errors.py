"""The exceptions of flowbuilder.

    FlowbuilderError
    +-- DefinitionError        a definition has errors; carries the Report
    +-- LanguageError          a template or an expression cannot be compiled, or fails while it runs
    +-- StepError              a step failed, and a retry would not help
    |   +-- TransientError     a step failed for a temporary reason; the only error that is retried
    |       +-- Throttled      a call has to wait for the rate limit of a connection; not a failure
    +-- ConfigurationError     settings, a site or a connection are missing or wrong
    +-- NotFound               no such workflow, execution, review or site
    +-- Conflict               the record changed since it was read
    |   +-- LostLease          another worker holds the execution now
    +-- Refused                the request is not allowed in this state; the message says why
    |   +-- BeingCancelled     the execution is being cancelled, and no further effect may begin
    +-- Damaged                a row of the database is unreadable or was altered
    +-- Unavailable            the database or the Prefect server cannot be reached

Errors in a document do not raise while it is checked: they are `Diagnostic`s in a `Report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from flowbuilder.diagnostics import Report
    from flowbuilder.values import Json, JsonObject

Stage = Literal["compile", "run"]
Transience = Literal["timeout", "rate_limit", "server_error", "connection"]


class FlowbuilderError(Exception):
    """The base class of all exceptions that flowbuilder raises."""

    usage: JsonObject | None = None
    """What a failed step run cost, as in `Completed.usage`; None where nothing is known."""

    @property
    def message(self) -> str:
        """The message: one sentence for the user."""
        return str(self)


class DefinitionError(FlowbuilderError):
    """A definition has errors."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.summary())
        self.report = report


class LanguageError(FlowbuilderError):
    """A template or an expression cannot be compiled (`stage="compile"`) or fails (`stage="run"`).

    `code` is a stable name, either a diagnostic code such as `FB201` or one of the run-time names such as
    `undefined`, `type`, `limit.memory`. `start` and `end` are character offsets inside the source, where known.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        stage: Stage,
        hint: str = "",
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.stage: Stage = stage
        self.hint = hint
        self.start = start
        self.end = end


class StepError(FlowbuilderError):
    """A step failed, and a retry would not help. `code` is a stable short name, `detail` is plain JSON.

    `definitive`: the target certainly did nothing, because it rejected the request or the request was never sent.
    """

    def __init__(
        self, message: str, *, code: str = "step_failed", detail: Json = None, definitive: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail
        self.definitive = definitive


class TransientError(StepError):
    """A step failed for a temporary reason (`reason`); `retry_after` is in seconds, where the server gave it."""

    def __init__(
        self, message: str, *, reason: Transience, retry_after: float | None = None, detail: Json = None
    ) -> None:
        super().__init__(message, code=reason, detail=detail, definitive=reason == "rate_limit")
        self.reason: Transience = reason
        self.retry_after = retry_after


class Throttled(TransientError):
    """A call has to wait: the server rejected it (`refused`), or our own limits do. No attempt of the step is used up.

    `retry_after` is in seconds. `connection` names the connection with the limits. `reservation` is the reserved call
    at that time, as plain JSON; None without one.
    """

    retry_after: float

    def __init__(
        self,
        message: str,
        *,
        retry_after: float,
        connection: str = "",
        refused: bool = False,
        reason: Transience = "rate_limit",
        reservation: JsonObject | None = None,
    ) -> None:
        super().__init__(message, reason=reason, retry_after=retry_after)
        self.connection = connection
        self.refused = refused
        self.reservation = reservation
        self.definitive = reason == "rate_limit" or not refused


class ConfigurationError(FlowbuilderError):
    """Settings, a site or a connection are missing or wrong; the message names the remedy."""


class NotFound(FlowbuilderError):
    """No such workflow, execution, review or site."""


class Conflict(FlowbuilderError):
    """The record changed since it was read."""


class LostLease(Conflict):
    """Another worker holds the lease of the execution; this worker must stop without writing."""


class Refused(FlowbuilderError):
    """The request is not allowed in this state."""


class BeingCancelled(Refused):
    """The execution is being cancelled: no further effect may begin."""


class Damaged(FlowbuilderError):
    """A row is unreadable or was altered; the message names it."""


class Unavailable(FlowbuilderError):
    """The database or the Prefect server cannot be reached."""
