"""`page`: fetch a web page and extract its content."""

from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from flowbuilder import ports
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.steps.step import Completed, Step, StepResult, StepRun, Templated, TemplatedField
from flowbuilder.values import JsonObject

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class Heading(BaseModel, defer_build=True):
    """A heading of a page; `level` is 1 to 6."""

    level: int
    text: str


class Link(BaseModel, defer_build=True):
    """A link of a page; `url` is absolute."""

    url: str
    text: str


class Image(BaseModel, defer_build=True):
    """An image of a page; `url` is absolute."""

    url: str
    alt: str


class Page(Step):
    """Fetch a page and extract the main content as Markdown, and the metadata that search engines read."""

    cooperative: ClassVar[bool] = True
    untrusted: ClassVar[str | None] = "web page"

    url: Annotated[str, TemplatedField(sink="host")]
    headers: Templated[dict[str, str]] = Field(default_factory=dict)

    class Output(BaseModel, defer_build=True):
        """`markdown` and `text` are the main content, without navigation; `url` is the last one after redirects.

        `kind` says whether the page is what a reader would want, `reason` from what evidence: an error that was
        answered with success is `soft_404`, a page that scripts fill `script_only`. `warnings` are about the encoding
        and what could not be read.
        """

        url: str
        status: int
        kind: Literal["article", "soft_404", "login", "script_only", "thin"]
        reason: str
        warnings: list[str]
        title: str
        description: str
        markdown: str
        text: str
        headings: list[Heading]
        links: list[Link]
        json_ld: list[Any]
        images: list[Image]

    async def run(self, run: StepRun) -> StepResult:
        """Any status except 2xx is a failure; 408, 429 and 5xx are transient."""
        if run.ports.extract is None:
            raise ConfigurationError("this installation has no page extractor")
        headers = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5", **self.headers}
        request = ports.HttpRequest(method="GET", url=self.url, headers=headers, hosts=run.hosts)
        host, _ = ports.limit_key(None, self.url)
        async with run.ports.throttle.acquire(host, kind="host"):
            answer = await run.ports.http.send(request)
            answer.ensure_success(f"GET {self.url}")
        kind = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
        if not (kind.startswith("text/") or kind.endswith("xml")):
            raise StepError(f"{self.url} is {kind}, not an HTML page", code="not_a_page", detail={"content_type": kind})
        import asyncio  # here: validating a document loads this step type, and needs no event loop

        # in a thread: a large page takes long, and other executions share this event loop
        content_type = answer.headers.get("content-type", "")
        read = partial(run.ports.extract, answer.body, url=answer.url, content_type=content_type)
        found = await asyncio.get_running_loop().run_in_executor(_threads(), read)
        output: JsonObject = {"url": answer.url, "status": answer.status, **found}
        return Completed(output=output)


@cache
def _threads() -> "ThreadPoolExecutor":
    """Threads of their own: hostile pages must not occupy those that renew leases."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(4, thread_name_prefix="page")
