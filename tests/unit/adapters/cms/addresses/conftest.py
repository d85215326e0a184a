"""Small sites in a folder, and the addresses that rules give their files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.adapters.cms.addresses import open_addresses
from flowbuilder.adapters.cms.addresses.generated import GeneratedAddresses
from flowbuilder.adapters.cms.addresses.index import AddressIndex
from flowbuilder.adapters.cms.addresses.page_path import PagePath, SiteUrls

SITE = "https://my.example"


class Site:
    """A folder of files, and the rules of a generator for it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.descriptor = -1

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text, encoding="utf-8")

    def rules(self, *, base_url: str = "", **record: Any) -> GeneratedAddresses:
        rules = open_addresses({"type": "files", "root": "x", **record}, base_url=base_url)
        assert isinstance(rules, GeneratedAddresses)
        return rules

    def index(self, **record: Any) -> AddressIndex:
        return self.rules(**record).index(self.descriptor)

    def pages(self, **record: Any) -> dict[str, str]:
        """Each address that is the page of a file, and the file."""
        index = self.index(**record)
        return {address: file for file, addresses in index.files() for address in addresses}

    def find(self, url: str, **record: Any) -> str:
        return self.index(**record).find(path_of(url), url)


def path_of(url: str) -> PagePath:
    return SiteUrls(SITE, "/").path_of(url if "://" in url else SITE + url, is_lenient=True)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    root = tmp_path / "site"
    root.mkdir()
    made = Site(root)
    made.descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    yield made
    os.close(made.descriptor)


@pytest.fixture
def page() -> Callable[..., str]:
    """A Markdown file with front matter."""

    def text(**fields: str) -> str:
        return "---\n" + "".join(f"{name}: {value}\n" for name, value in fields.items()) + "---\n\nText.\n"

    return text
