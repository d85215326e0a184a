"""Replies of a model server, good and bad: each is a function of the wire format and the request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flowbuilder.testing.model_servers.wires import Asked, Sent, Wire

Reply = Callable[[Wire, Asked], Sent]


def says(text: str) -> Reply:
    """A text; the server cuts it off where the request allows fewer tokens. A word is a token."""
    return lambda wire, asked: wire.say(asked, text)


def answers(value: Any) -> Reply:
    """A call of the output tool; a text is sent as it is, so it may be broken JSON."""
    arguments = value if isinstance(value, str) else json.dumps(value)
    return lambda wire, asked: wire.answer(asked, arguments)


def cut_off(text: str) -> Reply:
    """A text that ends because the limit of tokens was reached."""
    return lambda wire, asked: wire.say(asked, text, "length")


def filtered(text: str = "") -> Reply:
    """An answer that the provider's filter stopped, after this much of it."""
    return lambda wire, asked: wire.say(asked, text, "filter")


def refuses(words: str = "I can't help with that.") -> Reply:
    """The model refuses to answer."""
    return lambda wire, asked: wire.say(asked, words, "refusal")


def empty() -> Reply:
    """An answer without any content, and no error."""
    return lambda wire, asked: wire.say(asked, "")


def fails(status: int, message: str = "no luck", *, code: str | None = None, **headers: str) -> Reply:
    """An error with this status, in the form of the provider; `retry_after="17"` is the header `retry-after`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda wire, asked: Sent(json.dumps(wire.error(status, message, code)), status=status, headers=sent)


def error_in_200(status: int, message: str = "no luck", *, code: str | None = None) -> Reply:
    """The error that belongs to this status, sent with the status 200."""
    return lambda wire, asked: replace(fails(status, message, code=code)(wire, asked), status=200)


def embeds(dimensions: int = 4, tokens: int = 7) -> Reply:
    """A vector for each text of a request for embeddings: its number in the request, then zeros. Anthropic has none."""

    def reply(wire: Wire, asked: Asked) -> Sent:
        texts = asked.get("requests") or asked["input"]
        vectors = [[float(number), *[0.0] * (dimensions - 1)] for number in range(len(texts))]
        if wire.name == "google":
            return Sent(json.dumps({"embeddings": [{"values": vector} for vector in vectors]}))
        data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return Sent(json.dumps({"object": "list", "data": data, "model": asked["model"], "usage": usage}))

    return reply


def no_choices() -> Reply:
    """An answer with an empty list of choices."""

    def reply(wire: Wire, asked: Asked) -> Sent:
        answer = wire.message(asked, text="", arguments=None, stop="end")
        return Sent(json.dumps({**answer, wire.choices: []}))

    return reply


def html(status: int = 200) -> Reply:
    """A page of HTML, as a proxy or a sign-in page sends it."""
    page = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
    return lambda wire, asked: Sent(page, status=status, content_type="text/html")


def raw(body: str, content_type: str = "application/json") -> Reply:
    """Any body with the status 200."""
    return lambda wire, asked: Sent(body, content_type=content_type)


def without_identifiers(text: str) -> Reply:
    """A text in an answer whose identifiers, role and counts are null."""

    def reply(wire: Wire, asked: Asked) -> Sent:
        answer = wire.message(asked, text=text, arguments=None, stop="end")
        for name in ("id", "object", "created", "system_fingerprint", "usage", "responseId", "usageMetadata"):
            if name in answer and wire.name != "anthropic":
                answer[name] = None
        return wire.send(asked, answer)

    return reply


def without_reason(text: str) -> Reply:
    """A text without a word about why it ended."""

    def reply(wire: Wire, asked: Asked) -> Sent:
        answer = wire.message(asked, text=text, arguments=None, stop="end")
        for place in (answer, *(item for item in answer[wire.choices] if isinstance(item, dict))):
            for name in ("finish_reason", "finishReason", "stop_reason"):
                if name in place:
                    place[name] = None
        return wire.send(asked, answer)

    return reply


def ends_with(text: str, reason: str) -> Reply:
    """A text that ends for a reason in a word of the server's own; in the protocols of OpenAI and Google."""

    def reply(wire: Wire, asked: Asked) -> Sent:
        answer = wire.message(asked, text=text, arguments=None, stop="end")
        answer[wire.choices][0]["finishReason" if wire.name == "google" else "finish_reason"] = reason
        return wire.send(asked, answer)

    return reply


def hangs(seconds: float) -> Reply:
    """Nothing for so many seconds, then an answer."""
    return lambda wire, asked: replace(says("late")(wire, asked), delay=seconds)


def resets() -> Reply:
    """The connection is closed in place of an answer."""
    return lambda wire, asked: Sent("", resets=True)


BEHAVIOURS: dict[str, Reply] = {
    "cut-off": cut_off("This article stops in the mid"),
    "filtered": filtered("Part of the text"),
    "refusal": refuses(),
    "empty": empty(),
    "no-reason": without_reason("This article stops in the mid"),
    "unknown-reason": ends_with("This article stops in the mid", "gale"),
    "no-choices": no_choices(),
    "html": html(),
    "rate-limit-in-200": error_in_200(429, "Rate limit exceeded"),
    "overloaded": fails(529, "Overloaded"),
    "rate-limit": fails(429, "Rate limit reached for requests", retry_after="2"),
    "quota": fails(402, "Insufficient credits"),
    "retired": fails(404, "The model does not exist"),
    "bad-key": fails(401, "Incorrect API key provided"),
    "too-long": fails(
        400, "prompt is too long: the maximum context length is 128000 tokens, the input token count exceeds it"
    ),
    "server-error": fails(500, "boom"),
    "hangs": hangs(30.0),
    "resets": resets(),
}
"""How a server answers a model of this name, such as `openai:cut-off`: a definition chooses by `model`."""
