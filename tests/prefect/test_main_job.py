"""The main workflow through Prefect: a page is chosen by its figures, its draft reviewed, published and verified."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.devstack.sample_site.site import SampleSite
from flowbuilder.settings import Settings
from tests.support.servers.prefect_installation import PrefectInstallation, prefect_state

pytestmark = pytest.mark.prefect
DEPLOYMENTS = Path(__file__).parents[2] / "deployments"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SampleSite]:
    content = tmp_path / "sites" / "content"
    shutil.copytree(DEPLOYMENTS / "content", content)
    with SampleSite(content=content, search=content / "search.yaml", port=0) as served:
        thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


async def test_a_decaying_page_is_refreshed_reviewed_published_and_verified(
    installation: PrefectInstallation, settings: Settings, site: SampleSite
) -> None:
    address = site.address.removeprefix("http://")
    real = settings.model_copy(update={"gsc_base_url": site.address, "egress_allow": address})
    whole = PrefectInstallation(
        store=installation.store, ports=real_ports(real, FileConnections(real.home)), settings=real
    )
    workflow = whole.publish((DEPLOYMENTS / "workflows" / "decay-refresh.yaml").read_text())
    record = {
        "site": "leaf.example",
        "title": "Leaf",
        "base_url": site.address,
        "gsc": {"property": "sc-domain:leaf.example"},
        "cms": {"type": "files", "root": str(site.content), "url_prefix": "/"},
        "models": {"editor": "demo:editor"},
        "reviewers": {"editors": "anyone"},
    }
    whole.store.save_site("leaf.example", record)
    async with whole.worker():
        execution_id = await whole.start(workflow, site="leaf.example")
        review = await whole.review(execution_id)
        assert review.request.base != review.request.proposal
        await whole.decide(review)
        await whole.status(execution_id, "completed", "failed")
        await prefect_state(execution_id, "Completed")
    outputs = whole.app.execution(execution_id).outputs
    assert outputs["decision"] == "approved"
    assert outputs["verified"]["live"] is True
    assert outputs["receipt"]["url"] == outputs["url"]
