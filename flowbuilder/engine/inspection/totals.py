"""What an execution has cost: tokens, USD, time and attempts of its step runs together."""

from __future__ import annotations

from collections.abc import Iterable

from flowbuilder.model.execution import Outcome
from flowbuilder.values import JsonObject

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
COUNTS = ("requests", *TOKENS)


def totals(outcomes: Iterable[Outcome]) -> JsonObject:
    """`{steps, attempts, step_seconds, usd, unpriced_steps}` and `COUNTS`, over all ended step runs.

    `usd` is that of the steps whose price is known; `unpriced_steps` counts the others that asked a model.
    """
    found: JsonObject = dict.fromkeys(("steps", "attempts", *COUNTS, "unpriced_steps"), 0)
    seconds = usd = 0.0
    for outcome in outcomes:
        usage = outcome.usage
        found["steps"] += 1
        found["attempts"] += outcome.attempt
        seconds += outcome.seconds
        for name in COUNTS:
            found[name] += _number(usage.get(name))
        usd += _number(usage.get("usd"))
        found["unpriced_steps"] += bool(_number(usage.get("requests"))) and usage.get("usd") is None
    return {**found, "step_seconds": round(seconds, 3), "usd": round(usd, 9)}


def _number(value: object) -> int | float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
