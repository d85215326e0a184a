"""`human_review`: ask a reviewer; the execution waits without occupying a worker."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from flowbuilder.json_schema import ensure_matches, usable_schema
from flowbuilder.language import Expression, Shape, Template, shape_of_schema
from flowbuilder.steps.fields import Duration, seconds_of
from flowbuilder.steps.step import Kind, Place, Record, Sink, Step, Templated
from flowbuilder.values import JsonObject

if TYPE_CHECKING:
    from flowbuilder.model.review import ReviewRequest


class Assign(Record):
    """The reviewers: a group of the site's `reviewers`, people by name, or `anyone: true`; without these, all reviewers
    of the site. `quorum` of them must approve. Where a group or a list is empty, no one can decide."""

    group: Templated[str] | None = None
    people: Templated[tuple[str, ...]] | None = None
    anyone: bool = False
    quorum: Templated[Annotated[int, Field(ge=1, le=10)]] = 1
    not_author: bool = False

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if self.anyone and (self.group is not None or self.people is not None):
            raise ValueError("anyone: true leaves no group and no people to name; write one or the other")
        return self


class OnChangesRequested(Record):
    """A request for changes runs everything from `rewind_to` up to this review again, at most `max_rounds` times."""

    rewind_to: str
    max_rounds: int = Field(default=1, ge=1, le=10)


_OUTPUT = shape_of_schema(
    {
        "type": "object",
        "properties": {
            "decision": {"enum": ["approved", "changes_requested", "rejected", "expired", "withdrawn"]},
            "approved": {},
            "comment": {"type": "string"},
            "reviewer": {"type": "string"},
            "rounds": {"type": "integer"},
        },
        "required": ["decision", "approved", "comment", "reviewer", "rounds"],
        "additionalProperties": False,
    }
)


class HumanReview(Step):
    """Ask a reviewer to approve, reject or request changes. The approved content is `output.approved`.

    The output is `{decision, approved, comment, reviewer, rounds}`; `approved` is null unless approved.
    It has the form of the proposal: with `proposal: {title: ..., body: ...}`, `output.approved.title` is a text.
    """

    kind: ClassVar[Kind] = "review"

    title: Templated[str]
    base: Templated[Any] = None
    proposal: Templated[Any] = None
    # a lambda: of `list` itself pydantic would parse the signature
    findings: Templated[list[JsonObject]] = Field(default_factory=lambda: [])
    assign: Assign | Literal["anyone"] = Field(default_factory=Assign)
    due_in: Duration | None = None
    expires_in: Duration | None = None
    on_expire: Literal["approved", "rejected", "withdrawn", "escalate"] = "withdrawn"
    on_changes_requested: OnChangesRequested | None = None
    value_schema: JsonObject | None = Field(
        default=None,
        alias="schema",
        description="the JSON Schema of an approved value; without it an edit keeps the form of the proposal",
    )

    @field_validator("value_schema")
    @classmethod
    def _usable(cls, value: JsonObject | None) -> JsonObject | None:
        return usable_schema(value)

    @property
    def reviewers(self) -> Assign:
        """`assign`, with the word `anyone` written out."""
        return Assign(anyone=True) if isinstance(self.assign, str) else self.assign

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """What says who is asked decides over the rest."""
        for place, text, sink in super().texts():
            yield place, text, "control" if place[0] == "assign" else sink

    def output_shape(self) -> Shape:
        """The shape of `approved` is unknown: a reviewer may have edited it."""
        return _OUTPUT

    def request(self, round_number: int) -> "ReviewRequest":
        """The review request of a bound step. `StepError` when the proposal does not match the schema."""
        from flowbuilder.model.review import Assignment, ReviewRequest  # here: validating a document needs no review

        if self.value_schema is not None:
            ensure_matches(self.value_schema, self.proposal, "the proposal")
        assign = self.reviewers
        return ReviewRequest(
            title=self.title,
            base=self.base,
            proposal=self.proposal,
            findings=tuple(self.findings),
            assign=Assignment(
                group=assign.group,
                people=None if assign.people is None else tuple(assign.people),
                anyone=assign.anyone,
                quorum=assign.quorum,
                not_author=assign.not_author,
            ),
            due_in=seconds_of(self.due_in),
            expires_in=seconds_of(self.expires_in),
            on_expire=self.on_expire,
            may_request_changes=(
                self.on_changes_requested is None or round_number <= self.on_changes_requested.max_rounds
            ),
            schema=self.value_schema,
            round=round_number,
        )
