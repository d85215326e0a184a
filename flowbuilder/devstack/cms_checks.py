"""Checks of WordPress and Ghost sites for `doctor`: whether the site answers, and what the connection may write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from flowbuilder.errors import FlowbuilderError, StepError
from flowbuilder.ports import Http, HttpRequest, HttpResponse
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject

SECONDS = 10.0
"""The time that a site has to answer."""
MAX_NAMED = 5
"""The most pages that one message names."""


def user_problems(settings: Settings, connection: JsonObject) -> Iterator[tuple[str, str]]:
    """What is wrong with the user of a WordPress connection: a message and its remedy."""
    from flowbuilder.adapters.cms.wordpress.rest import Rest
    from flowbuilder.adapters.cms.wordpress.user import User

    try:
        rest = Rest(_quick_http(settings), connection, "", None)
        capabilities = asyncio.run(User(rest).capabilities())
    except (FlowbuilderError, TimeoutError) as problem:
        yield f"cms: {str(problem) or 'WordPress did not answer in time'}", _remedy(problem, "application password")
        return
    name = connection.get("username")
    if capabilities.get("edit_posts") is not True:
        yield f"cms: the WordPress user {name} may not edit posts", "give the user the role of an editor"
    elif capabilities.get("unfiltered_html") is not True:
        message = (
            f"cms: WordPress cleans what the user {name} writes (no unfiltered_html): pages with frames, forms or "
            "scripts cannot be edited, and reviews show what would be taken out"
        )
        yield message, "give the user a role that has unfiltered_html, and leave DISALLOW_UNFILTERED_HTML out"


def key_problems(settings: Settings, connection: JsonObject) -> Iterator[tuple[str, str]]:
    """What is wrong with the key of a Ghost connection, and which pages cannot be written: a message and its remedy."""
    try:
        old = asyncio.run(_old_pages(_quick_http(settings), connection))
    except (FlowbuilderError, TimeoutError) as problem:
        yield f"cms: {str(problem) or 'Ghost did not answer in time'}", _remedy(problem, "admin_api_key")
        return
    if old:
        names = f"{', '.join(old[:MAX_NAMED])}{' and others' if len(old) > MAX_NAMED else ''}"
        message = f"cms: pages of Ghost's earlier editor cannot be written: {names}"
        yield message, "open each that is to be edited in Ghost's editor, and save it once"


async def _old_pages(http: Http, connection: JsonObject) -> list[str]:
    """The addresses of some posts and pages of Ghost's earlier editor."""
    from flowbuilder.adapters.cms.ghost.api import GhostApi

    api, found = GhostApi(http, connection), []
    for kind in ("posts", "pages"):
        answer = await api.rows(kind, filter="lexical:null", limit=str(MAX_NAMED + 1), fields="slug,url")
        found += [str(row.get("url") or row.get("slug")) for row in answer.rows]
    return found


def _remedy(problem: Exception, secret: str) -> str:
    if isinstance(problem, StepError) and problem.code == "egress":
        return "a site in a private network: add its host to FLOWBUILDER_EGRESS_ALLOW"
    return f"check the url and the {secret}"


def _quick_http(settings: Settings) -> Http:
    from flowbuilder.adapters.egress import Egress
    from flowbuilder.adapters.http.guarded_http import GuardedHttp

    class Quick(GuardedHttp):
        async def send(self, request: HttpRequest) -> HttpResponse:
            async with asyncio.timeout(SECONDS):
                return await super().send(request)

    return Quick(Egress(settings.egress))
