"""`llm`: ask a language model."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from flowbuilder.json_schema import usable_schema
from flowbuilder.language import Expression, Shape, Template, shape_of_schema
from flowbuilder.steps.images import ImageItems, are_fetched, ensure_images, is_taken_from_step, read_images
from flowbuilder.steps.model_step import AsksModel, Budget
from flowbuilder.steps.step import Place, Record, Sink, StepResult, StepRun, Templated, TemplatedField
from flowbuilder.values import Json, JsonObject


class Example(Record):
    """One message of an example conversation, which the model sees before the prompt."""

    role: Literal["user", "assistant"]
    content: str


class Llm(AsksModel):
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
        """Ask the model, or its fallback; the usage is that of `AsksModel.ask`."""
        self.model_names()
        return await self.ask(
            run,
            self.budget,
            self.max_tokens,
            prompt=self.prompt,
            system=self.system,
            messages=tuple((item.role, item.content) for item in self.messages),
            images=await read_images(run, self.images, self._loaded_images),
            output_schema=self.output_schema,
            temperature=self.temperature,
            top_p=self.top_p,
            stop=self.stop,
            seed=self.seed,
            reasoning=self.reasoning,
            cache=self.cache,
            output_mode=self.output_mode,
            on_cut_off=self.on_cut_off,
        )

    def bind(self, context: Mapping[str, Json]) -> Self:
        """The bound step, which knows its images as they are written."""
        bound = super().bind(context)
        bound._loaded_images = self.images
        return bound
