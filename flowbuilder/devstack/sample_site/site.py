"""The HTTP server of the sample site: its pages, and the part of Search Console's API that the `gsc` step uses."""

from __future__ import annotations

import json
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from flowbuilder.devstack.sample_site.pages import all_pages, find_page, render_missing, render_page
from flowbuilder.devstack.sample_site.search import BadQuery, answer_query, read_series

MAX_BODY = 1_000_000
_PACIFIC = ZoneInfo("America/Los_Angeles")


class SampleSite(ThreadingHTTPServer):
    """Serves the Markdown pages in `content`, read on every request, and the search data of `search`.

    `address` is its URL. Port 0 takes a free port.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, content: Path, search: Path, port: int, host: str = "127.0.0.1", today: str = "") -> None:
        super().__init__((host, port), _Handler)
        self.content, self.search, self.today = content, search, today
        self.address = f"http://{host}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: SampleSite
    server_version = "flowbuilder-sample"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/webmasters/v3/sites":
            entry = {"siteUrl": "sc-domain:leaf-and-kettle.example", "permissionLevel": "siteOwner"}
            return self._json(HTTPStatus.OK, {"siteEntry": [entry]})
        if path == "/sitemap.xml":
            return self._send(HTTPStatus.OK, "application/xml", self._sitemap())
        page = find_page(self.server.content, path)
        if page is None:
            return self._send(HTTPStatus.NOT_FOUND, "text/html", render_missing(self.server.content, path))
        return self._send(HTTPStatus.OK, "text/html", render_page(self.server.content, page))

    do_HEAD = do_GET

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            return self._error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large")
        path = urlsplit(self.path).path
        try:
            request = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            return self._error(HTTPStatus.BAD_REQUEST, "the request is not JSON")
        if not isinstance(request, dict):
            return self._error(HTTPStatus.BAD_REQUEST, "the request is not an object")
        if path.startswith("/webmasters/v3/sites/") and path.endswith("/searchAnalytics/query"):
            return self._search(request)
        if path == "/v1/urlInspection/index:inspect":
            return self._inspect(str(request.get("inspectionUrl", "")))
        return self._error(HTTPStatus.NOT_FOUND, f"there is no {path}")

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests."""

    def _search(self, request: dict[str, Any]) -> None:
        today = datetime.fromisoformat(self.server.today) if self.server.today else datetime.now(_PACIFIC)
        try:
            series = read_series(self.server.search)
            answer = answer_query(series, self.server.address, request, today.date())
        except BadQuery as problem:
            return self._error(HTTPStatus.BAD_REQUEST, str(problem))
        return self._json(HTTPStatus.OK, answer)

    def _inspect(self, url: str) -> None:
        known = find_page(self.server.content, unquote(urlsplit(url).path)) is not None
        state = "Submitted and indexed" if known else "URL is unknown to Google"
        status = {
            "verdict": "PASS" if known else "NEUTRAL",
            "coverageState": state,
            "robotsTxtState": "ALLOWED",
            "indexingState": "INDEXING_ALLOWED",
            "pageFetchState": "SUCCESSFUL" if known else "PAGE_FETCH_STATE_UNSPECIFIED",
            "googleCanonical": url,
        }
        self._json(HTTPStatus.OK, {"inspectionResult": {"inspectionResultLink": "", "indexStatusResult": status}})

    def _sitemap(self) -> str:
        address, pages = self.server.address, all_pages(self.server.content)
        places = "".join(f"<url><loc>{address}{page.path}</loc></url>" for page in pages)
        return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'

    def _error(self, status: HTTPStatus, message: str) -> None:
        self._json(status, {"error": {"code": status.value, "message": message, "status": status.name}})

    def _json(self, status: HTTPStatus, value: Any) -> None:
        self._send(status, "application/json", json.dumps(value))

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
