"""Planted secrets, servers of every kind that send all of them back in every form, and the search for them."""

from __future__ import annotations

import html
import json
import sys
import textwrap
from base64 import b64encode, urlsafe_b64encode
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import yaml
from pytest_httpserver import HTTPServer
from sqlalchemy import MetaData, create_engine
from werkzeug import Request, Response

from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.testing.model_servers import WIRES
from flowbuilder.values import JsonObject

KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7plantedline"
SECRETS = {
    "api token": "tok-4711-Plain",
    "api password": 'pass "quoted" & <slashed>/\\',
    "api header": "hdr+slash/equals==9",
    "api cookie": "sid=äöü-Umlaut-9",
    "number": "8675309123",
    "wordpress password": "abcd EFGH 1234 ijkl MNOP 5678",
    "gsc refresh token": "1//0refresh-Token_77",
    "gsc client secret": "GOCSPX-planted-secret",
    "gsc access token": "ya29.planted/access-token",
    "key line": KEY_LINE,
    "openai key": "sk-proj-plantedOpenai123",
    "anthropic key": "sk-ant-plantedAnthropic1",
    "google key": "AIzaSyPlantedGoogle-123",
    "environment key": "sk-ant-env-planted-1234",
    "mcp environment": "mcp_env_planted%20literal",
    "mcp option": "mcp-option-planted-77",
    "mcp http token": "mcp-http-token-planted",
    "mcp http query": "mcp-query-planted-1",
    "address password": "dsn-Passw0rd-planted",
    "unnamed token": "Zq81xPlantedWithoutName77",
    "database password": "db p@ss/w#rd-planted",
}
SENSITIVE: JsonObject = {
    "text": 'sens-4711 "quoted" & <slashed>/',
    "number": 4455667788,
    "nested": {"user": "unknown-user", "keys": ["nested+secret/one", "zwei-äöü-planted"]},
}
"""Sensitive inputs of the workflow; the search finds the texts and numbers inside of them too."""
INSIDE: dict[str, str] = {
    "sensitive text": SENSITIVE["text"],
    "sensitive number": str(SENSITIVE["number"]),
    "sensitive user": "unknown-user",
    "sensitive key one": "nested+secret/one",
    "sensitive key two": "zwei-äöü-planted",
}
USER = "editor"


def spellings(secret: str) -> list[str]:
    """What servers make of a secret, written without the code under test."""
    data = secret.encode()
    return [
        secret,
        b64encode(data).decode(),
        urlsafe_b64encode(data).decode(),
        b64encode(f"{USER}:{secret}".encode()).decode(),
        b64encode(f"x{secret}; more".encode()).decode(),
        b64encode(f"xy{secret}; more".encode()).decode(),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        json.dumps(secret),
        json.dumps(json.dumps(secret)),
        json.dumps(secret, ensure_ascii=False).replace("/", "\\/"),
        html.escape(secret),
        data.hex(),
        repr(secret),
    ]


def traces(secret: str) -> set[bytes]:
    """Byte strings that give a secret away: its spellings without what stands around them, and its base64 inside."""
    found = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], html.escape(secret)}
    found |= {secret.encode().hex(), secret.replace(" ", "")}
    for before in ("", "x", "xy"):
        encoded = b64encode(f"{before}{secret}".encode()).decode()
        found.add(encoded[4 if before else 0 : len(encoded) // 4 * 4 - 4])
    return {text.encode() for text in found}


def found_in(data: bytes) -> list[str]:
    """The names of the secrets that these bytes give away."""
    known = SECRETS | INSIDE
    return [name for name, secret in known.items() if any(trace in data for trace in traces(secret))]


ALL = [spelling for secret in (SECRETS | INSIDE).values() for spelling in spellings(secret)]
LINE = " | ".join(ALL)
ASCII_LINE = " | ".join(text for text in ALL if text.isascii())


class PlantedServers:
    """One HTTP server that speaks for all services, and the connections that name it."""

    def __init__(self, http: HTTPServer, home: Path) -> None:
        self.http, self.home = http, home
        self.base = http.url_for("").rstrip("/")
        for path, answer in self._answers().items():
            http.expect_request(path).respond_with_handler(answer)
        home.mkdir(parents=True, exist_ok=True)
        (home / "connections.yaml").write_text(yaml.safe_dump(self.connections(), allow_unicode=True))
        (home / "program.py").write_text(PROGRAM)
        with closing(library()[0].connect(home / "rows.db", isolation_level=None)) as made:
            made.execute("CREATE TABLE said (line TEXT, pin INTEGER)")
            made.execute("INSERT INTO said VALUES (?, ?)", (LINE, int(SECRETS["number"])))
            line = LINE.replace("'", "''")
            made.execute(f"CREATE TRIGGER refuses BEFORE DELETE ON said BEGIN SELECT RAISE(ABORT, '{line}'); END")

    def connections(self) -> JsonObject:
        base, secret = self.base, SECRETS
        headers = {"X-Api-Key": secret["api header"], "Cookie": quote(secret["api cookie"]), "X-Pin": "1"}
        return {
            "api": {"base_url": base, "token": secret["api token"]},
            "cookies": {"base_url": base, "headers": headers, "session": secret["api cookie"]},
            "basic": {"base_url": base, "username": USER, "password": secret["api password"]},
            "pin": {"base_url": base, "password": int(secret["number"]), "extra": secret["unnamed token"]},
            "dsn": {"base_url": base, "database": f"postgres://u:{secret['address password']}@db/x", "token": "abc"},
            "wp": {"url": base, "username": USER, "password": secret["wordpress password"]},
            "gsc": {
                "refresh_token": secret["gsc refresh token"],
                "client_id": "client",
                "client_secret": secret["gsc client secret"],
                "token_uri": f"{base}/token",
                "private_key": f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n-----END PRIVATE KEY-----\n",
            },
            **{
                name: {"api_key": secret[f"{name} key"], "base_url": f"{base}/{name}{'/v1' * (name == 'openai')}"}
                for name in ("openai", "anthropic", "google")
            },
            "tools": {
                "command": [sys.executable, str(self.home / "program.py"), "--api-key", secret["mcp option"]],
                "environment": {"SERVICE_TOKEN": secret["mcp environment"]},
            },
            "rows": {"url": f"sqlite:///{self.home}/rows.db"},
            "elsewhere": {"url": f"postgresql://u:{quote(secret['database password'], safe='')}@127.0.0.1:1/x"},
            "web": {
                "url": f"{base}/mcp?api_key={secret['mcp http query']}",
                "token": secret["mcp http token"],
            },
        }

    def site(self) -> JsonObject:
        return {
            "site": "planted.example",
            "base_url": self.base,
            "cms": {"type": "wordpress", "connection": "wp"},
            "gsc": {"property": "p", "connection": "gsc", "base_url": self.base},
        }

    def _answers(self) -> dict[str, Any]:
        def said(body: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Any:
            text = body if isinstance(body, str) else json.dumps(body)
            return lambda request: Response(text, status, headers=headers, content_type=kind)

        answers = {
            "/json": said({"all": ALL, LINE: 1, "pin": int(SECRETS["number"])}),
            "/utf16": lambda request: Response(LINE.encode("utf-16"), content_type="text/plain; charset=utf-16"),
            "/html": said(f"<title>{html.escape(LINE)}</title><p>{html.escape(LINE)}</p>", kind="text/html"),
            "/headers": lambda request: Response("[]", headers={"X-Echo": ASCII_LINE}, content_type="application/json"),
            "/error": said({"message": LINE}, 400),
            "/away": lambda request: Response("", 302, {"Location": "/json?token=" + quote(ASCII_LINE[:3000])}),
            "/moved": lambda request: Response("", 307, {"Location": "/nowhere?token=" + quote(ASCII_LINE[:3000])}),
            "/wrong": said("{" + LINE),
            "/written": said({"made": ALL}, 201),
            "/token": said({"access_token": SECRETS["gsc access token"], "expires_in": 3600, "token_type": "Bearer"}),
            "/webmasters/v3/sites/p/searchAnalytics/query": said(
                {"rows": [{"keys": [LINE], "clicks": 1, "impressions": 1, "ctr": 1.0, "position": 1.0}]}
            ),
            "/v1/urlInspection/index:inspect": said({"error": {"message": LINE}}, 403),
            "/": self._wordpress,
            "/mcp": said({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": LINE}}, 400),
        }
        for name in ("openai", "anthropic", "google"):
            wire = WIRES[name]
            answers[f"/{name}{wire.path}"] = self._model(name)
        return answers

    def _model(self, name: str) -> Any:
        wire = WIRES[name]

        def answer(request: Request) -> Response:
            asked = request.get_json()
            if "please fail" in json.dumps(asked):
                body = {"error": {"message": LINE, "type": "invalid_request_error", "code": 400, "status": LINE}}
                return Response(json.dumps(body), 400, content_type="application/json")
            sent = wire.say(asked, LINE)
            return Response(sent.body, content_type=sent.content_type)

        return answer

    def _wordpress(self, request: Request) -> Response:
        route = request.args.get("rest_route", "")
        if "denied" in request.args.get("slug", ""):
            return Response(json.dumps({"message": LINE}), 401, content_type="application/json")
        if route.startswith("/wp/v2/posts"):
            raw = {"raw": LINE}
            page = {"id": 1, "title": raw, "content": raw, "excerpt": raw, "link": f"{self.base}/a#{quote(LINE)}"}
            return Response(json.dumps([page]), content_type="application/json")
        return Response("[]", content_type="application/json")


PROGRAM = textwrap.dedent('''
    """An MCP server that sends its secrets back by every way there is."""

    import json, sys
    from pathlib import Path
    sys.path.insert(0, ROOT)
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from tests.support.planted_secrets import ALL, LINE

    server = MCPServer("planted", instructions=LINE)

    @server.tool(description=LINE)
    def say() -> dict:
        print(LINE, file=sys.stderr, flush=True)
        return {"all": ALL}

    @server.tool()
    def fail() -> str:
        raise ToolError(LINE[:300] + LINE)

    server.run("stdio")
''').replace("ROOT", repr(str(Path(__file__).parents[2])))


def rows_but_sensitive(database_url: str) -> bytes:
    """The rows of all tables but the one that holds sensitive inputs, as text."""
    seen, found = MetaData(), []
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    seen.reflect(engine)
    assert "sensitive_inputs" in seen.tables
    with engine.connect() as connection:
        for table in seen.sorted_tables:
            if table.name != "sensitive_inputs":
                found += [repr(tuple(row)) for row in connection.execute(table.select())]
    engine.dispose()
    return "\n".join(found).encode()


def document() -> str:
    """A workflow that calls all of it; each step may fail, and the review shows what was answered."""
    # the access token is a secret from the moment in which it is issued: this step comes first
    steps: list[JsonObject] = [{"id": "rows", "type": "gsc", "dimensions": ["page"]}]

    def step(id: str, **fields: Any) -> None:
        steps.append({"id": id, "on_error": "continue", "depends_on": "rows", **fields})

    for name, url in (("json", "/json"), ("utf16", "/utf16"), ("headers", "/headers"), ("away", "/away")):
        step(f"api_{name}", type="api", connection="api", url=url)
    for name in ("error", "wrong", "away"):
        step(f"bad_{name}", type="api", connection="basic", url=f"/{name}", paginate={"next": "next", "items": "none"})
    for name in ("pin", "dsn", "cookies"):
        step(f"with_{name}", type="api", connection=name, url="/json")
    step("given", type="api", connection="api", url="/json", headers={"X-Key": "{{ inputs.text }}"})
    step("code", type="code", source="[text, number + 1]", **{"with": {"text": "{{ inputs.text }}", "number": 1}})
    step("broken", type="code", source="nested.missing", **{"with": {"nested": "{{ inputs.nested }}"}})
    given = "{{ inputs.text }} {{ inputs.number }} {{ inputs.nested }} {{ inputs.text | urlencode }}"
    step("given_model", type="llm", connection="openai", model=WIRES["openai"].model, prompt=given, timeout_seconds=60)
    step("page", type="page", url="{{ site.base_url }}/html")
    step("post", type="api", connection="api", method="POST", url="/written", json={"a": 1})
    step("moved", type="api", connection="api", method="POST", url="/moved", json={"a": 1})
    step("refused", type="api", connection="api", method="POST", url="/error", json={"a": 1})
    step("cms", type="cms", url="{{ site.base_url }}/a")
    step("cms_denied", type="cms", url="{{ site.base_url }}/denied")
    step("inspect", type="gsc", operation="inspect", url="https://example.com/")
    for name in ("openai", "anthropic", "google"):
        model = WIRES[name].model
        step(f"ask_{name}", type="llm", connection=name, model=model, prompt="please answer", timeout_seconds=60)
        step(f"fail_{name}", type="llm", connection=name, model=model, prompt="please fail", timeout_seconds=60)
    for tool in ("say", "fail"):
        step(f"tool_{tool}", type="mcp", server="tools", tool=tool)
    for name, query in (("rows", 'SELECT line, pin, 1 AS "a" FROM said'), ("rows_refused", "DELETE FROM said")):
        effect = {"effect": {}} if name == "rows_refused" else {}
        step(f"sql_{name}", type="sql", connection="rows", query=query, **effect)
    step("sql_elsewhere", type="sql", connection="elsewhere", query="SELECT 1 AS a")
    step("tool_web", type="mcp", server="web", tool="say")
    called = ("api_json", "page", "cms", "tool_say", "ask_openai", "sql_rows")
    shown = [f"{{{{ steps.{name}.output | default('') }}}}" for name in called] + ["{{ steps.rows.output }}"]
    after = [item["id"] for item in steps]
    review = {"id": "review", "type": "human_review", "title": "Look", "proposal": shown, "depends_on": after}
    kinds = {"text": "string", "number": "integer", "nested": "object"}
    whole = {
        "schema": "flowbuilder/v1",
        "name": "planted",
        "inputs": {"label": {"type": "string"}}
        | {name: {"type": kind, "sensitive": True} for name, kind in kinds.items()},
        "steps": [*steps, review],
        "outputs": {"shown": shown, "given": {"value": "{{ inputs.text }} {{ inputs.number }}", "sensitive": True}},
    }
    return yaml.safe_dump(whole, sort_keys=False)
