"""Calls of tools within a conversation of a model: each answer is recorded, and a call that may write is made once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count

from flowbuilder.errors import StepError, TransientError
from flowbuilder.steps.step import StepRun
from flowbuilder.steps.write_once import repeat_question
from flowbuilder.values import Json, JsonObject, canonical

ANSWERED = frozenset(("mcp_tool", "mcp_refused"))
"""Codes of failures that a tool itself reports: its model may try something else."""

MAX_ARGUMENTS = 16_000
"""Maximum number of characters of the arguments that are recorded beside a tool's answer."""


class InDoubt(StepError):
    """A call that may write was begun, and its answer is not known: it may have been made. `request` is the call."""

    def __init__(self, target: str, request: JsonObject, why: str = "no answer came back") -> None:
        message = (
            f"{target} was called, and it is not known what the call has done: {why}. It was not called again. "
            "A tool that writes nothing may be marked with reads_only: true"
        )
        super().__init__(message, code="effect_unknown")
        self.target, self.request = target, request


async def call_once(run: StepRun, request: JsonObject, call: Callable[[], Awaitable[Json]], *, target: str) -> Json:
    """What the tool answered, from the journal in a repeated run.

    The call is noted before it is made. Where it is noted and there is no answer, `InDoubt` is raised, unless a
    reviewer has approved exactly one further call. A call that certainly was not made (`definitive`) is made again. A
    failure that the tool reports is its answer, and raised again in a repeated run.
    """
    journal = run.ports.journal
    if journal is None:
        return await call()
    from uuid import uuid4  # here: validating a document calls no tool

    shown, decision = repeat_question(target, request, run.ports.secrets).content_hash(), run.decision
    is_approved = decision is not None and decision.kind == "approved" and decision.shown_hash == shown
    for attempt in count(1):
        this: JsonObject = {**request, "attempt": attempt} if attempt > 1 else request
        mine = uuid4().hex
        noted = await journal.get_or_ask({**this, "begun": True}, _note(mine, run.asked, request))
        problem: StepError | None = None

        async def make(noted: JsonObject = noted, mine: str = mine) -> JsonObject:
            nonlocal problem
            if noted["by"] != mine:
                if not is_approved or run.asked <= int(noted["asked"]):
                    raise InDoubt(target, request)
                return {"in_doubt": True}
            try:
                return {"text": await call()}
            except StepError as error:
                if error.definitive:
                    problem = error
                    return {"not_made": str(error)}
                if error.code in ANSWERED:
                    return {"failed": str(error), "code": error.code}
                if isinstance(error, TransientError):
                    raise
                raise InDoubt(target, request, str(error)) from None

        answer = await journal.get_or_ask(this, _with_call(make, request))
        if problem is not None:
            raise problem
        if "failed" in answer:
            raise StepError(str(answer["failed"]), code=str(answer["code"]))
        if "text" in answer:
            return answer["text"]  # type: ignore[no-any-return]
    raise AssertionError


def shown_call(request: JsonObject) -> JsonObject:
    """The call as it is recorded for people: without long arguments, which the model's answer or the step has. A
    resource or a prompt takes the place of the tool."""
    arguments = request.get("arguments", {})
    tool = request.get("tool") or next(f"{kind} {request[kind]}" for kind in ("resource", "prompt") if kind in request)
    short = len(canonical(arguments)) <= MAX_ARGUMENTS
    return {"server": request["server"], "tool": tool, "arguments": arguments if short else None}


def _with_call(make: Callable[[], Awaitable[JsonObject]], request: JsonObject) -> Callable[[], Awaitable[JsonObject]]:
    async def made() -> JsonObject:
        return {**await make(), "call": shown_call(request)}

    return made


def _note(by: str, asked: int, request: JsonObject) -> Callable[[], Awaitable[JsonObject]]:
    async def note() -> JsonObject:
        return {"by": by, "asked": asked, "call": shown_call(request)}

    return note
