"""Twenty clients, each in its own process, decide one review at once."""

import contextlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from flowbuilder.audit import audit_rows
from flowbuilder.store import open_store
from flowbuilder.testing import FakeClock
from tests.support.store_contract import StoreHarness

CLIENTS = 20
PROGRAM = """
import json, os, sys, time
from flowbuilder.app import App
from flowbuilder.errors import Conflict
from flowbuilder.model.review_rules import Answer
from flowbuilder.settings import Settings
from flowbuilder.store import open_store

url, review_id, clients = sys.argv[1], sys.argv[2], int(sys.argv[3])


class NoEngine:
    def wake(self, execution_id):
        pass


def client(number, start):
    store = open_store(url)
    app = App(store, NoEngine(), Settings())
    seen = app.review(review_id)
    time.sleep(max(0.0, start - time.time()))
    who = f"person-{number}@example.com"
    kind = "approved" if number % 2 else "rejected"
    try:
        decided = app.decide(review_id, Answer.to(seen, kind=kind, by=who, comment="mine"))
        return {"who": who, "kind": kind, "won": True, "by": decided.decision.by}
    except Conflict as problem:
        return {"who": who, "kind": kind, "won": False, "said": str(problem)}


start = time.time() + 3
pipes = []
for number in range(clients):
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            os.write(write, json.dumps(client(number, start)).encode())
        finally:
            os._exit(0)
    os.close(write)
    pipes.append(read)
print(json.dumps([json.loads(os.fdopen(pipe, "rb").read()) for pipe in pipes]))
"""


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_one_of_twenty_processes_wins_and_the_others_learn_who(database: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{database}_url")
    clock = FakeClock()
    with contextlib.closing(open_store(url, clock=clock, durable=False)) as store:
        harness = StoreHarness(store, clock)
        lease = harness.claim()
        review = harness.open_review(lease)
        store.settle(lease, "waiting", events=[])
        command = [sys.executable, "-c", PROGRAM, f"{url}", review.id, str(CLIENTS)]
        if database == "postgres":  # the tests' server has no durable commits, which is refused otherwise
            command[2] = PROGRAM.replace("open_store(url)", "open_store(url, durable=False)")
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[3]
        )
        assert done.returncode == 0, done.stderr[-2000:]
        answers = json.loads(done.stdout)
        assert Counter(answer["won"] for answer in answers) == {True: 1, False: CLIENTS - 1}
        [winner] = [answer for answer in answers if answer["won"]]
        assert {winner["who"] in answer["said"] for answer in answers if not answer["won"]} == {True}
        decision = store.review(review.id).decision
        assert decision is not None
        assert (decision.by, decision.kind) == (winner["who"], winner["kind"])
        assert harness.event_types().count("review_decided") == 1
        assert [str(finding) for finding in audit_rows(store)] == []
