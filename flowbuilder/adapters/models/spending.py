"""What the requests of one step run have cost, and its budget."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import ModelRequest
from flowbuilder.values import JsonObject

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Price:
    """The `price` of a connection: USD for a million tokens, and for one search of the web. Input from the provider's
    cache costs `cached_input`."""

    input: Decimal
    output: Decimal
    cached_input: Decimal
    search: Decimal | None = None

    @staticmethod
    def of(name: str, connection: JsonObject) -> Price | None:
        """The price that a connection names; None without one, `ConfigurationError` for one that cannot be used."""
        given = connection.get("price")
        if given is None:
            return None
        known = {"input", "output", "cached_input", "search"}
        numbers = given.values() if isinstance(given, dict) else ()
        usable = all(isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 for value in numbers)
        if not isinstance(given, dict) or not {"input", "output"} <= set(given) <= known or not usable:
            raise ConfigurationError(
                f"the price of connection {name or '(none)'} cannot be used: write price: {{input: 0.15, output: 0.6}} "
                "in USD for a million tokens, cached_input where it differs, and search for one search"
            )
        numbers_by_name = {key: Decimal(str(value)) for key, value in given.items()}
        return Price(cached_input=numbers_by_name.pop("cached_input", numbers_by_name["input"]), **numbers_by_name)

    def of_usage(self, usage: Any) -> Decimal | None:
        """The cost in USD of a response with this usage; None for searches whose price is not named."""
        searches = _searches(usage)
        if searches and self.search is None:
            return None
        cached = min(usage.cache_read_tokens, usage.input_tokens)
        fresh = usage.input_tokens - cached
        tokens: Decimal = fresh * self.input + cached * self.cached_input + usage.output_tokens * self.output
        return tokens / MILLION + searches * (self.search or 0)


class Spending:
    """Counts the answers of one conversation, stored ones too, and stops it where the budget is used up."""

    def __init__(self, request: ModelRequest) -> None:
        self._request = request
        self._price = Price.of(request.connection_name, request.connection)
        self._usd: Decimal | None = Decimal(0)
        self._counts = dict.fromkeys(("requests", *TOKENS, *(("searches",) if request.search else ())), 0)

    def ensure_priced(self, model: Any) -> None:
        """Raise `StepError` (`unknown_price`) for a budget in USD and a model whose price is not known."""
        from pydantic_ai.usage import RequestUsage

        if self._request.max_usd is None:
            return
        searching = self._request.search is not None
        usage: Any = RequestUsage(input_tokens=1000, output_tokens=1000)
        usage.web_searches = int(searching)
        known = _cost(usage, model, None) if self._price is None else self._price.of_usage(usage)
        if known is None:
            search = ", search: 0.01" if searching else ""
            also = ", and for one search" if searching else ""
            raise StepError(
                f"{self._request.model}: its price is not known, so budget.usd cannot be kept and nothing was sent: "
                f"add price: {{input: 0.15, output: 0.6{search}}} (USD for a million tokens{also}) to the connection, "
                "or use budget.output_tokens",
                code="unknown_price",
                definitive=True,
            )

    def add(self, model: Any, response: Any) -> None:
        """Count an answer. Raises `StepError` (`budget`) where it exceeds the budget."""
        usage = response.usage
        self._counts["requests"] += 1
        for name in TOKENS:
            self._counts[name] += max(getattr(usage, name), 0)
        if "searches" in self._counts:
            self._counts["searches"] += _searches(usage)
        cost = self.cost(model, response)
        self._usd = None if cost is None or self._usd is None else self._usd + cost
        cap = self._request.max_usd
        if cap is not None and self._usd is not None and self._usd > Decimal(str(cap)):
            raise StepError(
                f"{self._request.model}: the budget of {cap:g} USD is used up: {float(self._usd):.6f} USD spent in "
                f"{self._counts['requests']} requests",
                code="budget",
            )

    def cost(self, model: Any, response: Any) -> Decimal | None:
        """The cost of an answer in USD; None where the price or the number of tokens is not known."""
        usage = response.usage
        if self._price is not None:
            return self._price.of_usage(usage)
        return _cost(usage, model, response) if usage.input_tokens or usage.output_tokens else None

    def tokens_left(self) -> int | None:
        """Tokens that the next answer may have. Raises `StepError` (`budget`) where none are left."""
        if self._request.max_usd is not None and self._usd is None:
            message = "the server does not say how many tokens it used, so budget.usd cannot be kept"
            raise StepError(f"{self._request.model}: {message}", code="budget")
        cap = self._request.max_output_tokens
        if cap is None:
            return None
        left = cap - self._counts["output_tokens"]
        if left <= 0:
            raise StepError(f"{self._request.model}: the budget of {cap} output tokens is used up", code="budget")
        return left

    @property
    def spent(self) -> bool:
        """Whether any answer was counted."""
        return self._counts["requests"] > 0

    def usage(self) -> JsonObject:
        """`{requests, usd}` and `TOKENS`, and `searches` of the web; `usd` is None for an unknown price."""
        return {**self._counts, "usd": None if self._usd is None else float(self._usd)}


def _searches(usage: Any) -> int:
    """The searches that a provider bills. pydantic-ai has them beside the declared fields of a usage."""
    found = getattr(usage, "web_searches", 0)
    return int(found) if isinstance(found, int) and found > 0 else 0


def _cost(usage: Any, model: Any, response: Any) -> Decimal | None:
    """The cost by the published prices: of the model that answered, else of the one that was asked. None for searches
    that have no published price."""
    import genai_prices

    names = [name for name in (getattr(response, "model_name", None), model.model_name) if name]
    places = [{"provider_api_url": model.base_url}, {"provider_id": model.system}]
    for name in dict.fromkeys(names):
        for place in places:
            try:
                cost = genai_prices.calc_price(usage, name, **place).total_price
                if _searches(usage):
                    without = copy(usage)
                    without.web_searches = 0
                    if genai_prices.calc_price(without, name, **place).total_price == cost:
                        continue
                return cost
            except (LookupError, ValueError):
                continue
    return None
