"""G15: each guard is removed from a copy of the code, one at a time; the tests must fail every time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from tests.support.proof import LEVEL, sample

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = "tests/contract/store"
EXECUTIONS = f"{CONTRACTS}/test_execution_store.py"
REVIEWS = f"{CONTRACTS}/test_reviews.py"
HELD, DRAFTS = f"{CONTRACTS}/test_held_decisions.py", f"{CONTRACTS}/test_review_drafts.py"
EFFECTS = f"{CONTRACTS}/test_effects.py"
RACES = f"{CONTRACTS}/test_races.py"
DATABASES = f"{CONTRACTS}/test_databases.py"
OPENING = f"{CONTRACTS}/test_opening.py"
CRASHES = "tests/reliability/crash/test_crash_points.py"
ONCE = "tests/unit/steps/test_write_once.py"
RUNTIME = "tests/reliability/faults/test_runtime_guards.py"
LIMITER = "tests/unit/throttling/test_limiter.py"
THROTTLES = "tests/contract/throttle/test_throttles.py"
PARAMETERS = ("sqlite", "fake", "straight", "three-targets")
"""Words in the ids of parameters that `k` may name."""


@dataclass(frozen=True)
class Mutant:
    """A removed guard: `old` in `file` becomes `new`. The tests in `tests` that `k` (pytest's -k) selects must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str
    k: str = "sqlite"


MUTANTS = (
    Mutant(
        "no fence", "flowbuilder/store/db/transaction.py",
        'executions_table.c.epoch == bindparam("held"), _OPEN',
        'executions_table.c.epoch <= bindparam("held") + 99, _OPEN',
        EXECUTIONS, "sqlite and lost_lease",
    ),
    Mutant(
        "a claim keeps the epoch", "flowbuilder/store/records/leases.py",
        "is_death(before, holder, now), row.epoch + 1", "is_death(before, holder, now), row.epoch",
        EXECUTIONS, "sqlite and (claim or lost_lease)",
    ),
    Mutant(
        "releasing keeps the epoch", "flowbuilder/store/records/leases.py",
        "        epoch=row.epoch + 1,\n        holder=None", "        epoch=row.epoch,\n        holder=None",
        EXECUTIONS, "sqlite and (lost_lease or fences_out)",
    ),
    Mutant(
        "a held execution can be claimed", "flowbuilder/model/lease_rules.py",
        "if is_held(execution, now) and execution.holder != holder:", "if False:",
        RACES, "sqlite and twenty_workers",
    ),
    Mutant(
        "deaths are not counted", "flowbuilder/store/records/leases.py",
        "deaths=row.deaths + died", "deaths=row.deaths",
        EXECUTIONS, "sqlite and death",
    ),
    Mutant(
        "a path may have two outcomes", "migrations/versions/0002_executions.py",
        '"execution_id", "path", name="pk_step', '"execution_id", "path", "position", name="pk_step',
        EXECUTIONS, "sqlite and one_outcome",
    ),
    Mutant(
        "an outcome without its events", "flowbuilder/store/records/history.py",
        "            transaction.write_events(execution, events, first_seq=execution.first_seq)\n"
        "            if execution.deaths",
        "            if execution.deaths",
        EXECUTIONS, "sqlite and written_together",
    ),
    Mutant(
        "event numbers do not grow", "flowbuilder/store/db/transaction.py",
        "first_seq=row.seq - events + 1,", "first_seq=row.seq + 1,",
        EXECUTIONS, "sqlite and gap",
    ),
    Mutant(
        "events may be changed", "migrations/versions/0004_lasting.py",
        '"workflow_execution_events", ', "",
        DATABASES, "sqlite and neither_changed",
    ),
    Mutant(
        "an ended execution may continue", "migrations/versions/0004_lasting.py",
        "WHEN OLD.status IN {ENDED} AND", "WHEN 0 AND",
        DATABASES, "sqlite and stays_as_it_ended",
    ),
    Mutant(
        "the version that was shown is not compared", "flowbuilder/model/review_rules.py",
        "if (review.version, review.content_hash) == (answer.seen_version, answer.seen_hash):", "if True:",
        REVIEWS, "sqlite and not_seen",
    ),
    Mutant(
        "a decided review can be decided", "flowbuilder/model/review_rules.py",
        "def _ensure_seen(review: Review, answer: Answer) -> None:\n    if review.status != \"open\":",
        "def _ensure_seen(review: Review, answer: Answer) -> None:\n    if False:",
        RACES, "sqlite and twenty_who_decide",
    ),
    Mutant(
        "one approval is always enough", "flowbuilder/model/review_rules.py",
        "if len(approvals) < request.assign.quorum:", "if False:",
        REVIEWS, "sqlite and quorum",
    ),
    Mutant(
        "a decision wakes no worker", "flowbuilder/store/records/reviews.py",
        "    transaction.update_execution(row.id, ready_at=decision.at)\n", "",
        REVIEWS, "sqlite and makes_the_execution_ready",
    ),
    Mutant(
        "a decision in the last moment is missed", "flowbuilder/store/records/leases.py",
        'missed = final == "waiting" and', "missed = False and",
        REVIEWS, "sqlite and worker_has_not_seen",
    ),
    Mutant(
        "reviews stay open after the end", "flowbuilder/store/records/review_closing.py",
        "    for review in open_reviews(transaction, row):", "    for review in ():",
        REVIEWS, "sqlite and execution_ends",
    ),
    Mutant(
        "a decision can always be undone", "flowbuilder/model/review_draft.py",
        "if decision.held_until is None or decision.held_until <= now:", "if False:",
        HELD, "sqlite and only_in_time",
    ),
    Mutant(
        "an undone decision is released", "flowbuilder/store/records/review_closing.py",
        "    update_review(transaction, before, after)\n    _delete_held(transaction, before)\n",
        "    update_review(transaction, before, after)\n",
        HELD, "sqlite and opens_the_review_again",
    ),
    Mutant(
        "the end of a hold wakes no worker", "flowbuilder/store/records/held_decisions.py",
        "        transaction.update_execution(row.id, ready_at=transaction.now())\n", "",
        HELD, "sqlite and makes_the_execution_ready",
    ),
    Mutant(
        "a window overwrites another one's draft", "flowbuilder/model/review_draft.py",
        "if revision != draft.revision and not same_window:", "if False:",
        DRAFTS, "sqlite and does_not_overwrite",
    ),
    Mutant(
        "the counter only grows", "flowbuilder/store/records/review_closing.py",
        "count_pending(transaction, review.workflow, -1)", "count_pending(transaction, review.workflow, 0)",
        REVIEWS, "sqlite and counts_follow",
    ),
    Mutant(
        "a control request in the last moment is lost", "flowbuilder/model/lease_rules.py",
        '    if control == "cancel":\n        return "cancelled"', '    if control == "cancel":\n        return status',
        EXECUTIONS, "sqlite and last_moment",
    ),
    Mutant(
        "effects start after a cancellation", "flowbuilder/store/records/effects.py",
        'if row.control == "cancel":', "if False:",
        EFFECTS, "sqlite and cancel",
    ),
    Mutant(
        "a receipt can be replaced", "flowbuilder/store/records/effects.py",
        'if effect.status in ("done", "reverted"):', "if False:",
        EFFECTS, "sqlite and receipt_stands",
    ),
    Mutant(
        "an expired lease wakes no worker", "flowbuilder/store/records/executions.py",
        "rows += [(row.lease_until, row.flow_run_id, row) for row in transaction.execute(expired.limit(most))]", "",
        CRASHES, "sqlite and straight",
    ),
    Mutant(
        "a write in doubt is repeated", "flowbuilder/steps/write_once.py",
        "if not (_may_have_been_called(effect) and _repeats_the_write(effect, intent.target_class)):", "if True:",
        CRASHES, "sqlite and three-targets",
    ),
    Mutant(
        "every worker waits by its own clock", "flowbuilder/engine/store_clock.py",
        "return self._clock.now() + self._off", "return self._clock.now()",
        "tests/reliability/faults/test_one_clock.py", "sqlite",
    ),
    Mutant(
        "a changed output is accepted", "flowbuilder/engine/history.py",
        "recorded is not None and recorded != digest(outcome.output)", "False",
        "tests/reliability/faults/test_damaged_rows.py", "sqlite and changed",
    ),
    Mutant(
        "an approval authorises every call", "flowbuilder/steps/write_once.py",
        "if run.asked <= effect.asked:", "if False:",
        "tests/reliability/interleaving/test_approved_once.py", "sqlite",
    ),
    Mutant(
        "a receipt is ignored", "flowbuilder/steps/write_once.py",
        'if effect.status == "done" and effect.receipt is not None:', "if False:",
        CRASHES, "sqlite and three-targets",
    ),
    Mutant(
        "no key is sent", "flowbuilder/steps/builtin/api.py",
        "idempotency_key=run.effect_key or None if self.has_effect() else None", "idempotency_key=None",
        CRASHES, "sqlite and three-targets",
    ),
    Mutant(
        "a new key every time", "flowbuilder/model/effect.py",
        "    return digest(parts)[:40]", "    import uuid\n    return digest([*parts, str(uuid.uuid4())])[:40]",
        CRASHES, "sqlite and three-targets",
    ),
    Mutant(
        "the intent is written after the call", "flowbuilder/engine/effects/effect_ledger.py",
        "        if self._closed:", "        if True:\n            import datetime\n"
        "            self._late = intent\n"
        "            return intent.effect('', datetime.datetime.now())\n"
        "        if self._closed:",
        CRASHES, "sqlite and three-targets",
    ),
    Mutant(
        "an execution resumes with another plan", "flowbuilder/engine/runner.py",
        "if plan.digest != execution.digest:", "if False:",
        "tests/reliability/restore/test_pinned_plan.py", "",
    ),
    Mutant(
        "Retry-After of a step's error is ignored", "flowbuilder/engine/failure_policy.py",
        "return max(own, error.retry_after or 0.0)", "return own",
        "tests/engine/test_driver.py", "",
    ),
    Mutant(
        "commits are not synced", "flowbuilder/store/db/sqlite.py",
        '("WAL", "FULL")', '("WAL", "NORMAL")',
        OPENING, "synced",
    ),
    Mutant(
        "every SQLite release is considered safe", "flowbuilder/ports/sql/sqlite_library.py",
        "    major, minor, patch = version\n", "    return True\n    major, minor, patch = version\n",
        OPENING, "releases_with",
    ),
    Mutant(
        "a newer database is opened", "flowbuilder/store/db/migrations.py",
        "if oldest > GENERATION:", "if False:",
        OPENING, "newer_database",
    ),
    Mutant(
        "the audit is blind to gaps", "flowbuilder/audit/rows.py",
        "if event.seq != expected:", "if False:",
        "tests/reliability/restore/test_audit.py", "",
    ),
    Mutant(
        "a closed connection is called", "flowbuilder/throttling/limiter.py",
        "if state.closed_until is not None and now < state.closed_until:", "if False:",
        LIMITER, "rejection or closed",
    ),
    Mutant(
        "Retry-After is not obeyed at a connection", "flowbuilder/throttling/limiter.py",
        "until = now + max(named, backoff)", "until = now + backoff",
        LIMITER, "rejection",
    ),
    Mutant(
        "every call probes a closed connection", "flowbuilder/throttling/limiter.py",
        "if state.rejections and state.probing_until is not None and now < state.probing_until:", "if False:",
        LIMITER, "probes",
    ),
    Mutant(
        "waiting calls resume together", "flowbuilder/throttling/limiter.py",
        "return replace(state, next_free_at=following), Denied(", "return state, Denied(",
        LIMITER, "own_reservation",
    ),
    Mutant(
        "a rate is not counted", "flowbuilder/throttling/limiter.py",
        "    if earliest <= now:\n", "    if True:\n",
        LIMITER, "rate",
    ),
    Mutant(
        "concurrency slots are not counted", "flowbuilder/throttling/limiter.py",
        "len(state.in_flight) >= limits.concurrency", "False",
        LIMITER, "slots",
    ),
    Mutant(
        "a rejection does not open the circuit", "flowbuilder/adapters/throttling/connection_throttle.py",
        "if isinstance(error, TransientError) and _is_rejection(error):", "if False:",
        THROTTLES, "fake and closes_the_connection",
    ),
    Mutant(
        "a wait for a slot counts as an attempt", "flowbuilder/engine/step_runner.py",
        "PendingRetry(attempts=self.attempt - 1, due=due", "PendingRetry(attempts=self.attempt, due=due",
        "tests/engine/test_throttled.py", "another_step_still_runs",
    ),
    Mutant(
        "a rejection is a failure", "flowbuilder/engine/failure_policy.py",
        'if isinstance(error, Throttled) or error.reason == "rate_limit":', "if False:",
        "tests/engine/test_throttled.py", "without_retries",
    ),
    Mutant(
        "a limit that is missing in Prefect is not enforced", "flowbuilder/prefect/api/global_limits.py",
        "                if lease is not None:\n                    return lease\n",
        "                return lease\n",
        "tests/prefect/test_limits.py", "cannot_be_created",
    ),
    Mutant(
        "an approval counts for other content", "flowbuilder/steps/write_once.py",
        "if run.decision is None or run.decision.shown_hash != question.content_hash():", "if run.decision is None:",
        ONCE, "",
    ),
    Mutant(
        "a key may be used for another write", "flowbuilder/steps/write_once.py",
        "if effect.request_hash != intent.request_hash:", "if False:",
        ONCE, "",
    ),
    Mutant(
        "a cancelled call is not recorded", "flowbuilder/steps/write_once.py",
        "await asyncio.shield(_note_cut_off(", "await (_note_cut_off(",
        ONCE, "",
    ),
    Mutant(
        "an ended flow run runs again", "flowbuilder/prefect/runs/flow_run.py",
        "(state.is_running() and _has_ended(current))", "False",
        RUNTIME, "",
    ),
    Mutant(
        "a reconciler corrects a state that is being reported", "flowbuilder/prefect/worker/reconciler.py",
        "if state is None or now - state.timestamp < timedelta(seconds=self.report_seconds):", "if state is None:",
        RUNTIME, "",
    ),
    Mutant(
        "the suspension that a resume ends is a pause request", "flowbuilder/prefect/worker/ui_control_poller.py",
        "since is not None and run.state.timestamp > since", "True",
        RUNTIME, "",
    ),
    Mutant(
        "a receipt is written to every effect", "flowbuilder/store/records/effects.py",
        "transaction.execute(update(effects_table).where(effects_table.c.key == key).values(**changes))",
        "transaction.execute(update(effects_table).values(**changes))",
        "tests/contract/store/test_row_isolation.py", "sqlite",
    ),
)  # fmt: skip


def sabotaged(mutant: Mutant, place: Path) -> Path:
    """Copy the code to a folder, without this guard."""
    for name in ("flowbuilder", "migrations", "deployments"):
        shutil.copytree(ROOT / name, place / name)
    file = place / mutant.file
    source = file.read_text()
    assert source.count(mutant.old) == 1, f"{mutant.file} no longer has {mutant.old!r} once: rewrite the mutant"
    file.write_text(source.replace(mutant.old, mutant.new))
    return place


def suite(place: Path, mutant: Mutant) -> subprocess.CompletedProcess[str]:
    """Run the mutant's tests on the code in a folder."""
    program = (
        f"import sys; sys.path[:0] = [{str(place)!r}]; sys.path.append({str(ROOT)!r}); import pytest; "
        "import flowbuilder; assert flowbuilder.__file__.startswith(sys.path[0]); "
        f"sys.exit(pytest.main(['-q', '-x', '-p', 'no:cacheprovider', '--no-header', '--tb=line', {mutant.tests!r}, "
        f"'-k', {mutant.k!r}]))"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False,
        env={
            **os.environ, "PYTHONDONTWRITEBYTECODE": "1",
            "FLOWBUILDER_PROOF": "ci" if LEVEL == "quick" else LEVEL,  # a smaller sample may not contain the failure
        },
    )  # fmt: skip


def keywords_of(name: str) -> Callable[..., bool]:
    """A matcher for pytest's -k: the words in the test's name, and those in the ids of parameters."""
    return lambda word, **_: word in name or word in PARAMETERS


def test_there_are_enough_mutants() -> None:
    assert len({mutant.name for mutant in MUTANTS}) >= 20


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_quotes_its_file_and_names_its_tests(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1, "rewrite the mutant"
    assert all((ROOT / test).exists() for test in mutant.tests.split())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_selects_a_test(mutant: Mutant) -> None:
    names = re.findall(r"def (test_\w+)", (ROOT / mutant.tests).read_text())
    assert any(not mutant.k or Expression.compile(mutant.k).evaluate(keywords_of(name)) for name in names)


@pytest.mark.parametrize(
    "mutant", MUTANTS[:: sample(quick=40, ci=1, thorough=1)], ids=lambda mutant: mutant.name.replace(" ", "-")
)
def test_the_suite_notices_a_removed_guard(mutant: Mutant, tmp_path: Path) -> None:
    done = suite(sabotaged(mutant, tmp_path), mutant)
    assert done.returncode == 1, f"exit code {done.returncode}:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    assert " failed" in done.stdout, done.stdout[-1500:]
