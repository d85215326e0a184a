"""Interactive review: shows the proposed change and asks for a decision."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from flowbuilder.app import App
from flowbuilder.cli.output.escape import escape
from flowbuilder.cli.output.review_view import content_text, review_page
from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import NO_EDIT, Answer, claim_of_another

_KINDS: dict[str, DecisionKind] = {"a": "approved", "e": "approved", "r": "rejected", "c": "changes_requested"}


def prompt_for_decision(app: App, review: Review, *, by: str) -> bool:
    """Show a review and ask for a decision. Returns whether it is decided; False when the user leaves it open."""
    from flowbuilder.cli.output.console import console

    console().print()
    console().print(review_page(review, held=app.reviewers(review).held))
    draft = content_text(review.request.proposal)
    while True:
        editable = isinstance(review.request.proposal, str) and review.request.may_edit
        edit = "[e]dit and approve, " if editable else ""
        changes = "request [c]hanges, " if review.request.may_request_changes else ""
        answer = click.prompt(f"[a]pprove, {edit}[r]eject, {changes}[l]eave open", default="l").strip().lower()[:1]
        if answer == "l":
            return False
        if answer not in _KINDS or (answer == "c" and not changes) or (answer == "e" and not edit):
            continue
        edited = _edited(draft) if answer == "e" else None
        if answer == "e" and edited is None:
            continue
        draft = edited or draft  # an edit that is refused is where the next one begins
        claim = claim_of_another(review, by, datetime.now(UTC))
        if claim and not click.confirm(f"{claim}. Decide it all the same?"):
            return False
        optional = "" if answer in ("a", "e") else None
        comment = click.prompt("Comment" + (" (optional)" if optional is not None else ""), default=optional,
                               show_default=False)  # fmt: skip
        try:
            app.decide(
                review.id,
                Answer.to(
                    review, kind=_KINDS[answer], by=by, comment=comment, edited=NO_EDIT if edited is None else edited
                ),
            )
        except (Conflict, Refused) as problem:
            console(errors=True).print(f"error: {escape(problem)}")
            if isinstance(problem, Conflict) or edited is None:
                return isinstance(problem, Conflict)
            continue
        return True


def _edited(draft: str) -> str | None:
    """What the reviewer's editor made of a text, byte for byte; None where it was not saved or is not UTF-8."""
    from flowbuilder.cli.output.console import console

    made: bytes | None = click.edit(draft.encode(), extension=".md")  # a text would get other line ends
    try:
        return None if made is None else made.decode("utf-8")
    except UnicodeDecodeError as problem:
        console(errors=True).print(f"error: the edited text is not UTF-8 (byte {problem.start})")
        return None
