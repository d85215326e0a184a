"""Compressed answers: every encoding of browsers, in pieces of any size, within a limit on what comes out."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest

from flowbuilder.adapters.http.content_encodings import MAX_ENCODINGS, decoders_of
from flowbuilder.errors import StepError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"Tea has many kinds. " * 2_000 + bytes(range(256))


def raw_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


ENCODED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-Gzip", gzip.compress),
    "gzip of two members": ("gzip", lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:])),
    "gzip with bytes after it": ("gzip", lambda data: gzip.compress(data) + b"\0\0\0"),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
    "zstd of two frames": ("zstd", lambda data: zstd.compress(data[:100]) + zstd.compress(data[100:])),
    "two encodings": ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    "none": ("", bytes),
    "identity": ("identity", bytes),
    "a charset": ("UTF-8", bytes),
}


def decoded(header: str, data: bytes, limit: int, piece: int) -> tuple[bytes, bool]:
    decoders = decoders_of(header, limit)
    out = b""
    for start in range(0, len(data), piece):
        chunk = data[start : start + piece]
        for decoder in decoders:
            chunk = decoder.feed(chunk, limit)
        out += chunk
    return out, all(decoder.ended for decoder in decoders)


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", ENCODED)
def test_an_answer_is_decoded_in_pieces_of_any_size(name: str, piece: int) -> None:
    header, encode = ENCODED[name]
    assert decoded(header, encode(TEXT), len(TEXT), piece) == (TEXT, True)


@pytest.mark.parametrize("piece", [13, 1 << 20])
@pytest.mark.parametrize("name", [name for name in ENCODED if name not in ("none", "identity", "a charset")])
def test_an_answer_ends_as_soon_as_it_is_too_large(name: str, piece: int) -> None:
    header, encode = ENCODED[name]
    bomb = encode(b"\0" * 30_000_000)
    with pytest.raises(StepError) as caught:
        decoded(header, bomb, 1_000_000, piece)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate", "br", "zstd"])
def test_an_answer_that_is_cut_off_is_not_complete(name: str) -> None:
    header, encode = ENCODED[name]
    found, ended = decoded(header, encode(TEXT)[:-3], len(TEXT), 50)
    assert not ended
    assert TEXT.startswith(found)


@pytest.mark.parametrize("header", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("body", [b"<html><p>plain text", b"\xff" * 40, b"\x1f\x8b" + b"\xff" * 40])
def test_bytes_of_another_form_are_an_error(header: str, body: bytes) -> None:
    with pytest.raises(StepError) as caught:
        decoded(header, body, 1_000_000, 1 << 20)
    assert caught.value.code == "encoding"


@pytest.mark.parametrize("header", ["compress", "gzip, nonsense", ", ".join(["gzip"] * (MAX_ENCODINGS + 1))])
def test_an_unknown_encoding_is_an_error(header: str) -> None:
    with pytest.raises(StepError) as caught:
        decoders_of(header, 1)
    assert caught.value.code == "encoding"


def test_zstd_with_a_window_that_takes_much_memory_is_an_error() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
    made = zstd.ZstdCompressor(options=options)
    data = made.compress(b"x" * 1000) + made.flush()
    with pytest.raises(StepError) as caught:
        decoded("zstd", data, 1 << 20, 1 << 20)
    assert caught.value.code == "encoding"
