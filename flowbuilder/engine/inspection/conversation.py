"""The requests to models and tools within one step run, and their answers: from its step memos."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowbuilder.engine.inspection.totals import TOKENS
from flowbuilder.ports.engine import StepMemo
from flowbuilder.values import Json, JsonObject

ANSWER_TOOL = "final_result"
"""The tool by whose call a model gives an object as its answer."""
UNANSWERED = "the call was begun, and no answer is recorded: it is not known what it has done"


def exchanges(memos: Sequence[StepMemo], fields: JsonObject) -> tuple[JsonObject, ...]:
    """The exchanges in order. `fields` are those of the step run, to which the memos refer.

    Of a model: `{kind: model, at, model, request: [{role, text}], answer: {text?, object?, thinking?, tool_calls?},
    stop, tokens, usd}`. Of a tool: `{kind: tool, at, server, tool, arguments, answer, failed}`. What an older release
    has not recorded is null.
    """
    return tuple(_exchange(memo, fields) for position, memo in enumerate(memos) if not _is_answered(position, memos))


def _exchange(memo: StepMemo, fields: JsonObject) -> JsonObject:
    answer, at = memo.answer, memo.at.isoformat()
    asked = answer.get("asked")
    match answer:
        case {"messages": [dict(response), *_]}:
            request = list(_request(asked, fields)) if isinstance(asked, list) else None
            usage = _mapping(response.get("usage"))
            return {
                "kind": "model",
                "at": at,
                "model": answer.get("model") or response.get("model_name"),
                "request": request,
                "answer": _answer(response.get("parts")),
                "stop": response.get("finish_reason"),
                "tokens": {name: usage.get(name) or 0 for name in TOKENS},
                "usd": answer.get("usd"),
            }
        case {"embeddings": [list(vector), *_] as vectors, "usage": dict(usage)}:
            words = f"{len(vectors):,} vectors of {len(vector):,} numbers: they are in the output"
            return {
                "kind": "model",
                "at": at,
                "model": answer.get("model"),
                "request": [{"role": "texts", "text": f"{len(vectors):,} of the texts of the step, in order"}],
                "answer": {"text": words},
                "stop": None,
                "tokens": {name: usage.get(name) or 0 for name in TOKENS},
                "usd": answer.get("usd"),
            }
        case {"call": _} | {"by": _, "asked": _} if "messages" not in answer:
            return {"kind": "tool", "at": at, **_call(answer)}
        case {"text": str() | list()} if len(answer) == 1:  # a tool's, of an older release
            return {"kind": "tool", "at": at, **_call(answer)}
        case _:  # of a step type or a model of a third party
            return {"kind": "other", "at": at, "answer": answer}


def _call(answer: JsonObject) -> JsonObject:
    known = _mapping(answer.get("call"))
    failed = next((str(answer[name]) for name in ("failed", "not_made") if name in answer), None)
    if "text" not in answer and failed is None:
        failed = UNANSWERED
    parts = {name: known.get(name) for name in ("server", "tool", "arguments")}
    return {**parts, "answer": _said(answer.get("text")), "failed": failed}


def _said(answer: Any) -> Json:
    """The answer of a tool as text: of parts, a line for each image."""
    if not isinstance(answer, list):
        return answer  # type: ignore[no-any-return]
    parts = map(_mapping, answer)
    return "\n".join(
        f"[image {part['image']}, {part.get('size')} bytes]" if "image" in part else str(part.get("text", ""))
        for part in parts
    )


def _is_answered(position: int, memos: Sequence[StepMemo]) -> bool:
    """Whether a memo only notes that a call begins, and a later one has its answer."""
    answer = memos[position].answer
    if not {"by", "asked"} <= answer.keys():
        return False
    later = (memo.answer for memo in memos[position + 1 :])
    return any(each.get("call") == answer.get("call") and "by" not in each for each in later)


def _request(asked: list[Any], fields: JsonObject) -> Iterator[JsonObject]:
    """The parts of a request that were new to the model: those of the step's fields, then what was recorded."""
    for part in asked:
        if part != "fields":
            yield part if isinstance(part, dict) else {"role": "user", "text": str(part)}
            continue
        if fields.get("system"):
            yield {"role": "system", "text": fields["system"]}
        for example in fields.get("messages") or ():
            yield {
                "role": str(_mapping(example).get("role")),
                "text": _mapping(example).get("content"),
                "example": True,
            }
        yield {"role": "user", "text": fields.get("prompt", fields.get("query"))}
        if fields.get("images"):
            yield {"role": "user", "text": "(the images of the field images)"}
        if fields.get("context"):
            yield {"role": "user", "text": "(the answers of the tools in context, which are shown by themselves)"}


def _answer(parts: Any) -> JsonObject:
    found: JsonObject = {}
    texts: dict[str, list[str]] = {"thinking": [], "text": []}
    calls: list[Json] = []
    for part in map(_mapping, parts if isinstance(parts, list) else ()):
        kind = str(part.get("part_kind"))
        if kind in texts:
            texts[kind].append(str(part.get("content") or ""))
        elif kind.endswith("tool-call") and part.get("tool_name") == ANSWER_TOOL:
            found["object"] = _arguments(part.get("args"))
        elif kind.endswith("tool-call"):
            arguments = _arguments(part.get("args"))
            calls.append({"id": part.get("tool_call_id"), "tool": part.get("tool_name"), "arguments": arguments})
        elif not kind.endswith("tool-return"):  # of a search that the provider made: its pages are in the output
            calls.append({"part": kind})
    said = {name: "\n".join(lines) for name, lines in texts.items() if any(lines)}
    return {**said, **found, **({"tool_calls": calls} if calls else {})}


def _arguments(value: Any) -> Json:
    """The arguments of a call; those that came as text as JSON, where they are."""
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    try:
        parsed: Json = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
