"""Reads an HTTP body with a size limit, before and after decompression."""

from __future__ import annotations

import zlib

import httpx

from flowbuilder.adapters.pace import Pace, TooSlow
from flowbuilder.errors import StepError, TransientError


async def read_capped(answer: httpx.Response, cap: int) -> bytes:
    """The decoded body; `StepError` with code `too_large` as soon as it exceeds `cap` bytes, `TransientError` as soon
    as it arrives too slowly."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise StepError(f"the answer has the encoding {encoding:.40}, which was not requested", code="encoding")
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 15 or int(declared) > cap):
        raise _too_large(cap)
    inflate = _Gzip(cap) if encoding.endswith("gzip") else None
    body = bytearray()
    received = 0
    pace = Pace()
    async for chunk in answer.aiter_raw():
        received += len(chunk)
        try:
            pace.add(chunk)
        except TooSlow as problem:
            raise TransientError(str(problem), reason="timeout") from None
        body += inflate.feed(chunk, cap - len(body)) if inflate else chunk
        if received > cap or len(body) > cap:
            raise _too_large(cap)
    if inflate and received and not inflate.ended:
        raise StepError("the compressed answer is incomplete", code="encoding")
    return bytes(body)


class _Gzip:
    """Incremental gzip decoder with a limit on its output; supports several members."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def ended(self) -> bool:
        """Whether the last member is complete."""
        return self._stream.eof

    def feed(self, chunk: bytes, limit: int) -> bytes:
        """The decoded bytes; `StepError` when there are more than `limit` of them."""
        out = bytearray()
        while chunk:
            if self._stream.eof:
                self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                out += self._stream.decompress(chunk, limit - len(out) + 1)
            except zlib.error:
                raise StepError("the answer is declared as gzip and is not", code="encoding") from None
            if len(out) > limit:
                raise _too_large(self._cap)
            chunk = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
        return bytes(out)


def _too_large(cap: int) -> StepError:
    return StepError(f"the answer is larger than {cap:,} bytes", code="too_large")
