"""Steps that take their time: an HTTP server of the fakes that answers slowly."""

import asyncio
from dataclasses import replace

from flowbuilder.ports import HttpRequest, HttpResponse
from tests.support.prefect_installation import PrefectInstallation

SLOW = """
schema: flowbuilder/v1
name: slow
steps:
  - {id: first, type: api, url: "https://slow.example/first"}
  - {id: second, type: api, url: "https://slow.example/second", depends_on: [first]}
  - {id: third, type: api, url: "https://slow.example/third", depends_on: [second]}
outputs: {last: "{{ steps.third.output.body }}"}
"""


class SlowHttp:
    """Answers everything, after a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def send(self, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(self.seconds)
        return HttpResponse(status=200, headers={"content-type": "text/plain"}, body=b"ok", url=request.url)


def slow_shop(shop: PrefectInstallation, *, seconds: float) -> PrefectInstallation:
    """The same shop, with a slow outside world."""
    return PrefectInstallation(
        store=shop.store, ports=replace(shop.ports, http=SlowHttp(seconds)), settings=shop.settings
    )
