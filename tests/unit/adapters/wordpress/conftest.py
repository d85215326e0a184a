"""Posts of a real WordPress, and the adapter on it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from tests.support.servers.wordpress_site import WordPressSite

_NUMBERS = count(1)


@pytest.fixture
def blog_cms(blog_site: WordPressSite) -> WordPress:
    return cms_of(blog_site)


@pytest.fixture
def make(blog_site: WordPressSite) -> Callable[..., Any]:
    """Make a post (or a page, with `kind`) by hand, as its author would; returns it."""

    def make_post(content: str = "<p>Old.</p>", *, kind: str = "posts", **more: Any) -> Any:
        post = {"title": "Tea", "content": content, "status": "publish", "slug": f"tea-{next(_NUMBERS)}", **more}
        return blog_site.rest("POST", f"/wp/v2/{kind}", post)

    return make_post


def cms_of(site: WordPressSite, user: str = "admin", password: str = "", **record: Any) -> WordPress:
    """The adapter, as a user of the site."""
    connection = {"url": site.url, "username": user, "password": password or site.password}
    return WordPress(GuardedHttp(Egress(["127.0.0.1"])), connection, {"type": "wordpress", **record})
