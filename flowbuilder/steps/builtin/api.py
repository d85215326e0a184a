"""`api`: an HTTP request, or all pages of a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace as replace_request
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from msgspec.structs import replace
from pydantic import BaseModel, Field, field_validator, model_validator

from flowbuilder import ports
from flowbuilder.errors import StepError
from flowbuilder.json_schema import ensure_matches, usable_schema
from flowbuilder.language import Expression, Shape, Template, shape_of_schema
from flowbuilder.steps.http.pagination import Pages, Paginate
from flowbuilder.steps.step import (
    Completed,
    NeedsReview,
    Place,
    Sink,
    Step,
    StepResult,
    StepRun,
    TemplatedField,
)
from flowbuilder.steps.write_once import EffectOptions, Written, write_once
from flowbuilder.values import JsonObject

if TYPE_CHECKING:
    from flowbuilder.model.effect import TargetClass

Sent = TemplatedField(sink="publish")
_SHARE = 0.9
"""The share of the time limit of a write in which the page that it names is read, too."""
_SHARE_OF_REQUEST = 0.99
_LARGE = 256 * 1024
"""Answers of more bytes are read in a thread."""


_BODY_ERROR = replace(
    Shape.object_of({"code": Shape.of("text"), "message": Shape.of("text")}),
    presence="maybe",
    reason="the body could be read",
)


class Api(Step):
    """Call an HTTP API. Any method but GET and HEAD is an effect: it carries an `Idempotency-Key` and happens once.

    `connection` names credentials; they are sent to that connection's own hosts only. 408, 429 and 5xx are transient
    failures; every other status except 2xx fails the step.
    """

    cooperative: ClassVar[bool] = True
    untrusted: ClassVar[str | None] = "API answer"

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Annotated[str, TemplatedField(sink="host")]
    query: Annotated[dict[str, Any] | None, Sent] = None
    headers: Annotated[dict[str, str], Sent] = Field(default_factory=dict)
    json_body: Annotated[Any, Sent] = Field(default=None, alias="json")
    form: Annotated[dict[str, Any] | None, Sent] = None
    body: Annotated[Any, Sent] = Field(
        default=None, description="raw text, or the body of a binary answer: its bytes are sent"
    )
    multipart: Annotated[dict[str, Any] | None, Sent] = Field(
        default=None,
        description="fields of a form: texts, bodies of binary answers, or {content, filename, content_type}; or lists",
    )
    connection: str | None = None
    paginate: Paginate | None = None
    response_schema: JsonObject | None = Field(
        default=None,
        description="the JSON Schema of an answer; with `paginate`, of each page before the lists are joined",
    )
    effect: Annotated[EffectOptions | None, TemplatedField(sink="control")] = None

    class Output(BaseModel, defer_build=True):
        """`body` is parsed JSON, or text; header names are lower case.

        Of a write that was made and whose body cannot be read, `body_error` is `{code, message}`. With `paginate`,
        `truncated` says whether there may be more than `body` has, and `warnings` why the end is not certain.
        """

        status: int
        headers: dict[str, str]
        body: Any

    @field_validator("response_schema")
    @classmethod
    def _usable(cls, value: JsonObject | None) -> JsonObject | None:
        return usable_schema(value)

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("json", "form", "body", "multipart") if self._has(name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} cannot both be sent")
        if given and self.method in ("GET", "HEAD"):
            raise ValueError(f"{self.method} sends no body; did you mean method: POST?")
        if self.paginate is not None and self.method != "GET":
            raise ValueError("only GET can be paginated")
        if self.paginate is not None and self.response_schema is not None and self._list_of_page() is None:
            place = f"at {self.paginate.items}" if self.paginate.items else "as the whole answer"
            raise ValueError(f"response_schema describes each page, and has no list {place}")
        return self

    def _has(self, body: str) -> bool:
        """Whether there is a body of this kind; `json` may be null."""
        return "json_body" in self.model_fields_set if body == "json" else getattr(self, body) is not None

    def has_effect(self) -> bool:
        """GET and HEAD only read."""
        return self.method not in ("GET", "HEAD")

    def sends_urls(self) -> bool:
        """The URL of a write is part of what it writes."""
        return self.has_effect()

    def output_shape(self) -> Shape:
        """The body as `response_schema` says; with `paginate` the joined lists of the bodies."""
        shape = super().output_shape()
        more = {"body_error": _BODY_ERROR} if self.has_effect() else {}
        body = shape_of_schema(self.response_schema) if self.response_schema is not None else Shape.unknown()
        if self.paginate is not None:
            page = self._list_of_page() or Shape.unknown()
            body = Shape.list_of(page.item()) if page.is_list and not page.is_open else Shape.of("list")
            more |= {"truncated": Shape.of("boolean"), "warnings": Shape.list_of(Shape.of("text"))}
        return replace(shape, fields={**shape.fields, "body": body, **more})

    def _list_of_page(self) -> Shape | None:
        """The shape of the list in each page; None where `response_schema` says that there is none."""
        path = self._path_of_list()
        if path is None or self.response_schema is None:
            return Shape.unknown()
        found: Shape | None = shape_of_schema(self.response_schema)
        for name in path:
            found = found.member(name) if found is not None else None
        return found if found is not None and (found.is_unknown or found.may_be("list")) else None

    def _path_of_list(self) -> tuple[str, ...] | None:
        """The names that lead to the list in a body that fits `response_schema`: no answer leads elsewhere, to members
        that the schema says nothing about. None where the schema does not say whether `body.` is a member."""
        if self.paginate is None or self.response_schema is None:
            return None
        page = shape_of_schema(self.response_schema)
        path = tuple(self.paginate.items.split(".")) if self.paginate.items else ()
        if page.is_unknown or path[:1] != ("body",) or "body" in page.fields:
            return None if page.is_unknown else path
        return path[1:] if page.member("body") is None else None

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """Sent values count as published, and the key of an effect as a decision, only where the method writes."""
        for place, text, sink in super().texts():
            yield place, text, sink if sink == "host" or self.has_effect() else None

    async def run(self, run: StepRun) -> StepResult:
        """With `paginate`, the output is that of the last page with the joined lists as its body."""
        # here and below: validating a document sends nothing
        from flowbuilder.steps.http.bodies import shown
        from flowbuilder.steps.http.writes import result_page

        connection = await run.ports.connections.get(self.connection) if self.connection else {}
        request = self._request(run, connection)
        if not self.has_effect():
            return Completed(output=await self._read(run, request))
        wanted: JsonObject = {
            "method": self.method,
            "url": request.url,
            "query": self.query,
            "json": self.json_body,
            "form": self.form,
            # not where there is none: an effect of an earlier release is known by the rest
            **{name: shown(getattr(self, name)) for name in ("body", "multipart") if self._has(name)},
        }
        begun = monotonic()
        name, kind = ports.limit_key(self.connection, request.url)
        # around the intent as well: a call that waits at a rate limit has no intent yet
        async with run.ports.throttle.acquire(name, kind=kind):
            result = await write_once(
                run,
                target=f"{self.method} {request.url}",
                target_class=self._target_class(),
                request=wanted,
                write=partial(self._write, run, request),
                key_retention=self.effect.seconds() if self.effect else None,
            )
        if isinstance(result, NeedsReview):
            return result
        # after the receipt: the write succeeded even if its answer is invalid, or the page that it names fails
        left = request.timeout * _SHARE - (monotonic() - begun)
        result = await result_page(result, replace_request(request, timeout=left), partial(self._send, run))
        self._ensure_answer(result)
        return Completed(output=result)

    def _target_class(self) -> TargetClass:
        declared = self.effect.deduplicates if self.effect else None
        # PUT and DELETE are idempotent (RFC 9110, 9.2.2)
        repeats = self.method in ("PUT", "DELETE") if declared is None else declared
        return "deduplicates" if repeats else "neither"

    def _request(self, run: StepRun, connection: JsonObject) -> ports.HttpRequest:
        from flowbuilder.steps.http.bodies import content_of, parts_of

        url = absolute_url(self.url, connection)
        content, content_type = content_of(self.body, self.headers) if self.body is not None else (None, "")
        return ports.HttpRequest(
            method=self.method,
            url=url,
            headers={"accept": "application/json, */*;q=0.5", **self.headers},
            auth=_credentials(connection, url),
            query=self.query,
            json=self.json_body,
            form=self.form,
            content=content,
            content_type=content_type,
            multipart=parts_of(self.multipart) if self.multipart is not None else (),
            hosts=run.hosts,
            # a little less than the time limit of the step, whose message names no host
            timeout=self.timeout_seconds * _SHARE_OF_REQUEST if self.timeout_seconds else 30.0,
            idempotency_key=run.effect_key or None if self.has_effect() else None,
        )

    async def _write(self, run: StepRun, request: ports.HttpRequest) -> Written:
        from flowbuilder.steps.http.writes import write

        return Written(output=await write(run.ports.http, request))

    async def _read(self, run: StepRun, request: ports.HttpRequest) -> JsonObject:
        if self.paginate is not None:
            send = partial(self._send, run)
            pages = Pages(paginate=self.paginate, send=send, read=self._checked, path=self._path_of_list())
            return await pages.all(request)
        return await self._checked(await self._send(run, request))

    async def _send(self, run: StepRun, request: ports.HttpRequest) -> ports.HttpResponse:
        name, kind = ports.limit_key(self.connection, request.url)
        async with run.ports.throttle.acquire(name, kind=kind):
            answer = await run.ports.http.send(request)
            answer.ensure_success(f"{request.method} {request.url}")
        if answer.status == 206 and not any(name.lower() == "range" for name in request.headers):
            message = f"{request.method} {request.url} answered 206: a part of what was asked for, and no range was"
            raise StepError(message, code="http_206", detail={"status": 206})
        return answer

    async def _checked(self, answer: ports.HttpResponse) -> JsonObject:
        if len(answer.body) <= _LARGE:
            return self._read_answer(answer)
        import asyncio  # here: validating a document loads this step type, and needs no event loop

        # in a thread: a large answer takes long, and other executions share this event loop
        return await asyncio.to_thread(self._read_answer, answer)

    def _read_answer(self, answer: ports.HttpResponse) -> JsonObject:
        from flowbuilder.steps.http.answers import output_of

        output = output_of(answer)
        self._ensure_answer(output)
        return output

    def _ensure_answer(self, output: JsonObject) -> None:
        """Raise unless the body is as the author's schema says."""
        if self.response_schema is None:
            return
        if problem := output.get("body_error"):
            message = f"{problem['message']}; the write was made, and is not repeated"
            raise StepError(message, code=str(problem["code"]), detail={"status": output["status"]})
        ensure_matches(self.response_schema, output["body"], "the answer")


def absolute_url(url: str, connection: Mapping[str, Any]) -> str:
    """The URL; a path is made absolute with the connection's `base_url`."""
    base = str(connection.get("base_url") or connection.get("url") or "")
    if not url.startswith("/") or url.startswith("//"):
        return url
    if not base:
        raise StepError("a url without a host needs a connection with a base_url", code="invalid_field")
    return base.rstrip("/") + url


def _credentials(connection: Mapping[str, Any], url: str) -> ports.Credentials:
    """The connection's credentials; `StepError` when the URL itself is not where they may be sent."""
    found = ports.credentials_of(connection)
    if connection and not found.may_be_sent_to(url):
        scheme, host, port = ports.origin_of(url)
        place = f"{scheme}://{host}:{port}"
        message = f"the connection's credentials may not be sent to {place:.200}; list that address under its hosts"
        raise StepError(message, code="egress")
    return found
