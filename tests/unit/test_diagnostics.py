"""Reports: their order, their JSON, and how a terminal shows them."""

from __future__ import annotations

import itertools

from flowbuilder.diagnostics import Diagnostic, Report, Span, render

LATE = Diagnostic(
    code="FB107",
    message="no step is called draf",
    pointer="/steps/1/prompt",
    hint="did you mean draft?",
    span=Span(line=3, column=11, end_line=3, end_column=15),
)
EARLY = Diagnostic(
    code="FB103", message="alone", severity="warning", span=Span(line=1, column=1, end_line=1, end_column=3)
)
NOWHERE = Diagnostic(code="FB001", message="no document")


def test_a_report_is_in_the_order_of_the_text_and_says_each_thing_once() -> None:
    report = Report.of([NOWHERE, LATE, EARLY, LATE])
    assert [item.code for item in report] == ["FB103", "FB107", "FB001"]


def test_warnings_alone_do_not_forbid_running() -> None:
    assert Report.of([EARLY]).ok
    assert not Report.of([EARLY, LATE]).ok


def test_the_summary_counts_and_names_the_first_error() -> None:
    assert Report.of([EARLY, LATE]).summary() == "1 error, 1 warning; first: FB107 no step is called draf"
    assert Report().summary() == "no errors or warnings"


def test_the_record_has_line_and_column_or_null() -> None:
    assert LATE.record()["line"] == 3
    assert LATE.record()["column"] == 11
    assert NOWHERE.record()["line"] is None


def test_a_terminal_shows_the_line_with_carets_and_help() -> None:
    source = "name: w\nsteps:\n  prompt: draf\n"
    assert render(Report.of([LATE]), source=source, file="w.yaml") == (
        "error[FB107]: no step is called draf\n"
        " --> w.yaml:3:11  /steps/1/prompt\n"
        "  |\n"
        "3 |   prompt: draf\n"
        "  |           ^^^^\n"
        "  = help: did you mean draft?\n"
    )


def test_of_a_very_long_line_only_the_part_around_the_place_is_shown() -> None:
    line = "a: " + "x" * 100_000 + "HERE" + "y" * 100_000
    at = line.index("HERE") + 1
    found = Diagnostic(code="FB001", message="m", span=Span(line=1, column=at, end_line=1, end_column=at + 4))
    text = render(Report.of([found]), source=line)
    assert len(text) < 1_500
    shown, carets = next((a, b) for a, b in itertools.pairwise(text.split("\n")) if "^" in b)
    assert shown[carets.index("^") :].startswith("HERE")
    assert carets.count("^") == 4
