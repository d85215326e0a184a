"""The model `demo:`: not a language model, but text statistics of the page and its search data, labelled as such."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flowbuilder.adapters.models.example_value import example_value
from flowbuilder.adapters.models.page_statistics import PageStatistics, Search, plain, searches_of, sections_of
from flowbuilder.errors import StepError
from flowbuilder.json_schema import problems
from flowbuilder.ports import ModelAnswer, ModelRequest
from flowbuilder.values import Json, JsonObject, canonical

LABEL = "demo model, no LLM"
SUMMARY = "In short"
QUESTIONS = "Questions that readers ask"
NO_COST: JsonObject = {"requests": 0, "input_tokens": 0, "output_tokens": 0, "cache_read_tokens": 0, "usd": 0.0}
MAX_ANSWERS = 5
_ASKED = re.compile(r"^.*\breviewer asks\b:?[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_LESS = re.compile(r"\b(short(?:er)?|less|remove|drop|omit|leave out|without|no summary|cut)\b", re.IGNORECASE)
_OWN = re.compile(
    rf"^## (?:{SUMMARY}|{QUESTIONS})\n.*?(?=^## (?!{SUMMARY}\n|{QUESTIONS}\n)|\Z)", re.DOTALL | re.MULTILINE
)
_BODY = frozenset(("article", "body", "content", "draft", "html", "markdown", "page", "proposal", "rewrite", "text"))
_BRIEF = frozenset(
    ("analysis", "brief", "changes", "comment", "explanation", "notes", "rationale", "reason", "reasoning", "summary")
)
_SHARE = frozenset(("confidence", "probability", "quality", "relevance", "score"))


class DemoModel:
    """Answers prompts about a page from text statistics.

    The page is the text in `<page>` in the prompt (with `<title>`), else the prompt without its first line; the search
    data is the JSON in `<rows>`. A draft keeps every line of the page and adds sentences of the page itself: a summary,
    and answers to searches. Searches that the page does not answer are listed; nothing is invented.
    """

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The answer, valid against the schema, at no cost; `StepError` when the schema cannot be filled."""
        found = await asyncio.to_thread(_analysed, request.prompt, this_year=datetime.now(UTC).year)
        if request.output_schema is None:
            return ModelAnswer(output={"text": f"{found.brief}\n\n{found.body}".strip()}, usage=dict(NO_COST))
        output = example_value(request.output_schema, found.value)
        if LABEL not in canonical(output):
            signed = replace(found, body=f"{found.body.rstrip()}\n\n*Drafted by the {LABEL}.*\n")
            output = example_value(request.output_schema, signed.value)
        wrong = problems(request.output_schema, output)
        if wrong:
            place, message = wrong[0]
            raise StepError(
                f"the demo model cannot fill this schema: {place or '/'}: {message}; name a real model",
                code="schema_mismatch",
            )
        return ModelAnswer(output=output, usage=dict(NO_COST))


@dataclass(frozen=True, kw_only=True)
class _Analysis:
    title: str
    lead: str
    body: str
    brief: str
    score: float
    queries: tuple[str, ...]

    def value(self, name: str, schema: JsonObject) -> Json:
        """The value for a property of this name; None without one."""
        kind, name = schema.get("type"), name.lower()
        if kind == "string":
            return _fitting(self._text(name), schema)
        if kind in ("number", "integer") and name in _SHARE:
            return _scaled(self.score, schema, whole=kind == "integer")
        item = schema.get("items")
        if kind == "array" and isinstance(item, dict) and item.get("type") == "string":
            found = [_fitting(query, item) for query in self.queries]
            return found[: int(schema.get("maxItems", 20))] if len(found) >= int(schema.get("minItems", 0)) else None
        return None

    def _text(self, name: str) -> str | None:
        if name in _BODY:
            return self.body
        if name == "title":
            return self.title
        if name in ("description", "meta_description"):
            return self.lead[:155]
        return self.brief if name in _BRIEF else f"{LABEL}: nothing can be counted for {name}"


def _analysed(prompt: str, *, this_year: int) -> _Analysis:
    marked, around = _marked(prompt)
    page = _OWN.sub("", marked["page"] if "page" in marked else _unmarked(prompt)).strip()
    title, rows = marked.get("title", ""), _rows(marked.get("rows", ""))
    statistics = PageStatistics(title=title, sections=sections_of(page), searches=searches_of(rows))
    asked = next((match[1].strip() for match in _ASKED.finditer(around)), "")
    less = bool(asked and _LESS.search(asked))
    open_ones = [search for search in statistics.searches if not statistics.has_heading(search.query)]
    answers = {search: found for search in open_ones if (found := statistics.answer(search.query))}
    missing = [search for search in open_ones if search not in answers]
    summary = [] if less else _first_two(statistics)
    body = _body(page, summary, list(answers.items())[:MAX_ANSWERS])
    added = body != page
    seen = sum(search.impressions for search in statistics.searches)
    unanswered = sum(search.impressions for search in missing) / seen if seen else 0.5
    return _Analysis(
        title=title or statistics.sections[0].heading if statistics.sections else title,
        lead=_opening(statistics, 155),
        body=body,
        brief=_brief(statistics, answers, missing, asked, less, added, this_year),
        score=round(0.7 + 0.3 * (1 - unanswered), 2) if added else 0.2,
        queries=tuple(search.query for search in missing or statistics.searches),
    )


def _body(page: str, summary: list[str], answers: list[tuple[Search, str]]) -> str:
    parts = [page]
    if summary:
        lines = "\n".join(f"* {sentence}" for sentence in summary)
        head, mark, rest = page.partition("\n## ")
        parts = [head.rstrip(), f"## {SUMMARY}\n\n{lines}", *([f"## {rest}"] if mark else [])]
    if answers:
        shown = "\n\n".join(f"**{_question(search.query)}** {answer}" for search, answer in answers)
        parts.append(f"## {QUESTIONS}\n\n{shown}")
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n" if len(parts) > 1 else page


def _first_two(statistics: PageStatistics) -> list[str]:
    chosen = statistics.central[:2]
    in_order = [part for section in statistics.sections for part in section.sentences if part in chosen]
    return list(dict.fromkeys(in_order)) if len(chosen) == 2 else []


def _brief(
    statistics: PageStatistics,
    answers: dict[Search, str],
    missing: list[Search],
    asked: str,
    less: bool,
    added: bool,
    this_year: int,
) -> str:
    parts = [f"{LABEL}: {'summary and answers are sentences of the page itself' if added else 'nothing to add'}"]
    if answers:
        parts.append(f"answered from the page: {_named(list(answers))}")
    if missing:
        parts.append(f"not answered yet, for an editor: {_named(missing)}")
    years = statistics.years(before=this_year)
    if years:
        parts.append("to be checked: " + ", ".join(f"{year} is named {count}x" for year, count in years.items()))
    if asked:
        done = "applied, the summary is left out" if less else "refused, that needs a language model"
        parts.append(f"the reviewer's “{asked[:120]}”: {done}")
    return ". ".join(parts) + "."


def _named(searches: list[Search]) -> str:
    return ", ".join(f"“{search.query}” ({search.impressions:.0f} impressions)" for search in searches[:MAX_ANSWERS])


def _question(query: str) -> str:
    return query[:1].upper() + query[1:].rstrip("?") + "?"


def _opening(statistics: PageStatistics, most: int) -> str:
    first = next((part for section in statistics.sections for part in section.sentences), "")
    text = plain(first)
    return text if len(text) <= most else text[:most].rpartition(" ")[0] + "…"


def _rows(text: str) -> list[JsonObject]:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return []
    rows = value.get("rows") if isinstance(value, dict) else value
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _marked(prompt: str) -> tuple[dict[str, str], str]:
    """The marked parts of a prompt by name, and the prompt without them; a page may contain marks itself."""
    found: dict[str, str] = {}
    around = prompt
    for name in ("rows", "page", "title"):
        opening, closing = f"<{name}>", f"</{name}>"
        start = around.rfind(opening) if name == "rows" else around.find(opening)
        end = around.find(closing, start) if name == "title" else around.rfind(closing)
        if 0 <= start < end:
            found[name] = around[start + len(opening) : end].strip()
            around = around[:start] + around[end + len(closing) :]
    return found, around


def _unmarked(prompt: str) -> str:
    """The page in a prompt without marks: all after its first line, without the reviewer's comment."""
    _, _, rest = _ASKED.sub("", prompt).strip().partition("\n")
    return rest.strip() or prompt.strip()


def _fitting(text: str | None, schema: JsonObject) -> str | None:
    if text is None or "pattern" in schema or "format" in schema:
        return None
    return text[: int(schema.get("maxLength", len(text)))].ljust(int(schema.get("minLength", 0)), ".")


def _scaled(share: float, schema: JsonObject, *, whole: bool) -> float | int:
    low, high = float(schema.get("minimum", 0)), schema.get("maximum")
    if high is None:
        high = 100.0 if whole else 1.0
    value = low + share * (float(high) - low)
    return round(value) if whole else round(value, 4)
