"""Reads an HTTP body with a size limit, before and after decompression.

Decoders of `Content-Encoding`: gzip, deflate, br and zstd. Each works piece by piece, with a limit on its output.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import httpx

from flowbuilder.adapters.pace import Pace, TooSlow
from flowbuilder.errors import StepError, TransientError

ACCEPTED = "gzip, deflate, br, zstd"
"""The `Accept-Encoding` header of each request."""
MAX_ENCODINGS = 3
ZSTD_WINDOW_LOG = 23
"""The largest window of zstd in HTTP is 8 MiB (RFC 9659)."""
# what servers write that mean a charset or a transfer encoding; browsers ignore it too
_IGNORED = frozenset({"", "identity", "none", "binary", "7bit", "8bit", "utf-8", "utf8"})


class Decoder(Protocol):
    """Decodes a stream; `ended` says whether it is complete."""

    @property
    def ended(self) -> bool:
        """Whether nothing is missing."""

    def feed(self, chunk: bytes, limit: int) -> bytes:
        """The decoded bytes; `StepError` (`encoding`, `too_large`) for other bytes, or more than `limit` in all."""


def decoders_of(header: str, cap: int) -> list[Decoder]:
    """The decoders for a `Content-Encoding` header, in the order of decoding; `StepError` for an unknown encoding."""
    names = [name.strip().lower() for name in header.split(",")]
    names = [name for name in reversed(names) if name not in _IGNORED]
    unknown = next((name for name in names if name not in _DECODERS), None)
    if unknown is not None or len(names) > MAX_ENCODINGS:
        shown = unknown or header
        raise StepError(f"the answer has the encoding {shown:.40}, which was not requested", code="encoding")
    return [_DECODERS[name]() for name in names]


async def read_capped(answer: httpx.Response, cap: int) -> bytes:
    """The decoded body; `StepError` with code `too_large` as soon as it exceeds `cap` bytes, `TransientError` as soon
    as it arrives too slowly."""
    decoders = decoders_of(answer.headers.get("content-encoding", ""), cap)
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 15 or int(declared) > cap):
        raise too_large(cap)
    body = bytearray()
    received = 0
    pace = Pace()
    async for chunk in answer.aiter_raw():
        received += len(chunk)
        try:
            pace.add(chunk)
        except TooSlow as problem:
            raise TransientError(str(problem), reason="timeout") from None
        body += _decoded(chunk, decoders, cap)
        if received > cap or len(body) > cap:
            raise too_large(cap)
    if received and not all(decoder.ended for decoder in decoders):
        raise StepError("the compressed answer is incomplete", code="encoding")
    return bytes(body)


def _decoded(chunk: bytes, decoders: list[Decoder], cap: int) -> bytes:
    for decoder in decoders:
        chunk = decoder.feed(chunk, cap)
    return chunk


def too_large(cap: int) -> StepError:
    """The error for an answer of more than `cap` bytes."""
    return StepError(f"the answer is larger than {cap:,} bytes", code="too_large")


class _Zlib:
    """gzip, of one member or several, or deflate, in zlib's format or raw, as some servers send it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream: Any = None
        self._head = b""
        self._total = 0
        self.ended = False

    def feed(self, chunk: bytes, limit: int) -> bytes:
        chunk, self._head = self._head + chunk, b""
        if len(chunk) < 2 and (self._stream is None or self.ended):
            self._head = chunk  # the form of a stream is in its first two bytes
            return b""
        out = bytearray()
        while chunk:
            if self.ended:
                if self._name == "deflate" or chunk[:2] != b"\x1f\x8b"[: len(chunk)]:
                    break  # what follows the compressed data is no part of it
                self._stream, self.ended = None, False
            if self._stream is None:
                self._stream = zlib.decompressobj(self._form(chunk))
            try:
                out += self._stream.decompress(chunk, limit - self._total - len(out) + 1)
            except zlib.error:
                raise _not(self._name) from None
            if self._total + len(out) > limit:
                raise too_large(limit)
            self.ended = self._stream.eof
            chunk = self._stream.unused_data if self.ended else self._stream.unconsumed_tail
        self._total += len(out)
        return bytes(out)

    def _form(self, head: bytes) -> int:
        if self._name == "gzip":
            return 16 + zlib.MAX_WBITS
        wrapped = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
        return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped] # here: few answers need it

        self._stream, self._error = brotli.Decompressor(), brotli.error
        self._total = 0

    @property
    def ended(self) -> bool:
        return bool(self._stream.is_finished())

    def feed(self, chunk: bytes, limit: int) -> bytes:
        out = bytearray()
        while not self.ended:
            try:
                found = self._stream.process(chunk, output_buffer_limit=limit - self._total - len(out) + 1)
            except self._error:
                raise _not("br") from None
            out += found
            chunk = b""
            if self._total + len(out) > limit:
                raise too_large(limit)
            if not found or self._stream.can_accept_more_data():
                break
        self._total += len(out)
        return bytes(out)


class _Zstd:
    """zstd, of one frame or several."""

    def __init__(self) -> None:
        import sys

        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        self._zstd, self._stream, self._total = zstd, self._open(zstd), 0
        self._begun = False

    @staticmethod
    def _open(zstd: Any) -> Any:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})

    @property
    def ended(self) -> bool:
        return bool(self._stream.eof) or not self._begun

    def feed(self, chunk: bytes, limit: int) -> bytes:
        out = bytearray()
        while chunk or not (self._stream.needs_input or self._stream.eof):
            if self._stream.eof:
                self._stream, self._begun = self._open(self._zstd), False
            try:
                out += self._stream.decompress(chunk, limit - self._total - len(out) + 1)
            except self._zstd.ZstdError:
                raise _not("zstd") from None
            self._begun = True
            if self._total + len(out) > limit:
                raise too_large(limit)
            chunk = self._stream.unused_data if self._stream.eof else b""
        self._total += len(out)
        return bytes(out)


def _not(name: str) -> StepError:
    return StepError(f"the answer is declared as {name} and is not", code="encoding")


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: _Zlib("gzip"),
    "x-gzip": lambda: _Zlib("gzip"),
    "deflate": lambda: _Zlib("deflate"),
    "br": _Brotli,
    "zstd": _Zstd,
}
