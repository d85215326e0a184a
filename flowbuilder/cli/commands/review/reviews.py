"""`flowbuilder reviews`: list, show, claim and decide reviews, with the same functions as the review app."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import identity, open_app_with_prefect, open_app_without_engine, user_option
from flowbuilder.cli.groups import DefaultGroup
from flowbuilder.cli.input.workflow_files import document_file
from flowbuilder.cli.output.json_records import review_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand, wants_json
from flowbuilder.cli.output.review_view import edited_proposal, review_page
from flowbuilder.diagnostics import count
from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import NO_EDIT, Answer, claim_of_another
from flowbuilder.model.reviewers import assigned_to
from flowbuilder.ports import ReviewFilter

DECISIONS: dict[str, DecisionKind] = {
    "approve": "approved",
    "reject": "rejected",
    "request-changes": "changes_requested",
    "withdraw": "withdrawn",
}
_DONE: dict[DecisionKind, str] = {
    "approved": "Approved",
    "rejected": "Rejected",
    "changes_requested": "Requested changes to",
    "withdrawn": "Withdrew",
    "expired": "Expired",
}


@click.group(cls=DefaultGroup)
def command() -> None:
    """List, show, claim and decide reviews."""


@command.command("list", cls=ResultCommand)
@click.option("--workflow", metavar="NAME", help="Only reviews of this workflow.")
@click.option("--site", metavar="S", help="Only reviews of this site.")
@click.option("--execution", "execution_id", metavar="ID", help="Only reviews of this execution.")
@click.option("--all", "include_decided", is_flag=True, help="Include decided reviews.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="List at most this many.")
@click.option("--cursor", help="Show the page after this cursor (`next` in the JSON output).")
def listing(
    workflow: str | None,
    site: str | None,
    execution_id: str | None,
    include_decided: bool,
    limit: int,
    cursor: str | None,
) -> CommandResult:
    """List open reviews, by due date."""
    where = ReviewFilter(
        workflow=workflow, site=site, execution_id=execution_id, status=None if include_decided else "open"
    )
    app = open_app_without_engine()
    page = app.reviews(where, limit=limit, cursor=cursor)
    pending = dict(app.pending_counts())
    held = {item.id: app.reviewers(item).held for item in page.reviews if item.status == "open"}
    records = [review_record(item, held=held.get(item.id, "")) for item in page.reviews]
    data = {"reviews": records, "next": page.next, "pending": pending}
    if wants_json():
        return CommandResult(data=data)
    from flowbuilder.cli.output.console import status as coloured
    from flowbuilder.cli.output.console import table, when

    rows = [
        (
            item.id,
            coloured("held" if held.get(item.id) else _state(item)),
            item.workflow,
            when(item.due_at),
            item.claimed_by,
            item.request.title,
        )
        for item in page.reviews
    ]
    columns = ("ID", "Status", "Workflow", "Due", "Claimed by", "Title")
    return CommandResult(data=data, text=table(columns, rows, empty="No reviews waiting"))


@command.command("show", cls=ResultCommand)
@click.argument("review_id", metavar="ID")
def show(review_id: str) -> CommandResult:
    """Show a review and its proposed change."""
    app = open_app_without_engine()
    review = app.review(review_id)
    held = app.reviewers(review).held
    data = review_record(review, content=True, held=held)
    return CommandResult(data=data) if wants_json() else CommandResult(data=data, text=review_page(review, held=held))


@command.command("claim", cls=ResultCommand)
@click.argument("review_id", metavar="ID")
@click.option("--release", is_flag=True, help="Release the claim.")
@user_option
def claim(review_id: str, release: bool, user: str | None) -> CommandResult:
    """Claim a review, so that others see that you work on it."""
    app, by = open_app_without_engine(), identity(user, settings())
    review = app.release(review_id, by=by) if release else app.claim(review_id, by=by)
    text = f"Released {review.id}" if release else f"{review.claimed_by} claimed {review.id}"
    return CommandResult(data=review_record(review), text=text)


@command.command("decide", cls=ResultCommand)
@click.argument("review_id", metavar="ID")
@click.argument("decision", type=click.Choice(list(DECISIONS)))
@click.option("--comment", default="", help="A comment. Required to reject or to request changes.")
@click.option(
    "--edit", type=document_file, help="With approve: approve the content of this file instead of the proposal."
)
@click.option("--seen-version", type=int, help="Refuse if the review is no longer at this version.")
@click.option("--seen-hash", help="Refuse if the review no longer has this content_hash.")
@click.option("--overrule-claim", is_flag=True, help="Decide although another person has claimed the review.")
@click.option("--local", is_flag=True, help="Then run the execution in this process.")
@user_option
def decide(
    review_id: str,
    decision: str,
    comment: str,
    edit: Path | None,
    seen_version: int | None,
    seen_hash: str | None,
    overrule_claim: bool,
    local: bool,
    user: str | None,
) -> CommandResult:
    """Decide a review. The execution then continues at once: the decision cannot be undone."""
    if edit is not None and decision != "approve":
        raise click.UsageError("--edit works only with approve")
    app = open_app_without_engine() if local else open_app_with_prefect()
    review, by = app.review(review_id), identity(user, settings())
    claim = claim_of_another(review, by, datetime.now(UTC)) if review.status == "open" else ""
    if claim and not overrule_claim:
        raise Conflict(f"{claim}; to decide it all the same, add --overrule-claim")
    reviewers = app.reviewers(review)
    if review.status == "open" and not reviewers.held and not reviewers.include(by):
        assigned = assigned_to(review.request.assign)
        raise Refused(f"{by} may not decide this review; it is assigned to {assigned}; --as NAME acts as another user")
    review = app.decide(
        review_id,
        Answer(
            kind=DECISIONS[decision],
            by=by,
            comment=comment,
            edited=NO_EDIT if edit is None else edited_proposal(review, edit),
            seen_version=review.version if seen_version is None else seen_version,
            seen_hash=seen_hash or review.content_hash,
        ),
    )
    data = review_record(review)
    if review.decision is None:
        missing = review.request.assign.quorum - len(review.approvals)
        text = f"Approved {review.id}; {count(missing, 'more approval')} needed"
        return CommandResult(data=data, text=text)
    text = f"{_DONE[review.decision.kind]} {review.id}"
    if not local:
        return CommandResult(data=data, text=text)
    from flowbuilder.bootstrap import open_local_app
    from flowbuilder.cli.output.execution_view import execution_result

    local_app, runner = open_local_app(settings())
    asyncio.run(runner.run(review.execution_id))
    outcome = execution_result(local_app, review.execution_id, notes=(text,), local=True)
    return CommandResult(data={**data, "execution": outcome.data}, text=outcome.text, ok=outcome.ok)


def _state(review: Review) -> str:
    return review.decision.kind if review.decision else review.status
