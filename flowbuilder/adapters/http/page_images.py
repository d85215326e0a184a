"""The images of a page as a browser shows them in the end: lazy ones, `srcset`, `<picture>`, copies in `<noscript>`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from flowbuilder.values import JsonObject

MAX_IMAGES = 500
MAX_CANDIDATES = 50
MAX_NOSCRIPT = 20_000
_LAZY = (
    "data-src", "data-lazy-src", "data-original", "data-lazy", "data-original-src", "data-hi-res-src", "data-full-src",
    "data-large-file", "data-image", "data-url", "data-img-src", "data-actualsrc", "data-echo",
    "data-flickity-lazyload",
)  # fmt: skip
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")
_PLACEHOLDER = re.compile(
    r"(?:^|[/_.-])(?:placeholder|blank|spacer|transparent|lazy[_-]?load\w*|loading|loader|pixel|empty|1x1|1px)[^/]*\.(?:gif|png|svg|jpe?g|webp)(?:$|\?)",
    re.IGNORECASE,
)
_PIXEL = re.compile(r"\s*[01](?:px)?\s*")


def read_images(tree: LexborHTMLParser, absolute: Callable[[str | None], str]) -> list[tuple[str, str]]:
    """`(url, alt)` of each image, in order; `absolute` gives the URL of a reference, empty for one that has none."""
    found: list[tuple[str, str]] = []
    for node in tree.css("img, amp-img, noscript")[: MAX_IMAGES * 4]:
        if node.tag != "noscript":
            found += _image(node, absolute)
        elif "<img" in (text := node.text(deep=True)).lower():
            # the copy of a lazy image, or one that is only there
            for copy in LexborHTMLParser(text[:MAX_NOSCRIPT], is_fragment=True).css("img"):
                found += [image for image in _image(copy, absolute) if image[0] not in {url for url, _ in found}]
        if len(found) >= MAX_IMAGES:
            break
    return found[:MAX_IMAGES]


def _image(node: LexborNode, absolute: Callable[[str | None], str]) -> list[tuple[str, str]]:
    """The image of an element; none for a tracking pixel and for one without an address."""
    attributes = node.attributes
    if _is_pixel(attributes):
        return []
    url = next((url for place in _places(node, attributes) if (url := absolute(place))), "")
    return [(url, attributes.get("alt") or "")] if url else []


def candidates(srcset: str) -> list[tuple[str, float]]:
    """`(URL, width or density)` of each candidate of a `srcset`; a URL may hold commas."""
    found: list[tuple[str, float]] = []
    rest = srcset
    while (rest := rest.lstrip(" \t\r\n\f,")) and len(found) < MAX_CANDIDATES:
        parts = rest.split(None, 1)
        url, rest = parts[0], parts[1] if len(parts) > 1 else ""
        size = 1.0
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            described, _, rest = rest.partition(",")
            numbers = [word[:-1] for word in described.split() if word[-1:] in ("w", "x")]
            try:
                size = float(numbers[0]) if numbers else 1.0
            except ValueError:
                size = 1.0
        found.append((url, size))
    return found


def _places(node: LexborNode, attributes: JsonObject) -> Iterator[str]:
    """The references of an image, the best first: what a script puts in place, then what is there."""
    for name in _LAZY:
        if attributes.get(name):
            yield str(attributes[name])
    for name in _LAZY_SETS:
        yield from _largest(attributes.get(name))
    source = str(attributes.get("src") or "").strip()
    if source and not _PLACEHOLDER.search(source):
        yield source
    yield from _largest(attributes.get("srcset"))
    parent = node.parent
    if parent is not None and parent.tag == "picture":
        for other in parent.css("source"):
            for name in ("data-srcset", "srcset", "data-src"):
                yield from _largest(other.attributes.get(name))
    yield source


def _largest(srcset: str | None) -> Iterator[str]:
    if srcset:
        yield from (url for url, _ in sorted(candidates(srcset), key=lambda item: -item[1]))


def _is_pixel(attributes: JsonObject) -> bool:
    sizes = [str(attributes.get(name) or "") for name in ("width", "height")]
    return all(_PIXEL.fullmatch(size) for size in sizes)
