"""Reads an HTTP body with a size limit, before and after decompression."""

from __future__ import annotations

import httpx

from flowbuilder.adapters.http.content_encodings import Decoder, decoders_of, too_large
from flowbuilder.adapters.pace import Pace, TooSlow
from flowbuilder.errors import StepError, TransientError


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
