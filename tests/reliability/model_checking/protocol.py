"""The protocol of leases, effects and reviews as an executable specification.

One execution: a review is decided or expires, then one effect is made on a target, then the execution ends. Workers
claim it, die, and continue after their lease expired; a request may arrive after its sender died; people cancel. Each
guard in `GUARDS` can be removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

GUARDS = {
    "fence": "store/db/transaction.py, _FENCE: the epoch and an open status in the WHERE of every write",
    "epoch": "store/records/leases.py, claim: the epoch grows whenever the lease gets another holder",
    "held": "model/lease_rules.py, ensure_claimable: an unexpired lease is not taken over",
    "ended": "model/lease_rules.py, ensure_claimable: an execution that has ended is not claimed",
    "quarantine": "model/lease_rules.py, is_poison: an execution that killed so many workers in a row is quarantined",
    "expired": "store/records/executions.py, expired: an expired lease makes an execution ready",
    "wakes": "store/records/reviews.py, ready_at: a decision makes the execution ready in its own transaction",
    "missed": "store/records/leases.py, _missed: a decision that the worker has not seen makes it ready at once",
    "seen": "model/review_rules.py, _ensure_seen: a review that is decided is not decided again",
    "intent": "steps/write_once.py, ledger.begin: the intent is committed before the call",
    "receipt": "steps/write_once.py, effect.receipt: an effect that has a receipt is not made again",
    "key": "model/effect.py, effect_key: every attempt sends the same key, and the target honours it",
    "compares": "steps/builtin/cms.py, if_unchanged: content that is there already is not written again",
    "asks": "steps/write_once.py, _decide: a target that cannot deduplicate is called again only after approval",
    "one call": "steps/write_once.py, effect.asked: an approval to repeat a call authorises one call",
    "no effect": "store/records/effects.py, cancelled_error: no effect begins once the execution is asked to cancel",
    "outcome": "store/records/history.py, _OutcomeExists: a path has one outcome, which is its primary key",
}
"""Each guard in the code: the file, a name in it, and what it guarantees."""
Target = Literal["deduplicates", "lookup", "neither"]
Kind = Literal["work", "time", "person", "fault"]
ENDED = ("completed", "cancelled")


class Worker(NamedTuple):
    """A worker's next operation, its epoch, and what it last read: the number of answered questions, and the last
    answer."""

    at: str = "idle"
    epoch: int = 0
    asked: int = 0
    answer: str = ""


class State(NamedTuple):
    """The row of the execution, the workers, the requests in flight, the target, and the number of faults left."""

    status: str = "queued"
    epoch: int = 0
    holder: int = -1
    live: bool = False
    ready: bool = True
    cancel: bool = False
    deaths: int = 0
    review: str = ""
    question: str = ""
    asked: int = 0
    effect: str = ""
    begun: int = 0
    outcomes: int = 0
    workers: tuple[Worker, ...] = ()
    sent: tuple[int, ...] = ()
    applied: int = 0
    approvals: int = 0
    """The number of approvals of a repeat that are not used yet."""
    faults: int = 0
    wrong: str = ""


Step = tuple[str, Kind, State]
IDLE = Worker()


@dataclass(frozen=True)
class Protocol:
    """The transitions. `faults` is the number of deaths of workers, expiries of a running worker's lease and stray
    wake-ups together; `most_deaths` the number of workers in a row that an execution may kill."""

    target: Target
    without: frozenset[str] = frozenset()
    workers: int = 2
    faults: int = 2
    most_deaths: int = 2

    def first(self) -> State:
        return State(workers=(IDLE,) * self.workers, faults=self.faults)

    def has(self, guard: str) -> bool:
        return guard not in self.without

    def steps(self, s: State) -> Iterator[Step]:
        """All transitions from a state."""
        for w, worker in enumerate(s.workers):
            if worker.at == "idle":
                yield from self.claim(s, w)
            else:
                yield from self.work(s, w)
                if s.faults:
                    yield f"worker {w} dies", "fault", self.put(s, w, IDLE)._replace(faults=s.faults - 1)
        yield from self.arrive(s)
        yield from self.time(s)
        yield from self.people(s)

    def claim(self, s: State, w: int) -> Iterator[Step]:
        expired = s.holder >= 0 and not s.live
        due = s.ready or (expired and self.has("expired"))
        if (s.status in ENDED and self.has("ended")) or s.status == "paused" or (s.live and self.has("held")):
            return
        if not due and not s.faults:
            return
        kind: Kind = "work" if due else "fault"
        label = f"worker {w} claims it" if due else f"worker {w} claims it after a stray wake-up"
        s = s if due else s._replace(faults=s.faults - 1)
        if expired and s.deaths + 1 >= self.most_deaths and self.has("quarantine"):
            yield label, kind, s._replace(status="paused", epoch=s.epoch + 1, holder=-1, ready=False)
            return
        epoch = s.epoch + self.has("epoch")
        wrong = "a live execution was taken over" if s.live else s.wrong
        wrong = "an execution that had ended was claimed" if s.status in ENDED else wrong
        wrong = "too many workers died in a row" if s.deaths + expired >= self.most_deaths else wrong
        claimed = s._replace(
            status="running", epoch=epoch, holder=w, live=True, ready=False, deaths=s.deaths + expired, wrong=wrong
        )
        yield label, kind, self.put(claimed, w, Worker("read", epoch))

    def write(self, s: State, w: int, then: str, **changes: object) -> State:
        """A transaction of a worker; one that has lost the lease changes nothing and becomes idle."""
        epoch = s.workers[w].epoch
        if self.has("fence") and (epoch != s.epoch or s.status in ENDED):
            return self.put(s, w, IDLE)
        if s.status in ENDED:
            changes["wrong"] = "something was written after the end"
        elif epoch < s.epoch:
            changes["wrong"] = "something was written by a worker that had lost its lease"
        elif epoch == s.epoch and s.holder not in (w, -1):
            changes["wrong"] = "two workers wrote under one epoch"
        doing = IDLE if then == "idle" else s.workers[w]._replace(at=then)
        return self.put(s, w, doing)._replace(**changes)  # type: ignore[arg-type]

    def settle(self, s: State, w: int) -> State:
        status = "cancelled" if s.cancel else "waiting" if s.workers[w].at == "suspend" else "completed"
        missed = status == "waiting" and self.has("missed") and "open" not in (s.review, s.question)
        return self.write(
            s, w, "idle", status=status, epoch=s.epoch + 1, holder=-1, live=False, ready=missed, cancel=False
        )

    def work(self, s: State, w: int) -> Iterator[Step]:
        match s.workers[w].at:
            case "read":
                yield self.read(s, w)
            case "ask":
                yield f"worker {w} opens the review", "work", self.write(s, w, "read", review=s.review or "open")
            case "ask again":
                asks = {} if s.question == "open" else {"question": "open"}
                yield f"worker {w} asks whether to call again", "work", self.write(s, w, "suspend", **asks)
            case "begin":
                yield self.begin(s, w)
            case "call":
                yield self.call(s, w)
            case "write receipt":
                yield f"worker {w} writes the receipt", "work", self.write(s, w, "record", effect="done")
            case "record":
                wrong = {"wrong": "a step has two outcomes"} if s.outcomes and not self.has("outcome") else {}
                more = {} if s.outcomes else {"deaths": 0}
                new = self.write(s, w, "finish", outcomes=1, **more, **wrong)
                yield f"worker {w} records the outcome", "work", new
            case "suspend" | "finish":
                yield f"worker {w} settles", "work", self.settle(s, w)

    def read(self, s: State, w: int) -> Step:
        """Read the store and choose the walk's next operation."""
        done = s.outcomes and self.has("outcome")
        waits = "open" in (s.review, s.question)
        then = "finish" if done or s.cancel else "ask" if not s.review else "suspend" if waits else "begin"
        return (
            f"worker {w} reads the store",
            "work",
            self.put(s, w, Worker(then, s.workers[w].epoch, s.asked, s.question)),
        )

    def begin(self, s: State, w: int) -> Step:
        worker, label = s.workers[w], f"worker {w} begins the effect"
        if not self.has("intent"):
            return label, "work", self.put(s, w, worker._replace(at="call"))
        if s.effect == "done" and self.has("receipt"):
            return f"worker {w} finds the receipt", "work", self.write(s, w, "record")
        if s.effect:
            wrong = {"wrong": "an effect that has its receipt is made again"} if s.effect == "done" else {}
            fresh, then = worker.asked > s.begun or not self.has("one call"), "call"
            if self.target == "neither" and self.has("asks"):
                then = (
                    "record" if worker.answer == "no" else "call" if worker.answer == "yes" and fresh else "ask again"
                )
            again = self.write(s, w, then, begun=worker.asked, **wrong)
            if self.target == "neither" and again.workers[w].at == "call":
                unapproved = "a target that cannot deduplicate is called again without an approval"
                again = again._replace(
                    approvals=max(s.approvals - 1, 0), wrong=again.wrong if s.approvals else unapproved
                )
            return f"{label} that was begun before", "work", again
        if s.cancel and self.has("no effect"):
            return f"worker {w} is refused the effect", "work", self.write(s, w, "finish")
        wrong = {"wrong": "an effect began after it was asked to cancel"} if s.cancel else {}
        return label, "work", self.write(s, w, "call", effect="intended", begun=worker.asked, **wrong)

    def call(self, s: State, w: int) -> Step:
        wrong = s.wrong if s.effect else "a call was made without an intent"
        waiting = self.put(s, w, s.workers[w]._replace(at="wait"))
        return f"worker {w} sends", "work", waiting._replace(sent=(*s.sent, w), wrong=wrong)

    def arrive(self, s: State) -> Iterator[Step]:
        """A request arrives, whether or not its sender still waits."""
        for index, w in enumerate(s.sent):
            knows = self.has("key") if self.target == "deduplicates" else self.has("compares")
            applied = s.applied + 1 if self.target == "neither" or not knows else 1
            wrong = "the effect was made twice" if self.target != "neither" and applied > 1 else s.wrong
            new = s._replace(sent=s.sent[:index] + s.sent[index + 1 :], applied=min(applied, 3), wrong=wrong)
            if s.workers[w].at == "wait":
                new = self.put(new, w, s.workers[w]._replace(at="write receipt"))
            yield f"the request of worker {w} arrives", "work", new

    def time(self, s: State) -> Iterator[Step]:
        alive = s.holder >= 0 and s.workers[s.holder] != IDLE
        if s.live and (s.faults or not alive):
            spent = s.faults - alive
            yield "the lease runs out", "fault" if alive else "time", s._replace(live=False, faults=spent)
        if s.status not in ENDED and s.review == "open":
            yield "the review expires", "time", self.decided(s, review="expired")
        elif s.review == "approved" and not self.has("seen") and s.status not in ENDED:
            yield "the review expires", "time", s._replace(review="expired", wrong="a review was decided twice")

    def people(self, s: State) -> Iterator[Step]:
        if s.status in ENDED:
            return
        if s.review == "open":
            yield "a person approves", "person", self.decided(s, review="approved")
        elif s.review == "expired" and not self.has("seen"):
            yield "a person approves", "person", s._replace(review="approved", wrong="a review was decided twice")
        if s.question == "open":
            asked = min(s.asked + 1, 3)
            yield "a person says no", "person", self.decided(s, question="no", asked=asked)
            yield "a person says yes", "person", self.decided(s, question="yes", asked=asked, approvals=s.approvals + 1)
        if s.live and not s.cancel:
            yield "a person cancels", "person", s._replace(cancel=True)
        elif not s.live:
            gone = s._replace(status="cancelled", epoch=s.epoch + 1, holder=-1, ready=False, cancel=False)
            yield "a person cancels", "person", gone

    def decided(self, s: State, **changes: object) -> State:
        wakes = {"ready": True} if self.has("wakes") else {}
        return s._replace(**changes, **wakes)  # type: ignore[arg-type]

    def put(self, s: State, w: int, doing: Worker) -> State:
        return s._replace(workers=(*s.workers[:w], doing, *s.workers[w + 1 :]))
