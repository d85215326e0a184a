"""The requests to models and tools within one step run, and their answers: from its step memos."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowbuilder.ports.engine import StepMemo
from flowbuilder.values import Json, JsonObject

ANSWER_TOOL = "final_result"
"""The tool by whose call a model gives an object as its answer."""
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def exchanges(memos: Sequence[StepMemo], fields: JsonObject) -> tuple[JsonObject, ...]:
    """The exchanges in order. `fields` are those of the step run, to which the memos refer.

    Of a model: `{kind: model, at, model, request: [{role, text}], answer: {text?, object?, thinking?, tool_calls?},
    stop, tokens, usd}`. Of a tool: `{kind: tool, at, server, tool, arguments, answer, failed}`. What an older release
    has not recorded is null.
    """
    return tuple(_exchange(memo, fields) for memo in memos)


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
        case {"text": _} | {"failed": _} if isinstance(asked, dict) or set(answer) == {"text"}:
            known = _mapping(asked)
            return {
                "kind": "tool",
                "at": at,
                "server": known.get("server"),
                "tool": known.get("tool"),
                "arguments": known.get("arguments"),
                "answer": answer.get("text"),
                "failed": answer.get("failed"),
            }
        case _:  # of a step type or a model of a third party
            return {"kind": "other", "at": at, "answer": answer}


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
        yield {"role": "user", "text": fields.get("prompt")}
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
        else:
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
