"""Each kind of falsified evidence fails its check of the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos.checks import checks
from chaos.evidence import Evidence, Trace
from chaos.options import DatabaseKind
from chaos.processes import ProcessExit
from chaos.verdict import judge
from flowbuilder.audit import Finding
from flowbuilder.model.review import ReviewRequest
from tests.support.chaos_evidence import (
    BEGUN,
    OTHER,
    RUNS,
    answer,
    call,
    changed,
    injection,
    sound,
    with_delay,
    with_event,
    with_status,
)

Doctor = Callable[[Evidence], Evidence]


def more_calls(*calls: object) -> Doctor:
    return lambda evidence: replace(evidence, calls=(*evidence.calls, *calls))


def fewer_calls(key: str) -> Doctor:
    return lambda evidence: replace(evidence, calls=tuple(one for one in evidence.calls if one.key != key))


def more_answers(*answers: object) -> Doctor:
    return lambda evidence: replace(evidence, decision_attempts=(*evidence.decision_attempts, *answers))


def without_resumes(trace: Trace) -> Trace:
    return replace(trace, events=tuple(e for e in trace.events if e.type != "resumed_without_decision"))


def without_end(trace: Trace) -> Trace:
    return replace(trace, events=tuple(e for e in trace.events if e.type != "execution_completed"))


DOCTORED: list[tuple[str, str, Doctor]] = [
    (
        "every_fault_fired",
        "worker SIGKILL: tried 1 times, without an effect",
        lambda evidence: replace(
            evidence, injections=(replace(evidence.injections[0], mattered=False), evidence.injections[1])
        ),
    ),
    (
        "every_fault_fired",
        "execution cancelled: tried 0 times",
        lambda evidence: replace(evidence, injections=evidence.injections[:1]),
    ),
    (
        "every_fault_fired",
        "could not be injected: OSError",
        lambda evidence: replace(
            evidence,
            injections=(*evidence.injections, injection("worker SIGKILL", {"broken": "OSError: no"}, mattered=False)),
        ),
    ),
    (
        "every_fault_fired",
        "no decision was made at the moment",
        lambda evidence: replace(evidence, decision_attempts=evidence.decision_attempts[:2]),
    ),
    (
        "every_fault_fired",
        "no decision was made twice",
        lambda evidence: replace(evidence, decision_attempts=evidence.decision_attempts[2:]),
    ),
    (
        "every_fault_fired",
        "no worker resumed an execution after a Resume without a decision",
        lambda evidence: replace(evidence, traces=tuple(map(without_resumes, evidence.traces))),
    ),
    (
        "executions_complete",
        "run-3 (reviewed) failed: {'code': 'x'}",
        changed(3, with_status("failed", error={"code": "x"})),
    ),
    ("executions_complete", "run-3 (reviewed) was cancelled without a request", changed(3, with_status("cancelled"))),
    ("executions_complete", "9 of 10 executions completed: 90.0%", changed(3, with_status("running"))),
    (
        "executions_complete",
        "2 executions completed; a run of 60 s needs 6",
        lambda evidence: replace(evidence, traces=evidence.traces[:2]),
    ),
    (
        "executions_complete",
        "run-3 put failed: {'code': 'http_500'}",
        changed(3, with_event(8.0, "step_failed", "put", error={"code": "http_500"})),
    ),
    (
        "nothing_lost",
        "run-3 (reviewed) was started and does not exist",
        lambda evidence: replace(evidence, traces=(*evidence.traces[:3], *evidence.traces[4:])),
    ),
    ("nothing_lost", "run-3 (reviewed) is waiting at the end", changed(3, with_status("waiting"))),
    ("nothing_lost", "start 4 made 2 executions", changed(3, with_status("completed", inputs={"n": "4"}))),
    (
        "nothing_lost",
        "run-3 (reviewed) exists without a start",
        changed(3, with_status("completed", inputs={"n": "x"})),
    ),
    ("nothing_lost", "not all had ended", lambda evidence: replace(evidence, settled_seconds=None)),
    (
        "audit_is_clean",
        "I1 run-3: twice",
        lambda evidence: replace(evidence, findings=(Finding(invariant="I1", execution_id="run-3", message="twice"),)),
    ),
    (
        "effects_once",
        "POST http://target/bare/3 ignores keys and was called 2 times; 1 allowed",
        more_calls(call("bare/3", "bare-3")),
    ),
    (
        "effects_once",
        "PUT http://target/put/3 was called 2 times, and only 0 times its outcome was unknown",
        more_calls(call("put/3", "put-3", applied=False)),
    ),
    ("effects_once", "applied it more than once", more_calls(call("put/0", "put-0"))),
    (
        "effects_once",
        "PUT http://target/put/0 was called 3 times",
        more_calls(*[call("put/0", "put-0", applied=False)] * 2),
    ),
    ("effects_once", "has a receipt from PUT http://target/put/3, which was never called", fewer_calls("put-3")),
    ("effects_once", "came without a key", more_calls(call("put/3", ""))),
    (
        "effects_once",
        "other/9 was called with the key stray, which is not in the ledger",
        more_calls(call("other/9", "stray")),
    ),
    ("effects_once", "put/3 was called with 2 keys", more_calls(call("put/3", "put-4"))),
    ("effects_once", "one key was used for several places", more_calls(call("put/9", "put-4"))),
    (
        "pages_are_written",
        "the page published-3 has a receipt and does not exist",
        lambda evidence: replace(
            evidence, pages={name: text for name, text in evidence.pages.items() if name != "published-3"}
        ),
    ),
    (
        "pages_are_written",
        "the page published-3 differs from its receipt",
        lambda evidence: replace(evidence, pages={**evidence.pages, "published-3": "other"}),
    ),
    (
        "pages_are_written",
        "the page stray exists, and no effect",
        lambda evidence: replace(evidence, pages={**evidence.pages, "stray": ""}),
    ),
    (
        "decisions_stand",
        "2 reviewers were told that their decision was taken",
        more_answers(answer("run-0", "ben", "taken")),
    ),
    ("decisions_stand", "ben was told that it is approved, and it is", more_answers(answer("run-3", "ben", "taken"))),
    ("decisions_stand", "ana was refused, and the decision is theirs", more_answers(answer("run-3", "ana", "refused"))),
    (
        "decisions_stand",
        "review review-gone was decided and does not exist",
        more_answers(answer("gone", "ana", "taken")),
    ),
    (
        "reviews_hold",
        "run-3 published started before a decision",
        changed(3, lambda trace: replace(trace, events=tuple(e for e in trace.events if e.type != "review_decided"))),
    ),
    (
        "cancelled_means_cancelled",
        f"run-{RUNS} published: an effect began 0.20 s after the cancellation",
        changed(RUNS, with_event(1.2, "effect_intended", "published")),
    ),
    (
        "cancelled_means_cancelled",
        f"run-{RUNS} published: a step began 4.00 s after the cancellation",
        changed(RUNS, with_event(5.0, "step_started", "published")),
    ),
    (
        "leases_are_kept",
        f"run-3 was taken from process {OTHER}, which was neither killed nor frozen",
        changed(3, with_event(8.0, "worker_lost", holder=f"worker:host:{OTHER}:x")),
    ),
    (
        "leases_are_kept",
        "was taken from process 77",
        changed(3, with_event(1.0, "worker_lost", holder="worker:host:77:x")),
    ),
    (
        "leases_are_kept",
        "worker process 99 ended by itself, with code 1",
        lambda evidence: replace(evidence, exits=(*evidence.exits, ProcessExit(pid=99, code=1, at=0.0))),
    ),
    (
        "resumes_soon",
        "p95 is 26.5 s, of 1 executions",
        changed(0, with_delay(from_seq=4, seconds=23)),
    ),
    (
        "resumes_soon",
        "no execution was held by a worker that was killed",
        lambda evidence: replace(evidence, injections=evidence.injections[1:]),
    ),
]


def claim(name: str) -> str:
    """The claim of the check of this name."""
    [found] = [asked for asked, check in checks().items() if check.__name__ == name]
    return found


def test_a_sound_run_passes() -> None:
    verdict = judge(sound())
    assert {asked: said for asked, said in verdict.complaints.items() if said} == {}
    assert verdict.ok
    assert verdict.text().endswith("passed")


@pytest.mark.parametrize(
    ("module", "said", "doctor"), DOCTORED, ids=[f"{module}: {said[:48]}" for module, said, _ in DOCTORED]
)
def test_each_falsified_evidence_is_found(module: str, said: str, doctor: Doctor) -> None:
    verdict = judge(doctor(sound()))
    assert any(said in complaint for complaint in verdict.complaints[claim(module)]), verdict.complaints
    assert not verdict.ok
    assert verdict.text().endswith("FAILED")


def test_every_check_finds_a_falsified_evidence() -> None:
    assert {check.__name__ for check in checks().values()} == {module for module, _, _ in DOCTORED}


def test_an_approval_allows_one_more_call_to_a_target_that_cannot_deduplicate() -> None:
    def approve(trace: Trace) -> Trace:
        asked = replace(
            trace.reviews[0], id="again", path="bare~1", request=ReviewRequest(title="Send again? POST was called")
        )
        return replace(trace, reviews=(*trace.reviews, asked))

    evidence = more_calls(call("bare/3", "bare-3"))(changed(3, approve)(sound()))
    assert judge(evidence).ok


def test_an_interrupted_call_of_a_lost_worker_may_be_repeated() -> None:
    evidence = more_calls(call("put/0", "put-0", applied=False))(sound())
    assert judge(evidence).ok
    assert judge(evidence).metrics["calls_repeated"] == 1


def test_an_interrupted_call_of_a_dead_worker_may_be_repeated_after_a_pause() -> None:
    evidence = more_calls(call("put/3", "put-3", applied=False))(
        changed(3, lambda trace: with_event(7.5, "execution_paused", by="ana")(without_end(trace)))(sound())
    )
    assert judge(evidence).ok


@pytest.mark.parametrize(
    ("database", "begun", "seconds", "kept"),
    [
        ("sqlite", 2.2, 4.0, False),  # others wrote in this time
        ("sqlite", 2.2, 3.5, True),  # no worker did
        ("sqlite", 9.5, 4.0, False),  # long after
        ("postgresql", 2.2, 3.5, False),  # one transaction locks one execution there
    ],
)
def test_a_worker_that_could_not_renew_while_another_was_frozen_in_a_write_to_sqlite_may_lose_its_executions(
    database: DatabaseKind, begun: float, seconds: float, kept: bool
) -> None:
    frozen = injection(
        "worker SIGSTOP past the lease", {"pid": 99, "at": BEGUN.timestamp() + begun, "seconds": seconds}
    )
    evidence = changed(3, with_event(8.0, "worker_lost", holder=f"worker:host:{OTHER}:x"))(sound())
    evidence = replace(
        evidence,
        options=replace(evidence.options, database=database, lease=3.0),
        injections=(*evidence.injections, frozen),
    )
    assert judge(evidence).ok is kept


def test_the_metrics_include_the_time_from_a_kill_to_the_resumption() -> None:
    found = judge(sound()).metrics
    assert found["resume"] == {"times": 1, "p50": 3.5, "p95": 3.5, "max": 3.5}
    assert found["executions"] == {"all": RUNS + 1, "completed": RUNS, "cancelled": 1}
    assert found["faults"]["worker SIGKILL"] == {"injected": 1, "hit": 1}
