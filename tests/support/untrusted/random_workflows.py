"""Random workflows of every step type, in which outsiders' text may reach what is sent."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.untrusted.marked_values import MARKER, Marked, is_marked
from tests.support.untrusted.refused_texts import RandomWorkflow, without_refused

PAGE = "https://evil.example/page"
PHOTO = "https://evil.example/photo.png"
HOOK = "https://hook.example/in"
MINOR = {"type": "object", "properties": {"n": {"type": "integer"}, "kind": {"enum": ["minor", "major"]}}}


@dataclass
class Generator:
    """Makes one workflow; the same seed makes the same one. `known`: the paths that templates may read, with values."""

    seed: int
    known: dict[str, Any] = field(default_factory=lambda: {"inputs.name": "Ana", "site.base_url": "https://my.example"})
    steps: list[dict[str, Any]] = field(default_factory=list)
    called: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    features: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.marked = Marked(self.seed)
        self.one, self.chance = self.marked.random.choice, self.marked.chance

    def make(self) -> RandomWorkflow:
        """Sources, steps that work on what they gave, and steps that send it; refused texts are replaced."""
        for _ in range(self.marked.random.randrange(1, 4)):
            self.one(
                (
                    self._api,
                    self._api,
                    self._api,
                    self._page,
                    self._gsc,
                    self._mcp,
                    self._failing,
                    self._read,
                    self._sql,
                    self._search,
                )
            )()
        for _ in range(self.marked.random.randrange(0, 4)):
            self.one(
                (self._code, self._llm, self._conditional, self._iteration, self._call, self._review, self._guard,
                 self._mcp_llm, self._review)
            )()  # fmt: skip
        for _ in range(self.marked.random.randrange(1, 4)):
            self._send(self.steps, self.known)
        self.features |= self.marked.said
        document = {
            "schema": "flowbuilder/v1", "name": "w", "hosts": ["*.example"],
            "inputs": {"name": {"type": "string"}}, "steps": self.steps,
            "outputs": {step["id"]: f"{{{{ steps.{step['id']}.status }}}}" for step in self.steps},
        }  # fmt: skip
        workflow = RandomWorkflow(document, tuple(self.called), self.answers, self.features)
        workflow.dropped = without_refused(workflow)
        return workflow

    def _step(self, id: str, type: str, given: Any, **fields: Any) -> str:
        """Add a step that may fail, and say what reading its output gives."""
        name = f"{id}{len(self.steps)}"
        self.features.add(type)
        on_error = "continue" if id == "bad" or self.chance(0.1) else {"continue_with": ""}
        self.steps.append({"id": name, "type": type, "on_error": on_error, **fields})
        self._learn(f"steps.{name}.output", given)
        return name

    def _learn(self, path: str, value: Any) -> None:
        self.known[path] = value
        if isinstance(value, dict):
            for key, inner in value.items():
                if not is_marked(key):
                    self.known[f"{path}[{key!r}]"] = inner

    def text(self, known: dict[str, Any] | None = None) -> str:
        """A template over the known paths."""
        context = self.known if known is None else known
        if self.chance(0.4):
            path = self.one(list(context))
            how = self.one(("", " | default([])", " | default('')", " | string", " | json", " | length", " or []",
                            " | default({}) | keys | join(' ')", " | first", " | join(', ')", " ~ ''"))  # fmt: skip
            return f"{self.one(('', 'Result: '))}{{{{ {path}{how} }}}}"
        return self.marked.template(context)

    def _api(self) -> None:
        value = self.marked.value()
        url = f"https://evil.example/api{len(self.steps)}"
        self.answers[url] = value
        more: dict[str, Any] = {"response_schema": self.marked.schema_for(value)} if self.chance(0.7) else {}
        self.features |= {f"schema {word}" for word in re.findall(r'"([$a-zA-Z]+)":', json.dumps(more))}
        output = {"body": value, "status": 200, "headers": {"x-note": MARKER}}
        if isinstance(value, list) and self.chance(0.2):
            self.features.add("paginate")
            more["paginate"] = {"max_pages": 1}
        self._step("get", "api", output, url=url, **more)

    def _page(self) -> None:
        output = {
            "title": MARKER,
            "text": MARKER,
            "status": 200,
            "links": [{"url": MARKER, "text": MARKER}],
            "url": PAGE,
        }
        self._step("page", "page", output, url=PAGE)

    def _gsc(self) -> None:
        self._step(
            "rows", "gsc", {"rows": [{"keys": [MARKER], "clicks": 3.0}], "final_until": "2026"}, dimensions=["page"]
        )

    def _sql(self) -> None:
        row = {"note": MARKER, "n": 7}
        more: dict[str, Any] = {"row_schema": self.marked.schema_for(row)} if self.chance(0.6) else {}
        query = self.one(("SELECT note, n FROM post", "SELECT note, n, :a AS a FROM post"))
        if ":a" in query:
            more["parameters"] = self.one(({"a": self.text()}, {"a": {"b": self.text()}}))
        rows: dict[str, Any] = {"rows": [row], "row_count": 1, "columns": ["note", "n"], "truncated": False}
        self._step("posts", "sql", rows, connection="crm", query=query, **more)
        self.known[f"steps.{self.steps[-1]['id']}.output.rows[0]"] = row
        self.known[f"steps.{self.steps[-1]['id']}.output.rows[0].note"] = MARKER

    def _search(self) -> None:
        source = {"url": f"https://evil.example/{MARKER}", "title": MARKER, "cited": True}
        query = self.one(("Is tea hot?", f"Find {self.text()}"))
        self._step("found", "search", {"text": MARKER, "sources": [source]}, model="openai:gpt-5.1", query=query)

    def _mcp(self) -> None:
        more: dict[str, Any] = {"tool": "say"}
        if self.chance(0.5):
            more = {"tool": "structured", "output_schema": self.marked.schema_for({"n": 1, "x": MARKER})}
        output = {"content": [{"text": MARKER}], "structured": {"n": 1, "x": MARKER}}
        self._step("tool", "mcp", output, server="s", **more)

    def _failing(self) -> None:
        self.features.add("error")
        text = self.text()
        kind, fields = self.one((
            ("mcp", {"server": "s", "tool": "fail"}),
            ("code", {"source": "raise ValueError(t)", "with": {"t": text}}),
            ("cms", {"operation": "read", "url": f"https://my.example/{text}"}),
            ("conditional", {"branches": [{"when": "true", "steps": [
                {"id": f"inner{len(self.steps)}", "type": "mcp", "server": "s", "tool": "fail"}]}]}),
            ("api", {"url": PAGE, "response_schema": {"enum": ["a"]}}),
            ("human_review", {"title": text, "assign": {"quorum": 99}}),
            ("sql", {"connection": "crm", "query": "SELECT json(note) FROM post"}),
            ("sql", {"connection": "failing", "query": "SELECT :a", "parameters": {"a": text}}),
        ))  # fmt: skip
        name = self._step("bad", kind, None, **fields)
        self.known[f"steps.{name}.error.message"] = MARKER
        self.known[f"steps.{name}.error.detail"] = {"reason": MARKER}
        self.known[f"steps.{name}.error"] = {"code": "a", "message": MARKER}

    def _read(self) -> None:
        url = self.one(("https://my.example/a", f"https://my.example/a?{self.text()}"))
        self._step("read", "cms", {"url": url, "body": "old", "hash": "a"}, operation="read", url=url)

    def _code(self) -> None:
        path = self.one(list(self.known))
        value = self.known[path]
        more = {"output_schema": self.marked.schema_for(value)} if self.chance(0.5) else {}
        self._step("code", "code", value, source="t", **{"with": {"t": f"{{{{ {path} }}}}"}}, **more)

    def _llm(self) -> None:
        more = (
            {"output_schema": {**MINOR, **self.one(({}, {"additionalProperties": False}))}} if self.chance(0.6) else {}
        )
        output = {"n": 1, "kind": "minor", "more": MARKER} if more else {"text": MARKER}
        if self.chance(0.3):
            self.features.add("images")
            more["images"] = self.one((PHOTO, [PHOTO, {"url": PHOTO, "alt": self.text()}]))
        self._step("draft", "llm", output, model="demo:", prompt=f"Rewrite {self.text()}", **more)

    def _mcp_llm(self) -> None:
        more: dict[str, Any] = {"tools": [{"server": "s", "tool": "write"}]} if self.chance(0.6) else {}
        more |= {"context": [{"server": "s", "tool": "say"}]} if self.chance(0.3) or not more else {}
        prompt = self.one(("Tidy up", f"Tidy {self.text()}"))
        self._step("agent", "mcp_llm", {"text": MARKER}, model="demo:", prompt=prompt, **more)

    def _guard(self) -> None:
        output = {"findings": [{"evidence": MARKER}], "worst": None}
        self._step("guard", "guard", output, proposal=self.text(), base=self.text())

    def _conditional(self) -> None:
        inner: list[dict[str, Any]] = []
        if self.chance(0.4):
            self._send(inner, self.known)
        when = self.one(("true", "false", f"({self.marked.expression(self.known)}) == 1"))
        path = self.one(list(self.known))
        branch = {"when": when, "steps": inner, "output": f"{{{{ {path} }}}}"}
        self._step("route", "conditional", self.known[path], branches=[branch], **{"else": {"output": self.text()}})

    def _iteration(self) -> None:
        over = self.one([path for path, value in self.known.items() if isinstance(value, list)] or ["[1, 2]"])
        value = (self.known.get(over) or [1])[0]
        inside = {**self.known, "item": value, "loop.index": 0}
        body: list[dict[str, Any]] = [{"id": f"each{len(self.steps)}", "type": "code", "source": "t",
                                       "with": {"t": "{{ item }}"}}]  # fmt: skip
        if self.chance(0.3):
            body[0] = {**body[0], "source": "raise ValueError(str(t))"}
        if self.chance(0.5):
            self._send(body, inside)
        more = {"key": self.marked.expression(inside, 2)} if self.chance(0.4) else {}
        more |= {"output": self.text(inside)} if self.chance(0.5) else {}
        name = self._step("loop", "iteration", None, over=over, steps=body, on_item_error="continue", **more)
        self.known[f"steps.{name}.output.outputs"] = [value]
        self.known[f"steps.{name}.output['items'][0].key"] = MARKER
        self.known[f"steps.{name}.output['items'][0].error.message"] = MARKER
        self.known[f"steps.{name}.output['items'][0].output"] = value

    def _call(self) -> None:
        path = self.one(list(self.known))
        value, name = self.known[path], f"callee{len(self.steps)}"
        inner = Generator(self.seed * 31 + len(self.steps), known={"inputs.n": value})
        if self.chance(0.5):
            inner._api()
            self.answers |= inner.answers
        else:
            inner._failing()
        if self.chance(0.6):
            inner._send(inner.steps, inner.known)
        for step in inner.steps:  # a failure inside is the failure of the call
            step.pop("on_error", None)
        outputs = {"t": f"{{{{ {self.one(list(inner.known))} }}}}", "n": 1}
        schema = self.marked.schema_for(value) if self.chance(0.8) else {}
        self.called.append({"schema": "flowbuilder/v1", "name": name, "inputs": {"n": schema}, "steps": inner.steps,
                            "outputs": outputs})  # fmt: skip
        without_refused(RandomWorkflow(self.called[-1], (), {}, set()))
        step = self._step("call", "workflow", {"t": MARKER}, name=name, **{"with": {"n": f"{{{{ {path} }}}}"}})
        self.known[f"steps.{step}.error.message"] = MARKER

    def _review(self) -> None:
        path = self.one([path for path in self.known if path.startswith("steps.")])
        more: dict[str, Any] = {}
        before = self.steps[-1]["id"]
        if self.chance(0.3):
            self.features.add("feedback")
            more = {"on_changes_requested": {"rewind_to": before}, "depends_on": [before]}
            self.known["feedback.previous"] = MARKER
        if self.chance(0.2):
            more["assign"] = {"people": [self.text()]}
        title = self.one(("Look", f"Look at {self.text()}")) + " changes" * bool(more.get("depends_on"))
        name = self._step("review", "human_review", None, title=title, proposal=f"{{{{ {path} }}}}", **more)
        self.known[f"steps.{name}.output.approved"] = "approved"
        self.known[f"steps.{name}.output.decision"] = "approved"

    def _send(self, steps: list[dict[str, Any]], known: dict[str, Any]) -> None:
        """Add a step that writes, with texts that may be anything."""

        def text() -> Any:
            reviews = [path for path in known if path.endswith(".approved")]
            if reviews and self.chance(0.3):
                return f"{{{{ {self.one(reviews)} }}}}"
            return self.text(known)

        name = f"send{len(self.steps)}x{len(steps)}"
        effect = {"effect": {"key": f"k{self.text(known)}"}} if self.chance(0.2) else {}
        cms = {"type": "cms", "operation": "update", "url": self.one(("https://my.example/a", "https://my.example/b"))}
        new = {"type": "cms", "operation": "create", "url": f"https://my.example/new/{text()}", "body": "hello"}
        post = {"type": "api", "method": self.one(("POST", "PUT", "PATCH")), "url": HOOK, **effect}
        insert = {"type": "sql", "connection": "crm", "query": "INSERT INTO post VALUES (:a, 1) RETURNING note, n",
                  "effect": {}}  # fmt: skip
        fields = self.one((
            {**cms, "body": text()}, {**cms, "title": text(), "description": text()}, {**cms, "body": text(), **effect},
            {**new, "if_unchanged": self.one(("", text()))}, {**new, "title": text()},
            {**post, "json": {"a": text(), "b": [text()]}}, {**post, "json": text()}, {**post, "query": {"q": text()}},
            {**post, "headers": {"x-a": text()}}, {**post, "form": {"f": text()}}, {**post, "url": f"{HOOK}?{text()}"},
            {"type": "mcp", "server": "s", "tool": "write", "arguments": {"a": text()}, "effect": {}},
            {"type": "mcp_code", "server": "s", "source": "1", "with": {"a": text()}},
            {**insert, "parameters": {"a": text()}}, {**insert, "parameters": {"a": {"b": [text()]}}, **effect},
            {**insert, "parameters": text()},
            {"type": "mcp_code", "server": "s", "source": self.one(("1", text()))},
            {**post, "body": text()}, {**post, "body": {"base64": text(), "content_type": text()}},
            {**post, "multipart": {"a": text(), "b": [text(), {"content": text(), "filename": text()}]}},
        ))  # fmt: skip
        self.features.add(str(fields["type"]))
        steps.append({"id": name, "on_error": "continue", **fields})
        if steps is self.steps:
            self._learn(
                f"steps.{name}.output", {"url": MARKER, "body": MARKER, "content": [MARKER], "rows": [{"note": MARKER}]}
            )
            self.known[f"steps.{name}.error.message"] = MARKER
