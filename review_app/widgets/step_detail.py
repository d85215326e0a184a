"""One step run of an execution in a drawer: what it was given and gave, folded. Only the chosen one is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from flowbuilder.app import App
from flowbuilder.engine.inspection.attempts import reason_of
from flowbuilder.engine.inspection.step_detail import StepDetail
from flowbuilder.errors import FlowbuilderError
from flowbuilder.values import Json, JsonObject
from review_app import session, times
from review_app.fields import as_text
from review_app.markdown_escape import escaped, label
from review_app.widgets import chips
from review_app.widgets.page_frame import show, show_error

MAX_SHOWN = 20_000
"""Number of characters of one value that are drawn; the download has all of it."""
MAX_EXCHANGES = 100
WIDTH = 820
_LINKS = st.components.v2.component(
    "flowbuilder.steps", js=Path(__file__).parent.with_name("steps.js").read_text(encoding="utf-8")
)
_OUTCOMES = {
    "retried": "failed, tried again",
    "worker_lost": "its worker was lost",
    "review": "asked a person",
    "due": "due, or running",
}
_STOPS = (None, "stop", "tool_call")


def drawer(app: App, execution_id: str) -> None:
    """Open the step run that `?step=PATH` in the URL names, and the one whose link is clicked."""
    st.fragment(_drawer)(app, execution_id)


def _drawer(app: App, execution_id: str) -> None:
    clicked = _LINKS(key="fb-step-links", on_path_change=lambda: None, height="content").path
    if clicked:
        st.query_params["step"] = str(clicked)
    path = st.query_params.get("step")
    if path:
        st.dialog(f"Step {label(path)}", width=WIDTH, position="right", on_dismiss=_close)(draw)(
            app, execution_id, path
        )


def _close() -> None:
    st.query_params.pop("step", None)


def draw(app: App, execution_id: str, path: str) -> None:
    """Draw a step run."""
    try:
        detail = app.step_detail(execution_id, path)
    except FlowbuilderError as failure:
        show_error("This step cannot be shown", failure)
        return
    show(markup(detail))
    whole = json.dumps(detail.json(), indent=2, ensure_ascii=False)
    st.download_button("Download as JSON", whole, file_name="step.json", mime="application/json", on_click="ignore")


def markup(detail: StepDetail) -> str:
    """A step run as HTML. All texts in it are escaped."""
    return f'<div class="fb-step-detail">{"".join(_parts(detail))}</div>'


def totals_line(found: JsonObject) -> str:
    """The totals of an execution as HTML."""
    words = [_count(found["steps"], "step run"), _count(found["attempts"], "attempt")]
    if found["step_seconds"]:
        words.append(f"{times.span(found['step_seconds'])} in steps")
    if found["unpriced_steps"]:
        unpriced = f"{_count(found['unpriced_steps'], 'step run')} of unknown price"
        return f'<div class="fb-totals">{" · ".join([*words, *_cost(found), unpriced])}</div>'
    return f'<div class="fb-totals">{" · ".join([*words, *_cost(found)])}</div>'


def _parts(detail: StepDetail) -> Iterator[str]:
    facts = [chips.status(detail.status), chips.chip(detail.type.replace("_", " ") or "step", title="type of step")]
    facts += [f'<span class="fb-muted">{escaped(word)}</span>' for word in _facts(detail)]
    yield f'<div class="fb-sub">{"".join(facts)}</div>'
    if detail.reason:
        yield f'<div class="fb-muted">{escaped(detail.reason.replace("_", " "))}</div>'
    if detail.error is not None:
        message = escaped(as_text(detail.error.get("message", "")))
        yield f'<div class="fb-failure">{chips.chip(detail.error.get("code", "error"), "red")} {message}</div>'
        if "detail" in detail.error:
            yield _fold("Error detail", _value(detail.error["detail"]))
    if detail.attempts:
        again = len(detail.attempts) > 1
        yield _fold("Attempts", "".join(map(_attempt, detail.attempts)), count=len(detail.attempts), opened=again)
    yield _fields(detail)
    if detail.exchanges:
        requests = "".join(map(_exchange, range(1, MAX_EXCHANGES + 1), detail.exchanges))
        more = len(detail.exchanges) - MAX_EXCHANGES
        note = f'<div class="fb-muted">{more:,} more are in the download</div>' if more > 0 else ""
        yield _fold("Requests to models and tools", requests + note, count=len(detail.exchanges))
    elif detail.exchanges_missing:
        yield _fold("Requests to models and tools", f'<div class="fb-muted">{escaped(detail.exchanges_missing)}</div>')
    if detail.effects:
        yield _fold("Writes", "".join(map(_effect, detail.effects)), count=len(detail.effects))
    if detail.inside:
        rows = (
            f'<div class="fb-pair"><code>{escaped(path)}</code> {chips.status(status)}</div>'
            for path, status in detail.inside.items()
        )
        yield _fold("Step runs inside", "".join(rows), count=len(detail.inside))
    if detail.output is not None or detail.status == "completed":
        yield _fold("Output", _value(detail.output), opened=True)


def _facts(detail: StepDetail) -> Iterator[str]:
    if detail.name not in ("", detail.path):
        yield detail.name
    if detail.seconds is not None:
        yield times.span(detail.seconds)
    if detail.usage.get("model"):
        yield str(detail.usage["model"])
    yield from _cost(detail.usage)
    fell_back = detail.usage.get("fell_back")
    if isinstance(fell_back, Mapping):
        yield f"asked instead of {fell_back.get('model')}: {fell_back.get('reason')}"


def _fields(detail: StepDetail) -> str:
    if detail.fields_missing:
        return _fold("Fields", f'<div class="fb-muted">None, because {escaped(detail.fields_missing)}</div>')
    failed = (
        f'<div class="fb-failure">Cannot be made: {escaped(detail.fields_failed)}</div>' if detail.fields_failed else ""
    )
    return _fold("Fields", _named(detail.fields) + failed, count=len(detail.fields))


def _attempt(record: Mapping[str, Any]) -> str:
    zone = session.zone()
    at = " to ".join(
        times.clock(datetime.fromisoformat(record[name]), zone) for name in ("started_at", "ended_at") if record[name]
    )
    word = _OUTCOMES.get(record["outcome"], record["outcome"])
    if record.get("delay_seconds") is not None:
        word += f" after {times.span(record['delay_seconds'])}"
    if record.get("until"):
        word += f" until {times.clock(datetime.fromisoformat(record['until']), zone)}"
    why = reason_of(record)
    because = f'<div class="fb-why">{escaped(why)}</div>' if why else ""
    when = f'<span class="fb-at">{record["attempt"]}. {escaped(at)}</span>'
    return f'<div class="fb-pair">{when} {escaped(word)}{because}</div>'


def _exchange(number: int, record: Mapping[str, Any]) -> str:
    at = f"{number}. " + times.clock(datetime.fromisoformat(record["at"]), session.zone())
    if record["kind"] == "tool":
        name = ".".join(str(part) for part in (record["server"], record["tool"]) if part) or "name not recorded"
        title, failed = f"{at} Tool {name}", record["failed"] is not None
        parts = {
            "Arguments": record["arguments"],
            "Failed" if failed else "Answer": record["failed"] or record["answer"],
        }
        return _fold(title, _named({key: part for key, part in parts.items() if part is not None}))
    if record["kind"] != "model":
        return _fold(f"{at} Recorded answer", _value(record["answer"]))
    cost = " · ".join(_cost({**record["tokens"], "usd": record["usd"]}))
    stop = "" if record["stop"] in _STOPS else f", stopped: {record['stop']}"
    return _fold(f"{at} Request to {record['model'] or 'a model'}", _named(_said(record)), beside=f"{cost}{stop}")


def _said(record: Mapping[str, Any]) -> JsonObject:
    """What was sent and what was answered, by a heading for each part."""
    found: list[tuple[str, Json]] = []
    if record["request"] is None:
        found.append(("Request", "Not recorded by the release that ran it. The first request is made of the fields."))
    for part in record["request"] or ():
        if part["role"] == "tool":
            found.append((f"Answer of {part['tool']}", "(shown above)"))
        elif part["role"] == "complaint":
            found.append((f"Complaint about {part['tool'] or 'the answer'}", part["text"]))
        else:
            found.append((f"{part['role'].capitalize()}{' (example)' if part.get('example') else ''}", part["text"]))
    names = {"thinking": "Thinking", "text": "Answer", "object": "Answer"}
    found += [(names[name], record["answer"][name]) for name in names if name in record["answer"]]
    found += [
        (f"Calls {call.get('tool') or call.get('part')}", call.get("arguments"))
        for call in record["answer"].get("tool_calls", ())
    ]
    said: JsonObject = {}
    for name, value in found:
        number = sum(known == name or known.startswith(f"{name} #") for known in said)
        said[f"{name} #{number + 1}" if number else name] = value
    return said


def _effect(record: Mapping[str, Any]) -> str:
    target = f'<div class="fb-pair">{chips.chip(record["status"])} {escaped(record["target"])}</div>'
    return target + _value(record["receipt"])


def _cost(usage: Mapping[str, Any]) -> Iterator[str]:
    """The requests, tokens and USD of a usage; nothing where no model was asked."""
    names = {"input_tokens": "in", "cache_read_tokens": "from the cache", "cache_write_tokens": "to the cache",
             "output_tokens": "out"}  # fmt: skip
    counts = [f"{usage[name]:,} {word}" for name, word in names.items() if usage.get(name)]
    if usage.get("requests"):
        yield _count(usage["requests"], "request")
    if counts:
        yield f"tokens {', '.join(counts)}"
    if counts or usage.get("requests"):
        yield "USD unknown" if usage.get("usd") is None else f"USD {usage['usd']:.6f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _named(values: Mapping[str, Json]) -> str:
    return "".join(f'<div class="fb-key">{escaped(name)}</div>{_value(value)}' for name, value in values.items())


def _value(value: Json) -> str:
    text = as_text(value)
    if not text:
        return '<div class="fb-given fb-muted">empty</div>'
    cut = len(text) - MAX_SHOWN
    note = (
        f'<div class="fb-muted">{cut:,} of {len(text):,} characters left out; the download has all</div>'
        if cut > 0
        else ""
    )
    return f'<div class="fb-given" tabindex="0">{escaped(text[:MAX_SHOWN])}</div>{note}'


def _fold(title: str, body: str, *, count: int | None = None, opened: bool = False, beside: str = "") -> str:
    number = f' <span class="fb-muted">{count:,}</span>' if count is not None else ""
    more = f'<span class="fb-muted">{escaped(beside)}</span>' if beside else ""
    return (
        f'<details class="fb-part"{" open" if opened else ""}><summary>{escaped(title)}{number}{more}</summary>'
        f'<div class="fb-part-body">{body}</div></details>'
    )
