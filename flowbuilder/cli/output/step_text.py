"""One step run as text: what it was given and gave, its attempts, its conversation and its cost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.engine.inspection.attempts import reason_of
from flowbuilder.engine.inspection.step_detail import StepDetail
from flowbuilder.values import Json, JsonObject

MAX_SHOWN = 2_000
"""Number of characters of one value that are printed; `--format json` prints all of it."""
MAX_INSIDE = 100
MAX_EXCHANGES = 50


def step_text(detail: StepDetail) -> str:
    """The step run, with long values cut; each cut says how much is left out."""
    return "\n".join(_lines(detail))


def totals_line(found: JsonObject) -> str:
    """The totals of an execution in one line: steps, attempts, time, and where models were asked tokens and USD."""
    parts = [
        f"{found['steps']:,} step runs",
        f"{found['attempts']:,} attempts",
        f"{found['step_seconds']:,.1f} s in steps",
    ]
    return "Totals: " + ", ".join([*parts, *_cost(found, unpriced=found["unpriced_steps"])])


def _lines(detail: StepDetail) -> Iterator[str]:
    name = f"  {detail.name}" if detail.name not in ("", detail.path) else ""
    yield f"{detail.path} ({detail.type or 'step'}){name}  {detail.status}" + (
        f": {detail.reason}" if detail.reason else ""
    )
    if detail.attempts:
        yield "\nAttempts"
        yield from (f"  {_attempt(each)}" for each in detail.attempts)
    yield "\nFields" + (f": none, because {detail.fields_missing}" if detail.fields_missing else "")
    for name, value in detail.fields.items():
        yield from _value(name, value)
    if detail.fields_failed:
        yield f"  cannot be made: {detail.fields_failed}"
    for number, exchange in enumerate(detail.exchanges[:MAX_EXCHANGES], 1):
        yield from _exchange(number, exchange)
    if len(detail.exchanges) > MAX_EXCHANGES:
        yield f"\n[{len(detail.exchanges) - MAX_EXCHANGES:,} more requests: --format json shows all]"
    if detail.exchanges_missing:
        yield f"\nConversation: {detail.exchanges_missing}"
    if detail.inside:
        yield "\nInside"
        yield from (f"  {path}  {status}" for path, status in list(detail.inside.items())[:MAX_INSIDE])
        if len(detail.inside) > MAX_INSIDE:
            yield f"  [{len(detail.inside) - MAX_INSIDE:,} more step runs: --format json shows all]"
    for review in detail.reviews:
        yield f"\nReview {review['id']}  {review['status']}  {review['title']}"
    for effect in detail.effects:
        yield f"\nWrite to {effect['target']}: {effect['status']}"
        if effect["receipt"] is not None:
            yield from _value("receipt", effect["receipt"])
    if detail.error is not None:
        yield f"\nError {detail.error.get('code', '')}"
        yield from _value("message", detail.error.get("message"))
        if "detail" in detail.error:
            yield from _value("detail", detail.error["detail"])
    if detail.output is not None or detail.status == "completed":
        yield "\nOutput"
        yield from _value("", detail.output)
    if detail.usage:
        model = f"{detail.usage['model']}: " if detail.usage.get("model") else ""
        yield f"\nCost: {model}{', '.join(_cost(detail.usage))}"
        fell_back = detail.usage.get("fell_back")
        if isinstance(fell_back, Mapping):
            yield f"  asked instead of {fell_back.get('model')}: {fell_back.get('reason')}"


def _attempt(record: Mapping[str, Any]) -> str:
    times = (
        f"{_clock(record['started_at'])} to {_clock(record['ended_at'])}"
        if record["ended_at"]
        else (f"{_clock(record['started_at'])}")
    )
    words = {
        "retried": "failed, tried again",
        "worker_lost": "its worker was lost, made again",
        "review": "asked a person",
        "due": "due, or running",
    }
    text = f"{record['attempt']}. {times}  {words.get(record['outcome'], record['outcome'])}"
    if record.get("seconds") is not None:
        text += f" in {record['seconds']:g} s"
    if record.get("delay_seconds") is not None:
        text += f" after {record['delay_seconds']:g} s"
    if record.get("until"):
        text += f" until {_clock(record['until'])}"
    why = reason_of(record)
    return f"{text}: {why}" if why else text


def _exchange(number: int, record: Mapping[str, Any]) -> Iterator[str]:
    at = _clock(record["at"])
    if record["kind"] == "tool":
        name = ".".join(str(part) for part in (record["server"], record["tool"]) if part)
        yield f"\n{number}. {at}  Tool {name or '(its name is not recorded)'}"
        if record["arguments"] is not None:
            yield from _value("arguments", record["arguments"])
        yield from _value("answer" if record["failed"] is None else "failed", record["failed"] or record["answer"])
        return
    if record["kind"] != "model":
        yield f"\n{number}. {at}  Recorded answer"
        yield from _value("answer", record["answer"])
        return
    yield f"\n{number}. {at}  Request to {record['model'] or 'a model'}"
    if record["request"] is None:
        yield "  request: not recorded by the release that ran it; the first one is made of the fields"
    for part in record["request"] or ():
        if part["role"] == "tool":
            yield f"  answer of the tool {part['tool']}: above"
        else:
            yield from _value(_role(part), part["text"])
    answer = record["answer"]
    for name in ("thinking", "text", "object"):
        if name in answer:
            yield from _value("answer" if name != "thinking" else name, answer[name])
    for call in answer.get("tool_calls", ()):
        yield from _value(f"calls {call.get('tool') or call.get('part')}", call.get("arguments"))
    stop = f", stopped: {record['stop']}" if record["stop"] not in (None, "stop", "tool_call") else ""
    yield f"  cost: {', '.join(_cost({**record['tokens'], 'usd': record['usd']}))}{stop}"


def _role(part: Mapping[str, Any]) -> str:
    if part["role"] == "complaint":
        return f"complaint about {part['tool']}" if part.get("tool") else "complaint"
    return f"{part['role']} (example)" if part.get("example") else str(part["role"])


def _cost(usage: Mapping[str, Any], *, unpriced: int = 0) -> Iterator[str]:
    """The tokens and USD of a usage; nothing where no model was asked."""
    requests = usage.get("requests")
    if requests:
        yield f"{requests:,} requests to models"
    names = {
        "input_tokens": "in",
        "cache_read_tokens": "from the cache",
        "cache_write_tokens": "to the cache",
        "output_tokens": "out",
    }
    counts = [f"{usage[name]:,} {word}" for name, word in names.items() if usage.get(name)]
    if counts:
        yield f"tokens {', '.join(counts)}"
    if counts or requests:
        usd = usage.get("usd")
        yield "USD unknown" if usd is None else f"USD {usd:.6f}"
    if unpriced:
        yield f"and {unpriced:,} step runs of unknown price"


def _value(name: str, value: Json) -> Iterator[str]:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    cut = len(text) - MAX_SHOWN
    lines = text[:MAX_SHOWN].splitlines() or [""]
    if cut > 0:
        lines.append(f"[{cut:,} of {len(text):,} characters left out: --format json shows all]")
    if len(lines) == 1:
        yield f"  {name}: {lines[0]}" if name else f"  {lines[0]}"
    else:
        if name:
            yield f"  {name}:"
        yield from (f"    {line}" if name else f"  {line}" for line in lines)


def _clock(at: object) -> str:
    from datetime import datetime

    return datetime.fromisoformat(str(at)).astimezone().strftime("%H:%M:%S") if at else "?"
