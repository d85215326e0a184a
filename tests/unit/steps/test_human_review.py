"""The `human_review` step: its fields as the reviewer sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowbuilder.errors import DefinitionError
from flowbuilder.testing import Finished

Run = Callable[..., Finished]


def test_templates_are_rendered_in_every_field(run: Run) -> None:
    step = {
        "type": "human_review",
        "title": "Refresh {{ inputs.who }}",
        "base": {"body": "{{ inputs.who }}"},
        "proposal": ["{{ inputs.n }}", "n={{ inputs.n }}"],
        "findings": [{"rule": "r", "severity": "info", "place": "", "evidence": "{{ inputs.n }} left"}],
        "assign": {"group": "{{ inputs.who }}", "people": ["{{ inputs.who }}@tea.example"], "quorum": "{{ inputs.n }}"},
        "due_in": "P2D",
        "expires_in": "PT4H",
    }
    inputs = {"who": {"type": "string"}, "n": {"type": "integer"}}
    finished = run(step, inputs=inputs, given={"who": "editors", "n": 2})
    (review,) = finished.waiting
    request = review.request
    assert (request.title, request.base, request.proposal) == ("Refresh editors", {"body": "editors"}, [2, "n=2"])
    assert request.findings[0]["evidence"] == "2 left"
    assign = request.assign
    assert (assign.group, assign.people, assign.quorum) == ("editors", ("editors@tea.example",), 2)
    assert (request.due_in, request.expires_in) == (172_800.0, 14_400.0)


@pytest.mark.parametrize("decided", ["approve", "reject", "withdraw"])
def test_the_output_has_the_decision_and_only_approved_content(run: Run, decided: str) -> None:
    finished = run({"type": "human_review", "title": "T", "proposal": "new"}, decide={"s": decided})
    output = finished.outputs["s"]
    assert set(output) == {"decision", "approved", "comment", "reviewer", "rounds"}
    assert output["approved"] == ("new" if decided == "approve" else None)
    assert output["rounds"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"due_in": "two days"},
        {"due_in": "-P1D"},
        {"assign": {"grup": "x"}},
        {"on_expire": "maybe"},
        {"assign": {"quorum": 0}},
    ],
)
def test_a_wrong_field_is_a_definition_error(run: Run, fields: dict[str, object]) -> None:
    with pytest.raises(DefinitionError):
        run({"type": "human_review", "title": "T", **fields})
