"""Images for a model: fetched from a URL here and never by the provider, or the bytes that a step was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from flowbuilder.errors import StepError
from flowbuilder.language import Template
from flowbuilder.values import MAX_BYTES

if TYPE_CHECKING:
    from flowbuilder import ports
    from flowbuilder.steps.step import StepRun

MAX_IMAGES = 20
MAX_IMAGE_BYTES = 5 * 1024 * 1024
"""Maximum size of one image; `MAX_BYTES` is that of all images of a request."""
SECONDS = 30.0
"""The most that one image is waited for."""
KINDS = "PNG, JPEG, GIF and WebP"
_FORMS = "a URL, the body of a binary answer, or an object with url or content, and alt"
_GIVEN = ("inputs", "site", "execution")
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str | Mapping) else value


_URL = {"type": "string", "description": "the address of an image, or a template"}
_IMAGE = {
    "type": "object",
    "properties": {
        "url": _URL,
        "content": {"description": "the body of a binary answer of an earlier step"},
        "alt": {"type": "string", "description": "what the image shows, for the model"},
    },
}
_SCHEMA = {"anyOf": [_URL, _IMAGE, {"type": "array", "items": {"anyOf": [_URL, _IMAGE]}}]}
if TYPE_CHECKING:
    ImageItems = tuple[Any, ...]
else:
    ImageItems = Annotated[
        tuple[Any, ...] | str | dict[str, Any], BeforeValidator(_one_or_many), WithJsonSchema(_SCHEMA)
    ]
    """Images of a step as they are written: one or a list. Null stands for no image."""


def ensure_images(images: Any) -> None:
    """Raise `ValueError` for an item that is no image, as far as the loaded or bound field shows it."""
    items = _items(images)
    if len(items) > MAX_IMAGES:
        raise ValueError(f"there are {len(items)} images, and a model is shown at most {MAX_IMAGES}: take some of them")
    for index, item in enumerate(items):
        if item is None or isinstance(item, Template) or _is_file(item):
            continue
        if isinstance(item, str):
            _ensure_url(item, index)
            continue
        given = {"url", "content"}.intersection(item) if isinstance(item, Mapping) else set()
        if len(given) != 1 or not set(item) <= {"url", "content", "alt"}:
            raise ValueError(f"image {index} is not usable: an image is {_FORMS}")
        content, alt = item.get("content"), item.get("alt")
        if "content" in given and not (content is None or isinstance(content, Template) or _is_file(content)):
            raise ValueError(f"the content of image {index} is not the body of a binary answer")
        if "url" in given:
            _ensure_url(item["url"], index)
        if alt is not None and not isinstance(alt, str | Template):
            raise ValueError(f"the alt of image {index} is not a text")


def are_fetched(images: Any) -> bool:
    """Whether an image of the loaded field may be a URL, so that outsiders may have made it."""
    return any(
        isinstance(item, str | Template) or (isinstance(item, Mapping) and "url" in item) for item in _items(images)
    )


def is_taken_from_step(text: Any) -> bool:
    """Whether an image is, as a whole, a value that a step gave: it may be the bytes of an image or a URL."""
    return (
        isinstance(text, Template)
        and text.is_expression
        and any(reference.path[0] not in _GIVEN for reference in text.references)
    )


async def read_images(run: StepRun, images: Sequence[Any], loaded: Any) -> tuple[ports.ModelImage, ...]:
    """The images of a bound step, in their order. `loaded` is the field with its templates in place.

    A URL that a step gave as a whole is fetched only where the workflow lists its hosts. Raises `StepError`:
    `not_an_image`, `too_large`, `egress`, `invalid_field`, or what the address was answered with.
    """
    from flowbuilder.ports import ModelImage
    from flowbuilder.steps.http.bodies import bytes_of  # here: validating a document sends nothing

    found: list[ModelImage] = []
    whole = loaded if isinstance(loaded, Template) else None
    for index, item in enumerate(images):
        place = f"images.{index}"
        parts: Any = {"url": item} if isinstance(item, str) else item
        if item is None or _is_file(item):
            parts = {"content": item}
        if "url" in parts:
            if not run.hosts and is_taken_from_step(whole or _items(loaded)[index]):
                message = f"{place} is a URL that another step gave, and the workflow lists no hosts: list the host"
                raise StepError(f"{message} under hosts, or write {{url: ...}}", code="egress", definitive=True)
            data, kind = await _fetched(run, parts["url"])
            what = f"{parts['url']:.200}"
        elif parts["content"] is None:
            continue
        else:
            data, kind, what = bytes_of(parts["content"], place), str(parts["content"].get("content_type") or ""), place
        found.append(ModelImage(data=data, media_type=ensure_image(data, what, kind), alt=str(parts.get("alt") or "")))
        if sum(len(image.data) for image in found) > MAX_BYTES:
            raise StepError(f"the images have more than {MAX_BYTES:,} bytes together", code="too_large")
    return tuple(found)


def ensure_image(data: bytes, what: str, declared: str = "") -> str:
    """The type of an image by its first bytes; `StepError` for other bytes, and for too many. `declared` is what its
    server says, for the message."""
    kind = image_kind(data)
    if kind is None:
        said = f" ({declared:.60})" if declared else ""
        message = f"{what} is no image that models read{said}: they read {KINDS}"
        raise StepError(message, code="not_an_image", detail={"content_type": declared})
    if len(data) > MAX_IMAGE_BYTES:
        raise StepError(f"{what} has {len(data):,} bytes, and an image at most {MAX_IMAGE_BYTES:,}", code="too_large")
    return kind


def image_kind(data: bytes) -> str | None:
    """The MIME type of a PNG, JPEG, GIF or WebP by its first bytes and not by its header; None for other bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if data.startswith(start)), None)


async def _fetched(run: StepRun, url: str) -> tuple[bytes, str]:
    """The bytes at a URL, and their type as the server says."""
    from flowbuilder import ports
    from flowbuilder.ports.http.content import kind_of

    request = ports.HttpRequest(
        method="GET",
        url=url,
        headers={"accept": "image/png,image/jpeg,image/gif,image/webp,*/*;q=0.1"},
        hosts=run.hosts,
        timeout=SECONDS,
        max_bytes=MAX_IMAGE_BYTES,
    )
    host, _ = ports.limit_key(None, url)
    async with run.ports.throttle.acquire(host, kind="host"):
        answer = await run.ports.http.send(request)
        answer.ensure_success(f"GET {url}")
    return answer.body, kind_of(answer.headers.get("content-type", ""))


def _items(images: Any) -> Sequence[Any]:
    """The items of the loaded or bound field, which may be one image, or one template that gives several."""
    return images if isinstance(images, list | tuple) else [images]


def _is_file(value: Any) -> bool:
    if not isinstance(value, Mapping) or "base64" not in value:
        return False
    from flowbuilder.steps.http.bodies import is_file  # here: a document that is validated has hardly ever bytes in it

    return is_file(value)


def _ensure_url(url: Any, index: int) -> None:
    if isinstance(url, Template):
        return
    if not isinstance(url, str) or not url.strip().lower().startswith(("https://", "http://")):
        raise ValueError(f"image {index} has no address that begins with https://: an image is {_FORMS}")
