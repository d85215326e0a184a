"""Sitemaps: the addresses that a site says it has. XML, sitemap indexes, gzip and plain lists, within limits."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from flowbuilder.errors import ConfigurationError, FlowbuilderError
from flowbuilder.ports import Http, HttpRequest

MAX_SITEMAPS = 100
MAX_ADDRESSES = 100_000
MAX_BYTES = 64 * 1024 * 1024
_TIMEOUT_SECONDS = 20.0


async def sitemap_addresses(place: str, http: Http) -> AsyncIterator[str]:
    """The URLs of a sitemap at a URL or in a file, and of those that it names, each once.

    A file names others by URL; one beside it, of the same name, is read in place of the URL. At most 100 sitemaps and
    100,000 addresses are read. `ConfigurationError` for one that cannot be read.
    """
    folder = None if "://" in place else Path(place).parent
    ahead, seen, given = [place], {place}, set[str]()
    while ahead and len(seen) <= MAX_SITEMAPS:
        at = ahead.pop(0)
        sitemaps, addresses = _entries(at, await _content(at, folder, http))
        for address in addresses:
            if address not in given and len(given) < MAX_ADDRESSES:
                given.add(address)
                yield address
        for one in sitemaps:
            following = urljoin(at, one) if folder is None else one
            if following not in seen:
                seen.add(following)
                ahead.append(following)


async def _content(at: str, folder: Path | None, http: Http) -> bytes:
    try:
        if folder is None:
            response = await http.send(HttpRequest(method="GET", url=at, timeout=_TIMEOUT_SECONDS, max_bytes=MAX_BYTES))
            response.ensure_success(f"the sitemap {at:.200}")
            content = response.body
        else:
            name = urlsplit(at).path.rpartition("/")[2] if "://" in at else ""
            with (folder / name if name else Path(at)).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise ConfigurationError(f"cannot read the sitemap {at:.200}: {problem.strerror}") from None
    except FlowbuilderError as problem:
        raise ConfigurationError(f"cannot read the sitemap {at:.200}: {problem.message}") from None
    if content[:2] == b"\x1f\x8b":
        content = _unpacked(at, content)
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"the sitemap {at:.200} is larger than {MAX_BYTES:,} bytes")
    return content


def _unpacked(at: str, content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(content, MAX_BYTES + 1)
    except zlib.error:
        raise ConfigurationError(f"the sitemap {at:.200} is not valid gzip") from None


def _entries(at: str, content: bytes) -> tuple[list[str], list[str]]:
    """The sitemaps and the addresses that a sitemap names."""
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = content.decode("utf-8-sig", "replace").split()
        return [], [line for line in lines if line.startswith(("http://", "https://"))]
    from lxml import etree  # type: ignore[import-untyped] # only checks of a site need it

    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    root = etree.fromstring(content.lstrip(), parser)
    if root is None:
        raise ConfigurationError(f"the sitemap {at:.200} is not XML")
    sitemaps: list[str] = []
    addresses: list[str] = []
    for node in root.iter("{*}loc"):
        above = node.getparent()
        kind = "" if above is None else etree.QName(above).localname
        text = (node.text or "").strip()
        if text and kind in ("url", "sitemap"):
            (sitemaps if kind == "sitemap" else addresses).append(text)
    return sitemaps, addresses
