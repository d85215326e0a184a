"""The process that reads pages: `python -m flowbuilder.adapters.http.extraction_worker SECONDS MEGABYTES`.

It reads requests from standard input and writes an answer for each to standard output; a hostile page can use up this
process and nothing else. A request is the lengths of a URL, of a Content-Type and of a page, then these three. An
answer is the length of a JSON object, then the object: `{"page"}` or `{"code", "message"}`, and `last` when the process
ends after it.
"""

from __future__ import annotations

import json
import resource
import select
import struct
import sys
from contextlib import suppress
from typing import BinaryIO

from flowbuilder.adapters.http.extract import extract_page
from flowbuilder.errors import StepError
from flowbuilder.values import JsonObject

LENGTHS = struct.Struct(">III")
LENGTH = struct.Struct(">I")
IDLE_SECONDS = 600.0
MAX_PAGES = 500
"""The pages after which a process is replaced, because memory that a page took is not given back."""
_WARM_UP = (
    "<html><title>a</title><body><article><h1>Tea</h1><p>Some text about th\xe9 and its kinds.</p></article>".encode(
        "latin-1"
    )
)


def main(seconds: int, megabytes: int) -> None:
    """Answer requests until standard input ends, nothing was asked for ten minutes, or memory is used up."""
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that a library prints is taken for an answer
    # the libraries are loaded before memory is limited
    extract_page(_WARM_UP, url="https://example.com/")
    _limit_memory(megabytes)
    for left in reversed(range(MAX_PAGES)):
        if not select.select([asked], [], [], IDLE_SECONDS)[0]:
            return
        head = asked.read(LENGTHS.size)
        if len(head) < LENGTHS.size:
            return
        url, content_type, html = map(asked.read, LENGTHS.unpack(head))
        _limit_time(seconds)
        answer = _answer(html, url.decode("utf-8", "surrogatepass"), content_type.decode("utf-8", "surrogatepass"))
        answer["last"] = not left or "page" not in answer
        _write(answers, json.dumps(answer).encode())
        if answer["last"]:
            return


def _answer(html: bytes, url: str, content_type: str) -> JsonObject:
    try:
        return {"page": extract_page(html, url=url, content_type=content_type)}
    except StepError as problem:
        return {"code": problem.code, "message": str(problem)}
    except MemoryError:
        return {"code": "limit.memory", "message": "reading the page takes too much memory"}
    except RecursionError:
        return {"code": "limit.depth", "message": "the page is nested too deeply"}
    except Exception as problem:
        return {"code": "not_a_page", "message": f"the page cannot be read: {type(problem).__name__}: {problem!s:.200}"}


def _write(answers: BinaryIO, data: bytes) -> None:
    answers.write(LENGTH.pack(len(data)) + data)
    answers.flush()


def _limit_memory(megabytes: int) -> None:
    """Limit the address space to what is used now and `megabytes` more; no core dump, no file may be written."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):
        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 1024 * 1024,) * 2)


def _limit_time(seconds: int) -> None:
    """End this process after `seconds` more of processor time."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent.ru_utime + spent.ru_stime) + 1 + seconds, hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
