"""A workflow that publishes to a real Ghost: what was approved, byte for byte, and back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.engine.effects.undo import revert
from flowbuilder.errors import Refused
from flowbuilder.ports import Ports
from flowbuilder.settings import Settings
from flowbuilder.testing import run_locally
from tests.support.ghost_documents import KINDS, document
from tests.support.servers.ghost_site import GhostSite

pytestmark = [pytest.mark.ghost, pytest.mark.timeout(300)]
SITE = {"site": "ghost.example", "cms": {"type": "ghost", "connection": "blog"}}


@pytest.fixture
def ports(ghost_site: GhostSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ports:
    monkeypatch.setenv("FB_TEST_GHOST", ghost_site.key)
    (tmp_path / "connections.yaml").touch(0o600)
    (tmp_path / "connections.yaml").write_text(
        f"blog: {{url: '{ghost_site.url}', admin_api_key: {{env: FB_TEST_GHOST}}}}\n"
    )
    settings = Settings(home=tmp_path, egress_allow=ghost_site.url.removeprefix("http://"))
    return real_ports(settings, FileConnections(tmp_path))


def _workflow(*steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": "flowbuilder/v1",
        "name": "ghost",
        "title": "Ghost",
        "inputs": {"url": {"type": "string"}, "more": {"type": "string"}},
        "steps": list(steps),
        "outputs": {"body": "{{ steps.publish.output.body }}", "url": "{{ steps.publish.output.url }}"},
    }


REVIEW = {
    "id": "review",
    "type": "human_review",
    "title": "Tea",
    "base": "{{ steps.source.output.body }}",
    "proposal": "{{ steps.source.output.body }}\n\n{{ inputs.more }}",
}
UPDATE = _workflow(
    {"id": "source", "type": "cms", "url": "{{ inputs.url }}"},
    REVIEW,
    {"id": "publish", "type": "cms", "operation": "update", "url": "{{ inputs.url }}",
     "body": "{{ steps.review.output.approved }}", "if_unchanged": "{{ steps.source.output.hash }}"},
)  # fmt: skip
CREATE = _workflow(
    {**REVIEW, "base": None, "proposal": "{{ inputs.more }}"},
    {"id": "publish", "type": "cms", "operation": "create", "url": "{{ inputs.url }}", "title": "Tea",
     "body": "{{ steps.review.output.approved }}", "seo_description": "About tea."},
)  # fmt: skip


def test_an_approved_edit_is_published_and_reverted_byte_for_byte(ghost_site: GhostSite, ports: Ports) -> None:
    blocks = [block for kind in ("gallery", "image", "html with empty lines", "every format") for block in KINDS[kind]]
    row = {"title": "Tea", "status": "published", "lexical": document(*blocks)}
    made = ghost_site.admin("POST", "posts/?formats=lexical", {"posts": [row]})["posts"][0]
    finished = run_locally(
        UPDATE,
        {"url": made["url"], "more": "<p>Two <b>minutes</b>, <script>steal()</script>no more.</p>"},
        ports=ports,
        site=SITE,
        decide={"review": "approve"},
    )
    assert finished.status == "completed", finished.error
    assert finished.outputs["body"].endswith("\n\n<p>Two <strong>minutes</strong>, no more.</p>")
    assert "<strong>minutes</strong>, no more." in ghost_site.live(made["url"])
    (effect,) = finished.store.effects(finished.execution.id)
    assert (effect.inverse or {})["before"] == {"lexical": made["lexical"]}
    assert (effect.receipt or {})["body"] == finished.outputs["body"]
    asyncio.run(revert(finished.store, ports, effect.key, by="ana"))
    held = ghost_site.admin("GET", f"posts/{made['id']}/?formats=lexical")["posts"][0]
    assert held["lexical"] == made["lexical"]


def test_a_page_that_was_created_is_taken_back_unless_it_was_changed(ghost_site: GhostSite, ports: Ports) -> None:
    slug = f"tea-{uuid4().hex[:12]}"
    finished = run_locally(
        CREATE,
        {"url": f"{ghost_site.url}/{slug}/", "more": "# Tea\n\nHot water."},
        ports=ports,
        site=SITE,
        decide={"review": "approve"},
    )
    assert finished.status == "completed", finished.error
    live = ghost_site.live(finished.outputs["url"])
    assert "Hot water." in live
    assert 'content="About tea."' in live
    (effect,) = finished.store.effects(finished.execution.id)
    ghost_site.edit("posts", slug, meta_title="Theirs")
    with pytest.raises(Refused, match="changed since it was read"):
        asyncio.run(revert(finished.store, ports, effect.key, by="ana"))
    assert ghost_site.edit("posts", slug, meta_title=None)["status"] == "published"
    asyncio.run(revert(finished.store, ports, effect.key, by="ana"))
    assert ghost_site.admin("GET", f"posts/?filter=slug:'{slug}'")["posts"] == []
