"""`llm`: ask a language model."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from flowbuilder import ports
from flowbuilder.errors import StepError
from flowbuilder.json_schema import usable_schema
from flowbuilder.language import Expression, Shape, Template, shape_of_schema
from flowbuilder.steps.images import ImageItems, are_fetched, ensure_images, is_taken_from_step, read_images
from flowbuilder.steps.model_fallback import ask_with_fallback
from flowbuilder.steps.step import (
    Completed,
    Place,
    Record,
    Sink,
    Step,
    StepResult,
    StepRun,
    Templated,
    TemplatedField,
)
from flowbuilder.values import Json, JsonObject


class Budget(Record):
    """Maximum cost of one step run, including repairs of invalid answers; `usd` needs a model with a known price."""

    usd: float | None = Field(default=None, gt=0)
    output_tokens: int | None = Field(default=None, ge=1)


class Example(Record):
    """One message of an example conversation, which the model sees before the prompt."""

    role: Literal["user", "assistant"]
    content: str


class Llm(Step):
    """Ask a language model by its name, `provider:name`. With `output_schema` the output is an object valid against it.

    `messages` are an example conversation. `images` are shown to the model after the prompt: URLs, which flowbuilder
    fetches, or bodies of binary answers of earlier steps; the output is untrusted where it fetches any.
    In a file, `prompt: prompts/NAME@N` stands for the file `prompts/NAME@N.md`.
    `fallback` is asked when `model` is unavailable: it is down, hangs (with `timeout_seconds` it has half of the time),
    has no quota left, is retired, rejects its key or the length of the prompt, or answers with nothing. `connection`
    names the credentials; without one, the provider's own environment variables are used. A connection belongs to one
    provider: a fallback of another has its own in `fallback_connection`. An answer that reaches its limit of tokens
    fails the step (`answer_cut_off`); with `on_cut_off: continue` the rest of a text is asked for.
    """

    cooperative: ClassVar[bool] = True
    model: Templated[str]
    fallback: Templated[str | None] = None
    connection: str | None = None
    fallback_connection: str | None = None
    system: Templated[str] = ""
    messages: Templated[tuple[Example, ...]] = ()
    prompt: Templated[str]
    images: Annotated[ImageItems, TemplatedField(url=True)] = Field(
        default=(),
        description="images after the prompt: URLs, bodies of binary answers, or {url or content, alt}; PNG, JPEG, "
        "GIF, WebP",
    )
    prompt_file: str | None = Field(default=None, max_length=400, description="where the prompt was read from")
    output_schema: JsonObject | None = None
    temperature: Templated[Annotated[float, Field(ge=0, le=2)] | None] = None
    max_tokens: Templated[Annotated[int, Field(ge=1)] | None] = None
    top_p: Templated[Annotated[float, Field(gt=0, le=1)] | None] = None
    stop: Templated[tuple[str, ...]] = ()
    seed: Templated[int | None] = None
    reasoning: Templated[Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None] = None
    cache: bool | Literal["5m", "1h"] = False
    output_mode: Literal["auto", "tool", "native", "prompted"] = "auto"
    on_cut_off: Literal["fail", "continue"] = "fail"
    budget: Budget | None = None
    _providers: tuple[str | None, str | None] = PrivateAttr(default=(None, None))
    _loaded_images: Any = PrivateAttr(default=())

    @field_validator("output_schema")
    @classmethod
    def _object(cls, value: JsonObject | None) -> JsonObject | None:
        if value is not None and value.get("type") != "object":
            raise ValueError("output_schema describes an object: type: object")
        return usable_schema(value)

    @model_validator(mode="after")
    def _alternates(self) -> Self:
        roles = [item.role for item in self.messages] if isinstance(self.messages, tuple) else []
        if roles != ["user", "assistant"] * (len(roles) // 2):
            raise ValueError("messages are pairs: one of the user, then one of the assistant, as often as you like")
        return self

    @field_validator("images")
    @classmethod
    def _usable_images(cls, value: Any) -> Any:
        ensure_images(value)
        return value

    @model_validator(mode="after")
    def _continues_texts(self) -> Self:
        if self.on_cut_off == "continue" and self.output_schema is not None:
            raise ValueError("on_cut_off: continue is for a text: an object that was cut off cannot be continued")
        return self

    def untrusted_source(self) -> str | None:
        """An image that is fetched is an outsider's, as a page is: it may hold text for the model."""
        return super().untrusted_source() or ("image" if are_fetched(self.images) else None)

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """The URLs of images say whom the step talks to; their bytes and alternative texts are part of the prompt."""
        for place, text, sink in super().texts():
            if place[0] != "images" or place[-1] in ("alt", "content"):
                yield place, text, sink
            else:
                yield place, text, "image" if place[-1] != "url" and is_taken_from_step(text) else "host"

    def output_shape(self) -> Shape:
        """The shape that `output_schema` describes; `{text}` without one."""
        plain: JsonObject = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
        return shape_of_schema(self.output_schema or {**plain, "additionalProperties": False})

    async def run(self, run: StepRun) -> StepResult:
        """Ask the model, or its fallback. The usage is `{model, requests, input_tokens, output_tokens,
        cache_read_tokens, usd, fell_back?}`; `usd` is null for an unknown price, `fell_back` says why it was asked."""
        names = [self.model, *([self.fallback] if self.fallback else [])]
        for name in names:
            if ":" not in name:
                message = f"model {name!r:.60} is not of the form provider:name, such as openai:gpt-5.1"
                raise StepError(message, code="invalid_field", detail={"field": "model"})
        named = (self.connection, self.fallback_connection or self.connection)
        images = await read_images(run, self.images, self._loaded_images)
        requests = [await self._request(run, *asked, images) for asked in zip(names, named, strict=False)]
        models, limited = run.ports.models, self.timeout_seconds is not None
        if len(requests) == 1:
            answer = await models.complete(requests[0])
        else:
            first, second = requests
            may = self._may_ask_another
            answer = await ask_with_fallback(models, first, second, limited=limited, may_fall_back=may)
        used = requests[-1 if "fell_back" in answer.usage else 0]
        return Completed(output=answer.output, usage={"model": used.model, **answer.usage})

    def _may_ask_another(self) -> bool:
        """Whether the fallback may be asked, as far as the step itself knows."""
        return True

    def bind(self, context: Mapping[str, Json]) -> Self:
        """The bound step, which knows the provider that the definition names, and its images as they are written."""
        bound = super().bind(context)
        bound._providers = (written_provider(self.model), written_provider(self.fallback))
        bound._loaded_images = self.images
        return bound

    async def _request(
        self, run: StepRun, model: str, name: str | None, images: tuple["ports.ModelImage", ...]
    ) -> "ports.ModelRequest":
        connection = await run.ports.connections.get(name) if name else {}
        if name:
            written = self._providers[0 if name == self.connection else 1]
            ports.ensure_provider(name, connection, model, written=written)
        limits: dict[str, Any] = {}
        if self.timeout_seconds is not None:
            limits["timeout"] = self.timeout_seconds
        spend = self.budget or Budget()
        caps = [cap for cap in (self.max_tokens, spend.output_tokens) if cap is not None]
        return ports.ModelRequest(
            model=model,
            prompt=self.prompt,
            system=self.system,
            messages=tuple((item.role, item.content) for item in self.messages),
            images=images,
            output_schema=self.output_schema,
            temperature=self.temperature,
            max_tokens=min(caps, default=None),
            top_p=self.top_p,
            stop=self.stop,
            seed=self.seed,
            reasoning=self.reasoning,
            cache=self.cache,
            output_mode=self.output_mode,
            on_cut_off=self.on_cut_off,
            max_usd=spend.usd,
            max_output_tokens=spend.output_tokens,
            connection=connection,
            connection_name=name or "",
            journal=run.ports.journal,
            **limits,
        )


def written_provider(model: str | Template | None) -> str | None:
    """The provider that the definition itself names: of `openai:gpt-5.1` and of `openai:{{ x }}`, not of `{{ x }}`."""
    source = model.source if isinstance(model, Template) else model
    # an object with a template in it is a wrong value, which is found when the step runs
    found = re.match(r"\s*([a-z0-9][a-z0-9_-]*):", source) if isinstance(source, str) else None
    return found[1] if found else None
