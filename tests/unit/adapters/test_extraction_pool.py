"""Pages are read in processes of their own: a page can use up its process, and nothing else."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowbuilder.adapters.http.extract import MAX_LINE, extract_page
from flowbuilder.adapters.http.extraction_pool import ExtractionPool
from flowbuilder.adapters.http.page_limits import MAX_CHARACTERS
from flowbuilder.errors import StepError

URL = "https://example.com/tea"
PAGE = "<html><title>Tea</title><body><article><h1>Tea</h1><p>Tea has many kinds, some green.</p></article>"


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractionPool]:
    made = ExtractionPool()
    yield made
    made.close()


def failure(pool: ExtractionPool, html: str) -> StepError:
    with pytest.raises(StepError) as caught:
        pool(html, url=URL)
    assert URL in str(caught.value)
    return caught.value


def processes(pool: ExtractionPool) -> list[int]:
    return [worker._process.pid for worker in pool._idle]


def test_a_page_reads_as_in_this_process_and_the_process_is_kept(pool: ExtractionPool) -> None:
    html = PAGE + "<p>日本 \u2028 \ud800 \x00</p>"
    assert pool(html, url=URL) == extract_page(html, url=URL)
    kept = processes(pool)
    assert pool(PAGE, url=URL)["title"] == "Tea"
    assert processes(pool) == kept


def test_a_page_that_takes_too_long_is_ended_and_the_next_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ExtractionPool(deadline=0.05)
    begin = time.monotonic()
    assert failure(pool, PAGE).code == "limit.time"
    assert time.monotonic() - begin < 20
    assert processes(pool) == []
    assert ExtractionPool()(PAGE, url=URL)["title"] == "Tea"


def test_a_page_that_takes_too_much_processor_time_is_ended() -> None:
    slow = f"<html><body><article>{('<p>' + '茶水很好喝。' * 60 + '</p>') * 6_000}</article></body></html>"
    pool = ExtractionPool(cpu_seconds=0)
    assert failure(pool, slow).code == "limit.time"
    pool.close()


def test_a_page_that_takes_too_much_memory_is_ended() -> None:
    pool = ExtractionPool(megabytes=8)
    large = "<html><body>" + "<p>text of a paragraph</p>" * 50_000
    assert failure(pool, large).code in ("limit.memory", "not_a_page", "limit.time")
    pool.close()


def test_a_process_that_was_killed_is_replaced(pool: ExtractionPool) -> None:
    pool(PAGE, url=URL)
    for pid in processes(pool):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(worker.is_alive for worker in pool._idle) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pool(PAGE, url=URL)["title"] == "Tea"


def test_many_threads_share_a_few_processes(pool: ExtractionPool) -> None:
    before = threading.active_count()  # other tests of this process leave threads that end later
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda n: pool(PAGE.replace("Tea<", f"Tea {n}<", 1), url=URL), range(24)))
    assert [page["title"] for page in pages] == [f"Tea {n}" for n in range(24)]
    assert len(processes(pool)) <= 2
    assert threading.active_count() < before + 10


def test_a_process_has_no_secrets_in_its_environment(pool: ExtractionPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-secret")
    fresh = ExtractionPool()
    fresh(PAGE, url=URL)
    (pid,) = processes(fresh)
    if os.path.exists(f"/proc/{pid}/environ"):
        with open(f"/proc/{pid}/environ", "rb") as file:
            assert b"planted" not in file.read()
    fresh.close()


BEYOND = {
    "characters": ("x" * (MAX_CHARACTERS + 1), "too_large"),
    "tags": ("<i>x</i>" * 110_000, "too_large"),
    "depth": ("<div>" * 20_000, "limit.depth"),
    "depth with false ends": ("<div></x>" * 20_000, "limit.depth"),
    "attributes": (f"<p {' '.join(f'a{n}=1' for n in range(20_000))}>", "too_large"),
    "attributes without values": (f"<p {'a ' * 20_000}>", "too_large"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_a_page_beyond_the_limits_is_refused_before_it_is_parsed(pool: ExtractionPool, name: str) -> None:
    html, code = BEYOND[name]
    pool(PAGE, url=URL)
    kept = len(processes(pool))
    assert failure(pool, html).code == code
    assert len(processes(pool)) >= kept - 1


def test_ordinary_large_and_sloppy_pages_are_within_the_limits(pool: ExtractionPool) -> None:
    table = "<table>" + "<tr><td>a<td>b<td>c" * 2_000 + "</table>"
    drawing = f'<svg><path d="{"M 1 2 L 3 4 " * 3_000}"/></svg>'
    items = "<ul>" + "<li>item<p>text" * 2_000 + "</ul>"
    page = pool(f"{PAGE}<p>{'a long text ' * 20_000}</p>{table}{drawing}{items}", url=URL)
    assert page["title"] == "Tea"


def test_titles_and_runs_of_marks_are_short() -> None:
    begin = time.process_time()
    marks = "a" + "\u0301\u0316" * 50_000
    page = extract_page(f"<title>{'t' * 50_000}</title><article><p>{marks}</p><p>{'&#x301;' * 50_000}</p>", url=URL)
    assert time.process_time() - begin < 5
    assert len(page["title"]) == MAX_LINE
    assert len(page["text"]) < 100
