"""What the steps that ask a language model have in common: the model, its fallback, their connections and a budget."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, PrivateAttr

from flowbuilder import ports
from flowbuilder.errors import StepError
from flowbuilder.language import Template
from flowbuilder.steps.model_fallback import ask_with_fallback
from flowbuilder.steps.step import Completed, Record, Step, StepRun, Templated
from flowbuilder.values import Json


class Budget(Record):
    """Maximum cost of one step run, including repairs of invalid answers; `usd` needs a model with a known price."""

    usd: float | None = Field(default=None, gt=0)
    output_tokens: int | None = Field(default=None, ge=1)


class AsksModel(Step):
    """A step that asks a language model by its name, `provider:name`, and its `fallback` where it cannot answer."""

    cooperative: ClassVar[bool] = True
    model: Templated[str]
    fallback: Templated[str | None] = None
    connection: str | None = None
    fallback_connection: str | None = None
    _providers: tuple[str | None, str | None] = PrivateAttr(default=(None, None))

    def bind(self, context: Mapping[str, Json]) -> Self:
        """The bound step, which knows the provider that the definition names."""
        bound = super().bind(context)
        bound._providers = (written_provider(self.model), written_provider(self.fallback))
        return bound

    def model_names(self) -> list[str]:
        """The model and its fallback; raises `StepError` for a name without a provider."""
        names = [self.model, *([self.fallback] if self.fallback else [])]
        for name in names:
            if ":" not in name:
                message = f"model {name!r:.60} is not of the form provider:name, such as openai:gpt-5.1"
                raise StepError(message, code="invalid_field", detail={"field": "model"})
        return names

    async def ask(self, run: StepRun, budget: Budget | None, max_tokens: int | None, **fields: Any) -> Completed:
        """The answer of the model, or of its fallback; `fields` are those of `ModelRequest`.

        The usage is `{model, requests, input_tokens, output_tokens, cache_read_tokens, usd, fell_back?}`; `usd` is null
        for an unknown price, `fell_back` says why the fallback was asked.
        """
        spend = budget or Budget()
        caps = [cap for cap in (max_tokens, spend.output_tokens) if cap is not None]
        fields |= {
            "max_tokens": min(caps, default=None),
            "max_usd": spend.usd,
            "max_output_tokens": spend.output_tokens,
            "journal": run.ports.journal,
        }
        if self.timeout_seconds is not None:
            fields["timeout"] = self.timeout_seconds
        named = (self.connection, self.fallback_connection or self.connection)
        asked = zip(self.model_names(), named, strict=False)
        requests = [await self._request(run, model, name, fields) for model, name in asked]
        models, limited = run.ports.models, self.timeout_seconds is not None
        if len(requests) == 1:
            answer = await models.complete(requests[0])
        else:
            may = self._may_ask_another
            answer = await ask_with_fallback(models, *requests, limited=limited, may_fall_back=may)
        used = requests[-1 if "fell_back" in answer.usage else 0]
        return Completed(output=answer.output, usage={"model": used.model, **answer.usage})

    def _may_ask_another(self) -> bool:
        """Whether the fallback may be asked, as far as the step itself knows."""
        return True

    async def _request(
        self, run: StepRun, model: str, name: str | None, fields: dict[str, Any]
    ) -> "ports.ModelRequest":
        connection = await run.ports.connections.get(name) if name else {}
        if name:
            written = self._providers[0 if name == self.connection else 1]
            ports.ensure_provider(name, connection, model, written=written)
        return ports.ModelRequest(model=model, connection=connection, connection_name=name or "", **fields)


def written_provider(model: str | Template | None) -> str | None:
    """The provider that the definition itself names: of `openai:gpt-5.1` and of `openai:{{ x }}`, not of `{{ x }}`."""
    source = model.source if isinstance(model, Template) else model
    # an object with a template in it is a wrong value, which is found when the step runs
    found = re.match(r"\s*([a-z0-9][a-z0-9_-]*):", source) if isinstance(source, str) else None
    return found[1] if found else None
