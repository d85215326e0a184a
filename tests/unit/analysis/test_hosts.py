import pytest

from flowbuilder.definition.loader import load
from flowbuilder.engine.egress import reachable
from flowbuilder.errors import ConfigurationError

SITE = {"site": "example.com", "base_url": "http://127.0.0.1:8080/", "blank": ""}


def test_hosts_are_literal_or_come_from_the_site_without_ports() -> None:
    hosts = ("a.example.com", "*.example.org", "b.example.com:8080", "{{ site.base_url }}", "*.{{ site.site }}")
    assert reachable(hosts, SITE) == ("a.example.com", "*.example.org", "b.example.com", "127.0.0.1", "*.example.com")


@pytest.mark.parametrize("host", ["{{ site.blank }}", "{{ site.none }}", "{{ site.base_url.x }}", "http://[", "//"])
def test_a_host_that_the_site_lacks_allows_no_address(host: str) -> None:
    with pytest.raises(ConfigurationError, match="hosts"):
        reachable((host,), SITE)


def test_hosts_may_read_the_site_and_nothing_else() -> None:
    document = {
        "schema": "flowbuilder/v1",
        "name": "x",
        "hosts": ["{{ site.base_url }}", "{{ inputs.host }}", "{{ 1 + }}", "https://example.com/"],
        "steps": [{"id": "page", "type": "page", "url": "https://example.com"}],
    }
    _, report = load(document)
    assert [item.pointer for item in report] == ["/hosts/1", "/hosts/2", "/hosts/3"]
