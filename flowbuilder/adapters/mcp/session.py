"""A session with an MCP server: answers are validated and limited in size, errors are flowbuilder's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import replace
from typing import Any, TypeVar

import httpx2
import mcp_types
from mcp import Client

from flowbuilder.adapters.mcp.answers import answer_of, ensure_fits, plain, tool_of, usable_answer
from flowbuilder.adapters.mcp.failures import (
    Circumstances,
    Named,
    broken,
    ended,
    incomplete,
    mcp_failure,
    timed_out,
    unknown_name,
)
from flowbuilder.adapters.mcp.server_record import ServerRecord
from flowbuilder.adapters.mcp.server_text import ServerStderr, readable
from flowbuilder.adapters.mcp.transport import connect
from flowbuilder.adapters.mcp.wire import EXCHANGE, CallResult, Exchange, Wire
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.mcp import McpAnswer, McpTool, ToolCheck
from flowbuilder.values import JsonObject, canonical

T = TypeVar("T")
MAX_TOOL_PAGES = 20
CLOSING_SECONDS, UNREADABLE_SECONDS, ABANDONING_SECONDS = 10.0, 2.0, 0.1


class OpenSession:
    """Implements `ports.McpSession`: a connection in a task of its own, as the SDK must be closed in the task that
    opened it, and closing it cancels callers. `connect` first; `stop` begins to close it, `ended` waits for that."""

    def __init__(self, record: ServerRecord, secrets: KnownSecrets, auth: httpx2.Auth | None = None) -> None:
        self._auth = auth
        self._record = record
        self._stderr, self._wire, self._connecting = ServerStderr(secrets), Wire(), Exchange()
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._over, self._listing = asyncio.Event(), asyncio.Lock()
        self._owner = asyncio.create_task(self._run(), name=f"mcp {record.name}")
        self._known: tuple[McpTool, ...] | None = None

    async def connect(self) -> None:
        """Wait until the server can be called; the error for what happened when it cannot, in `connect_seconds`."""
        waiting: set[asyncio.Future[Any]] = {self._owner, self._ready}
        broken_message = asyncio.create_task(self._wire.broken.wait())
        seconds = self._record.connect_seconds
        try:
            await asyncio.wait({*waiting, broken_message}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            broken_message.cancel()
        if self._wire.broken.is_set() and not self._ready.done():
            # a server may know how to answer an older protocol
            await asyncio.wait(waiting, timeout=min(seconds, UNREADABLE_SECONDS), return_when=asyncio.FIRST_COMPLETED)
        if self._ready.done():
            self._wire.broken.clear()
            return
        if not self._owner.done():
            known = self.circumstances()
            raise broken(known, self._wire.reason) if self._wire.broken.is_set() else timed_out(known)
        stopped = self._owner.cancelled()  # then `exception` would raise, and look like the end of the step
        problem = None if stopped else self._owner.exception()
        problem = problem or ConnectionError("the server ended the connection")
        raise mcp_failure(problem, self.circumstances(self._connecting))

    def stop(self) -> None:
        """Begin to close the connection, and to end the server's program."""
        self._over.set()
        if not self._ready.done() and not self._owner.cancelling():  # a second time would cut off the closing
            self._owner.cancel()

    async def ended(self) -> None:
        """Wait until the connection is closed; its program is killed when it takes too long."""
        done, _ = await asyncio.wait({self._owner}, timeout=CLOSING_SECONDS)
        if not done:
            self._owner.cancel()
        with suppress(BaseException):
            # the call that met the error has reported it
            await self._owner

    async def _run(self) -> None:
        EXCHANGE.set(self._connecting)
        with self._stderr:
            async with connect(self._record, self._stderr, self._wire, self._auth) as client:
                self._ready.set_result(client)
                await self._over.wait()

    async def tools(self) -> tuple[McpTool, ...]:
        """The tools that the server has and its record allows; listed once, and again when they have changed."""
        async with self._listing:
            if self._known is None or self._wire.tools_changed:
                self._wire.tools_changed = False
                found = [tool async for tool in self._listed()]
                self._known = tuple(tool_of(tool) for tool in found if self._record.allows(tool.name))
        return self._known

    async def _listed(self) -> AsyncIterator[Any]:
        """The tools on all pages of the list; `StepError` where it does not end."""
        cursors: list[str | None] = [None]
        while True:
            listing = self._client.list_tools(cursor=cursors[-1])
            page = await self._until_closed(listing, self._record.connect_seconds)
            for tool in page.tools:
                yield tool
            if not page.next_cursor:
                return
            if page.next_cursor in cursors or len(cursors) == MAX_TOOL_PAGES:
                is_known = page.next_cursor in cursors
                said = "leads back to itself" if is_known else f"has more than {MAX_TOOL_PAGES} pages"
                message = f"the list of tools of MCP server {self._record.name} {said}"
                raise StepError(message, code="mcp_protocol", definitive=True)
            cursors.append(page.next_cursor)

    async def call(
        self, tool: str, arguments: JsonObject, *, seconds: float, check: ToolCheck | None = None
    ) -> McpAnswer:
        """The tool's answer; arguments and structured value are validated against the schemas that it declares."""
        declared = await self._declared(tool, arguments, check)
        sent = {**arguments, **self._record.preset.hidden.get(tool, {})}
        # not the SDK's own validation: it runs the server's patterns in Python's engine, which they can block
        request = mcp_types.CallToolRequest(params=mcp_types.CallToolRequestParams(name=tool, arguments=sent))
        result = await self._until_closed(
            self._client.session.send_request(request, CallResult),
            seconds,
            sent=True,
        )
        if result.result_type != "complete" or result.content is None:
            raise incomplete(tool, result, self._record)
        answer = answer_of(list(map(plain, result.content)), result.structured_content, self._record.max_bytes)
        verdict = self._record.judge(tool, answer.text)
        message = f"{tool}: {readable(answer.text) or 'failed without a message'}"
        if verdict == "busy":
            raise TransientError(message, reason="rate_limit")
        if verdict == "exhausted":
            raise StepError(message, code="quota", definitive=True)
        if result.is_error or verdict == "failed":
            raise StepError(message, code="mcp_tool")
        if answer.problem is None and declared.output_schema is not None and answer.structured is not None:
            try:
                ensure_fits(declared.output_schema, answer.structured, f"the answer of {tool}")
            except StepError as problem:
                return replace(answer, problem=problem)
        return answer

    async def _declared(self, tool: str, arguments: JsonObject, check: ToolCheck | None) -> McpTool:
        """The tool, which may be called with these arguments; its errors are definitive."""
        try:
            known = await self.tools()
            declared = next((item for item in known if item.name == tool), None)
            if declared is None:
                raise self._record.refused(tool, [item.name for item in known])
            if check is not None:
                check(declared)
            ensure_fits(declared.input_schema, arguments, f"the input of {tool}")
        except StepError as problem:
            problem.definitive = True
            raise
        return declared

    async def read_resource(self, uri: str, *, seconds: float) -> McpAnswer:
        """A resource that the record allows, each part a block of type `resource`."""
        self._record.ensure_listed("resource", uri)
        request = mcp_types.ReadResourceRequest(params=mcp_types.ReadResourceRequestParams(uri=uri))
        result = await self._named("resource", uri, request, mcp_types.ReadResourceResult, seconds)
        return usable_answer(
            [{"type": "resource", "resource": plain(part)} for part in result.contents], self._record.max_bytes
        )

    async def get_prompt(self, name: str, arguments: JsonObject, *, seconds: float) -> McpAnswer:
        """A prompt that the record allows, each message a block with its `role`."""
        self._record.ensure_listed("prompt", name)
        given = {key: value if isinstance(value, str) else canonical(value) for key, value in arguments.items()}
        request = mcp_types.GetPromptRequest(params=mcp_types.GetPromptRequestParams(name=name, arguments=given))
        result = await self._named("prompt", name, request, mcp_types.GetPromptResult, seconds)
        return usable_answer(
            [{**plain(message.content), "role": message.role} for message in result.messages], self._record.max_bytes
        )

    async def _named(self, kind: Named, name: str, request: Any, answer: Any, seconds: float) -> Any:
        """The result of a request for a resource or a prompt, and an error that knows the names of the others."""
        try:
            return await self._until_closed(self._client.session.send_request(request, answer), seconds)
        except StepError as problem:
            raise await unknown_name(problem, kind, name, self._record.name, self._known_names) from None

    async def _known_names(self, kind: Named) -> dict[str, str]:
        """The resources or prompts on the first page of the server's list, with what a message says of each."""
        seconds = self._record.connect_seconds
        if kind == "resource":
            names = [one.uri for one in (await self._until_closed(self._client.list_resources(), seconds)).resources]
            with suppress(StepError):  # a server need not have templates
                templates = await self._until_closed(self._client.list_resource_templates(), seconds)
                names += [template.uri_template for template in templates.resource_templates]
            return dict.fromkeys(names, "")
        offered = await self._until_closed(self._client.list_prompts(), seconds)
        return {
            prompt.name: "; its arguments: "
            + (", ".join(f"{one.name}{' (required)' * bool(one.required)}" for one in prompt.arguments or ()) or "none")
            for prompt in offered.prompts
        }

    @property
    def _client(self) -> Client:
        return self._ready.result()

    def circumstances(
        self, exchange: Exchange | None = None, *, sent: bool = False, seconds: float | None = None
    ) -> Circumstances:
        """What is known beside an exception of the SDK."""
        return Circumstances(
            record=self._record,
            sent=sent,
            connecting=not self._ready.done(),
            exchange=exchange or Exchange(),
            ending=self._stderr.ending,
            wrote=self._stderr.quoted,
            noise=self._wire.noise,
            seconds=self._record.connect_seconds if seconds is None else seconds,
        )

    @property
    def is_usable(self) -> bool:
        """Whether the connection is open, as far as is known."""
        return not (self._owner.done() or self._over.is_set() or self._wire.broken.is_set() or self._stderr.has_ended)

    async def _until_closed(self, work: Coroutine[Any, Any, T], seconds: float, *, sent: bool = False) -> T:
        """The result of `work`; the error for what happened when the session ends first or `seconds` are over. `sent`:
        the work is the call of a tool."""
        if not self.is_usable:
            work.close()
            known = self.circumstances()
            raise broken(known, self._wire.reason) if self._wire.broken.is_set() else ended(known)
        exchange = Exchange()
        task = asyncio.create_task(work, context=_with_exchange(exchange))
        broken_message = asyncio.create_task(self._wire.broken.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {task, self._owner, broken_message}
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not task.cancelled():
                return task.result()
            known = self.circumstances(exchange, sent=sent, seconds=seconds)
            if self._owner.done():
                raise mcp_failure(self._owner.exception() or ConnectionError(), known)
            if task.cancelled():  # the SDK cancels its callers when its connection is lost
                raise ended(known)
            raise broken(known, self._wire.reason) if broken_message.done() else timed_out(known)
        except (StepError, ConfigurationError):
            raise
        except Exception as error:
            raise mcp_failure(error, self.circumstances(exchange, sent=sent, seconds=seconds)) from None
        finally:
            for left in (task, broken_message):
                left.cancel()
            # not longer: the SDK tells the server of an abandoned call, and waits for seconds where that hangs
            await asyncio.wait({task}, timeout=ABANDONING_SECONDS)
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def _with_exchange(exchange: Exchange) -> Context:
    context = copy_context()
    context.run(EXCHANGE.set, exchange)
    return context
