"""`mcp_llm`: ask a language model, with answers of MCP tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

from msgspec import structs
from pydantic import Field, PrivateAttr, model_validator

from flowbuilder import ports
from flowbuilder.errors import StepError, TransientError
from flowbuilder.json_schema import BadSchema, ensure_schema
from flowbuilder.language import Expression, Template
from flowbuilder.steps.builtin.llm import Llm
from flowbuilder.steps.builtin.mcp import SECONDS, ServerName, ToolName, UsesTools, servers_of
from flowbuilder.steps.images import are_fetched
from flowbuilder.steps.mcp_material import ImagesShown, Material, fenced, parts_of
from flowbuilder.steps.model_fallback import total
from flowbuilder.steps.step import NeedsReview, Place, Record, Sink, StepResult, StepRun, Templated
from flowbuilder.steps.tool_calls import InDoubt, call_once, shown_call
from flowbuilder.steps.write_once import repeat_question
from flowbuilder.values import Json, JsonObject, digest


class ContextCall(Record):
    """What is asked for before the model is; the answer is added to the prompt as material: a tool that is called, a
    resource that is read, or a prompt of the server with its arguments filled in."""

    server: ServerName
    tool: ToolName | None = None
    resource: str | None = Field(default=None, min_length=1, max_length=2000, description="the URI of a resource")
    prompt: str | None = Field(default=None, min_length=1, max_length=200, description="the name of a prompt")
    arguments: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [name for name in ("tool", "resource", "prompt") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("name one of tool, resource and prompt")
        if self.resource is not None and self.arguments:
            raise ValueError("a resource takes no arguments; they are part of its URI")
        return self

    def request(self) -> JsonObject:
        """What a recorded answer is known by."""
        named = {"tool": self.tool, "resource": self.resource, "prompt": self.prompt}
        said = {name: value for name, value in named.items() if value is not None}
        return {"server": self.server, **said, **({} if self.resource is not None else {"arguments": self.arguments})}

    def what(self) -> str:
        """What the answer is, in words of ours: a URI may be an outsider's."""
        if self.tool is not None:
            return f"the answer of the tool {self.tool}"
        return f"a {'prompt' if self.resource is None else 'resource'} of the server {self.server}"


class OfferedTool(Record):
    """A tool that the model may call while it answers. `reads_only`: the author knows that it writes nothing. A call of
    another one is never repeated: where its answer is not known, a person is asked."""

    server: ServerName
    tool: ToolName
    reads_only: bool = False


class McpLlm(UsesTools, Llm):
    """As `llm`, with answers of MCP servers in the prompt (`context`), and tools that the model may call (`tools`).

    `context` calls tools, reads resources and fills in prompts. All answers, also to the model's own calls, are
    enclosed by marks that the servers cannot know, and declared as material. Images in them are shown to a model that
    sees; of other data a line says that it was left out.
    """

    untrusted: ClassVar[str | None] = "MCP answer"

    context: Templated[tuple[ContextCall, ...]] = ()
    tools: tuple[OfferedTool, ...] = ()
    max_tool_calls: int = Field(default=10, ge=1, le=100)
    _wrote: bool = PrivateAttr(default=False)
    _shown: ImagesShown = PrivateAttr(default_factory=ImagesShown)

    def may_write(self) -> bool:
        """Whether the model is offered a tool that may write."""
        return not all(item.reads_only for item in self.tools)

    def _may_ask_another(self) -> bool:
        """Not after a call that may have written: the other model would make it again."""
        return not self._wrote

    def steered_by(self) -> str:
        """Answers that `context` puts in the prompt, and images that are fetched."""
        if not self.may_write():
            return ""
        return "answers of tools" if self.context else "fetched images" if are_fetched(self.images) else ""

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """Who writes the prompt of a model may also make it call the tools that it is offered."""
        for place, text, sink in super().texts():
            prompts = place[0] in ("prompt", "system", "messages", "images", "context")
            yield place, text, "agent" if prompts and self.may_write() else sink

    def used_tools(self) -> list[tuple[str, str]]:
        """The tools that are asked for material, and those that the model may call."""
        context = self.context if isinstance(self.context, tuple) else ()
        used: list[ContextCall | OfferedTool] = [*context, *self.tools]
        return [(item.server, item.tool) for item in used if item.tool is not None]

    async def run(self, run: StepRun) -> StepResult:
        """Each server has one session, open while the model is asked."""
        async with AsyncExitStack() as stack:
            servers = servers_of(run)
            names = dict.fromkeys([*(item.server for item in self.context), *(item.server for item in self.tools)])
            sessions = {name: await stack.enter_async_context(servers.open(name)) for name in names}
            for server, tool in self.used_tools():
                await self.ensure_pinned(sessions[server], server, tool)
            material = [await self._asked(sessions[item.server], item, run) for item in self.context]
            tools = tuple([await self._offered(sessions[item.server], item, run) for item in self.tools])
            models = _ModelsWithTools(run.ports.models, material, tools, self)
            try:
                return await super().run(structs.replace(run, ports=replace(run.ports, models=models)))
            except InDoubt as doubt:
                question = repeat_question(doubt.target, doubt.request, run.ports.secrets)
                decision = run.decision
                if decision and decision.kind != "approved" and decision.shown_hash == question.content_hash():
                    raise
                return NeedsReview(request=question)

    async def _asked(
        self, session: ports.McpSession, item: ContextCall, run: StepRun, *, chosen: bool = False
    ) -> Material:
        """The answer to a call that only reads, from the journal in a repeated run. So is the failure of a call that
        the model has `chosen`: it chose the next one by it."""
        request = item.request()

        async def ask() -> JsonObject:
            try:
                answer = await self._answer(session, item)
                if answer.problem is not None:
                    raise answer.problem
            except StepError as problem:
                if not chosen or isinstance(problem, TransientError):
                    raise
                return {"failed": str(problem), "code": problem.code, "call": shown_call(request)}
            return {"text": parts_of(answer), "call": shown_call(request)}

        journal = run.ports.journal
        answer = await (journal.get_or_ask(request, ask) if journal else ask())
        if "failed" in answer:
            raise StepError(str(answer["failed"]), code=str(answer["code"]))
        return _material(item, answer["text"], run)

    async def _answer(self, session: ports.McpSession, item: ContextCall) -> ports.McpAnswer:
        if item.resource is not None:
            return await session.read_resource(item.resource, seconds=SECONDS)
        if item.prompt is not None:
            return await session.get_prompt(item.prompt, item.arguments, seconds=SECONDS)
        check = self.pin_check(item.server, str(item.tool))
        return await session.call(str(item.tool), item.arguments, seconds=SECONDS, check=check)

    async def _written(self, session: ports.McpSession, item: ContextCall) -> list[JsonObject]:
        """The answer of a tool that may write. What is wrong with it is said in it: the model must not call again."""
        answer = await self._answer(session, item)
        parts = parts_of(answer)
        if answer.problem is None:
            return parts
        return [*parts, {"text": f"[the tool was called, and its answer cannot be used: {answer.problem}]"}]

    async def _offered(self, session: ports.McpSession, item: OfferedTool, run: StepRun) -> ports.ModelTool:
        declared = next((tool for tool in await session.tools() if tool.name == item.tool), None)
        if declared is None:
            raise StepError(f"MCP server {item.server} offers no tool {item.tool}", code="mcp_unknown_tool")

        try:
            ensure_schema(declared.input_schema)
        except BadSchema as problem:
            message = f"the schema of {item.tool} of MCP server {item.server} cannot be used: {problem}"
            raise StepError(message, code="mcp_schema") from None

        async def call(arguments: JsonObject) -> ports.ToolAnswer:
            self._wrote = self._wrote or not item.reads_only
            made = ContextCall(server=item.server, tool=item.tool, arguments=arguments)
            if item.reads_only:
                return fenced(await self._asked(session, made, run, chosen=True), self._shown)
            target = f"{item.server}: {item.tool}"
            answer = await call_once(run, made.request(), partial(self._written, session, made), target=target)
            return fenced(_material(made, answer, run), self._shown)

        return ports.ModelTool(
            name=re.sub(r"[^A-Za-z0-9_-]", "-", f"{item.server}-{item.tool}")[:64],
            description=declared.description[:1000],
            input_schema=declared.input_schema,
            call=call,
        )


@dataclass(frozen=True)
class _ModelsWithTools:
    """Decorator of the language models: each request has the material in its prompt, and offers the tools.

    A model that turns out to see no images is asked once more, and told of the images in words; not where the author
    gave images, and not after a call that may have written.
    """

    models: ports.LanguageModel
    material: Sequence[Material]
    tools: tuple[ports.ModelTool, ...]
    step: McpLlm

    async def complete(self, request: ports.ModelRequest) -> ports.ModelAnswer:
        self.step._shown = shown = ImagesShown()
        try:
            return await self._ask(request)
        except StepError as problem:
            may_again = shown.count and not request.images and not self.step._wrote
            if problem.code != "images_not_supported" or not may_again:
                raise
            spent = problem.usage or {}
        self.step._shown = ImagesShown(sees=False)
        answer = await self._ask(request)
        return replace(answer, usage=total(spent, answer.usage))

    async def _ask(self, request: ports.ModelRequest) -> ports.ModelAnswer:
        found = [fenced(one, self.step._shown) for one in self.material]
        return await self.models.complete(
            replace(
                request,
                prompt="\n\n".join([request.prompt, *(one.text for one in found)]),
                images=(*request.images, *(image for one in found for image in one.images)),
                tools=self.tools,
                max_tool_calls=self.step.max_tool_calls,
            )
        )


def _material(item: ContextCall, stored: Json, run: StepRun) -> Material:
    """An answer as it is stored, with its mark; a text is one of an earlier release."""
    parts = stored if isinstance(stored, list) else [{"text": str(stored)}]
    mark = f"material-{digest([run.effect_key, *item.request().values()])[:12]}"
    return Material(parts=parts, what=item.what(), mark=mark)
