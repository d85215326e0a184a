"""`search`: search the web, by the search of a model's provider."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from flowbuilder import ports
from flowbuilder.steps.model_step import AsksModel, Budget, written_provider
from flowbuilder.steps.step import StepResult, StepRun, Templated

MAX_DOMAINS = 100
SEARCH = "Search the web before you answer, answer from the pages that you find, and cite them."


def _domain(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,10}", value, re.I):
        raise ValueError("a domain such as example.com, without https:// and without a path")
    return value.lower()


Domains = Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], Field(max_length=MAX_DOMAINS)]


class Source(BaseModel, defer_build=True):
    """A page that the search found. `title` may be empty; `cited`: the answer refers to it."""

    url: str
    title: str
    cited: bool


class Search(AsksModel):
    """Search the web with a model that can: the answer to `query`, and the pages that it was found on.

    OpenAI, Anthropic and Google search. `allowed_domains` and `blocked_domains`, each with its subdomains, are obeyed
    by OpenAI and by Anthropic, which takes one of them; `max_searches` by Anthropic. The output is untrusted, as a page
    is. The step fails where the model answers without a search.
    """

    untrusted: ClassVar[str | None] = "web search"

    query: Templated[str]
    system: Templated[str] = ""
    allowed_domains: Templated[Domains] = ()
    blocked_domains: Templated[Domains] = ()
    max_searches: Templated[Annotated[int, Field(ge=1, le=50)] | None] = None
    max_tokens: Templated[Annotated[int, Field(ge=1)] | None] = None
    budget: Budget | None = None

    class Output(BaseModel, defer_build=True):
        """`text` is the answer; `sources` has the pages that it cites first, then the others that were found."""

        text: str
        sources: list[Source]

    @model_validator(mode="after")
    def _are_obeyed(self) -> Self:
        """A limit that a provider would ignore is an error: the author takes it for a limit."""
        for provider in dict.fromkeys(map(written_provider, (self.model, self.fallback))):
            for problem in self._ignored(provider or ""):
                raise ValueError(problem)
        return self

    def _ignored(self, provider: str) -> Iterator[str]:
        domains = self.allowed_domains or self.blocked_domains
        if provider == "google" and domains:
            yield "the search of google has no limits of domains: leave them out, or use a model of openai or anthropic"
        if provider == "anthropic" and self.allowed_domains and self.blocked_domains:
            yield "the search of anthropic takes allowed_domains or blocked_domains, not both"
        if provider in ("openai", "google") and self.max_searches is not None:
            yield f"the search of {provider} has no limit of searches: leave max_searches out, and write a budget"

    async def run(self, run: StepRun) -> StepResult:
        """The usage is that of `AsksModel.ask`, with `searches`."""
        fields: dict[str, Any] = {"prompt": self.query, "system": f"{SEARCH}\n\n{self.system}".strip()}
        search = ports.WebSearch(
            allowed_domains=self.allowed_domains,
            blocked_domains=self.blocked_domains,
            max_searches=self.max_searches,
        )
        return await self.ask(run, self.budget, self.max_tokens, search=search, **fields)
