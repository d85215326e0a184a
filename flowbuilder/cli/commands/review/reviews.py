"""`flowbuilder reviews`: the queue from a terminal; the same functions as the review app's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import acting_app, reading_app
from flowbuilder.cli.groups import DefaultGroup
from flowbuilder.cli.input.identity import as_option, identity
from flowbuilder.cli.input.workflow_files import document_file
from flowbuilder.cli.output.json_records import review_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand, wants_json
from flowbuilder.cli.output.review_view import edited_proposal, review_page
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import NO_EDIT, Answer
from flowbuilder.ports import ReviewFilter

DECISIONS: dict[str, DecisionKind] = {
    "approve": "approved",
    "reject": "rejected",
    "request-changes": "changes_requested",
    "withdraw": "withdrawn",
}


@click.group(cls=DefaultGroup)
def command() -> None:
    """List reviews, show one with its differences, claim it, decide it."""


@command.command("list", cls=ResultCommand)
@click.option("--workflow")
@click.option("--site")
@click.option("--execution", "execution_id", metavar="ID")
@click.option("--all", "everything", is_flag=True, help="Decided ones too.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--cursor", help="The next page: `next` of the one before.")
def listing(
    workflow: str | None,
    site: str | None,
    execution_id: str | None,
    everything: bool,
    limit: int,
    cursor: str | None,
) -> CommandResult:
    """List the open reviews, those due first on top."""
    where = ReviewFilter(workflow=workflow, site=site, execution_id=execution_id, status=None if everything else "open")
    app = reading_app()
    page = app.reviews(where, limit=limit, cursor=cursor)
    pending = dict(app.pending_counts())
    data = {"reviews": [review_record(item) for item in page.reviews], "next": page.next, "pending": pending}
    if wants_json():
        return CommandResult(data=data)
    from flowbuilder.cli.output.console import status as coloured
    from flowbuilder.cli.output.console import table, when

    rows = [
        (item.id, coloured(_state(item)), item.workflow, when(item.due_at), item.claimed_by, item.request.title)
        for item in page.reviews
    ]
    columns = ("id", "status", "workflow", "due", "claimed by", "title")
    return CommandResult(data=data, text=table(columns, rows, empty="no review waits"))


@command.command("show", cls=ResultCommand)
@click.argument("review_id", metavar="ID")
def show(review_id: str) -> CommandResult:
    """Show what a review asks, and what would change."""
    review = reading_app().review(review_id)
    data = review_record(review, content=True)
    return CommandResult(data=data) if wants_json() else CommandResult(data=data, text=review_page(review))


@command.command("claim", cls=ResultCommand)
@click.argument("review_id", metavar="ID")
@click.option("--release", is_flag=True, help="Take the claim back.")
@as_option
def claim(review_id: str, release: bool, who: str | None) -> CommandResult:
    """Say that you are at it, so that nobody else begins."""
    app, by = reading_app(), identity(who, settings())
    review = app.release(review_id, by=by) if release else app.claim(review_id, by=by)
    text = f"{review.id} is free again" if release else f"{review.id} is claimed by {review.claimed_by}"
    return CommandResult(data=review_record(review), text=text)


@command.command("decide", cls=ResultCommand)
@click.argument("review_id", metavar="ID")
@click.argument("decision", type=click.Choice(list(DECISIONS)))
@click.option("--comment", default="", help="Why; a rejection and a request for changes need one.")
@click.option("--edit", type=document_file, help="Approve the content of this file instead of the proposal.")
@click.option("--seen-version", type=int, help="The version that you saw; refused when it changed since.")
@click.option("--seen-hash", help="The content_hash that you saw; refused when it changed since.")
@click.option("--local", is_flag=True, help="Go on with the execution in this process afterwards.")
@as_option
def decide(
    review_id: str,
    decision: str,
    comment: str,
    edit: Path | None,
    seen_version: int | None,
    seen_hash: str | None,
    local: bool,
    who: str | None,
) -> CommandResult:
    """Decide a review. The decision is committed first; then the execution is woken."""
    if edit is not None and decision != "approve":
        raise click.UsageError("--edit goes with approve: it is what is approved")
    app = reading_app() if local else acting_app()
    review = app.review(review_id)
    review = app.decide(
        review_id,
        Answer(
            kind=DECISIONS[decision],
            by=identity(who, settings()),
            comment=comment,
            edited=NO_EDIT if edit is None else edited_proposal(review, edit),
            seen_version=review.version if seen_version is None else seen_version,
            seen_hash=seen_hash or review.content_hash,
        ),
    )
    data = review_record(review)
    if review.decision is None:
        more = review.request.assign.quorum - len(review.approvals)
        return CommandResult(data=data, text=f"{review.id}: your approval counts; {more} more needed")
    text = f"{review.id} is {_state(review).replace('_', ' ')}"
    if not local:
        return CommandResult(data=data, text=text)
    from flowbuilder.bootstrap import open_local_app
    from flowbuilder.cli.output.run_result import outcome_answer

    local_app, runner = open_local_app(settings())
    asyncio.run(runner.run(review.execution_id))
    outcome = outcome_answer(local_app, review.execution_id, notes=(text,))
    return CommandResult(data={**data, "execution": outcome.data}, text=outcome.text, ok=outcome.ok)


def _state(review: Review) -> str:
    return review.decision.kind if review.decision else review.status
