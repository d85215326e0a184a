"""What a model does to a page: a text with one damage of a kind, for the tests and the benchmark of `guard`.

Each function below takes a text and a source of random choices, and returns the damaged text,
or None where the text has
nothing to damage. `CARRIERS` are sentences that have what a kind needs, for texts that do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

Damage = Callable[[str, Random], str | None]

_FENCE = re.compile(r"^\s*(```|~~~)")
_HIDDEN = re.compile(
    r"^[ \t]*(?:<!--.*?-->|\{/\*.*?\*/\}|<(script|style|pre|textarea)\b.*?</\1>)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_LINK = re.compile(r"(?<!!)\[([^\[\]\n`]{3,80})\]\((?!#)([^()\s]{3,200})\)")
_IMAGE = re.compile(r"!\[([^\[\]\n]{3,120})\]\(([^()\s]{3,200})\)")
_MONTHS = (
    ["January", "February", "March", "April", "June", "July", "August", "September", "October", "November", "December"],
    ["Januar", "Februar", "März", "April", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"],
    ["janvier", "février", "avril", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"],
    [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
)
_NOT = re.compile(
    r" (?:not|never|nicht|kein|keine|pas|jamais|no|non|não|niet|nie|не)(?= )|不(?=[能会是可要])|ない(?=[。、])"
)
_MAY = {"may": "will", "might": "will", "could": "will", "can": "must", "usually": "always", "often": "always",
"probably": "certainly",
        "kann": "wird", "könnte": "wird", "peut": "doit", "pourrait": "doit", "puede": "debe", "podría": "debe",
        "pode": "deve",
        "может": "должен", "обычно": "всегда", "可能": "一定", "通常": "总是"}  # fmt: skip
_UNITS = {"minutes": "hours", "seconds": "minutes", "hours": "days", "days": "weeks", "MB": "GB", "KB": "MB",
"GB": "TB", "ms": "s", "px": "em",
          "km": "miles", "°C": "°F", "years": "months", "weeks": "months", "Minuten": "Stunden", "Tage": "Wochen",
          "jours": "semaines",
          "minutos": "horas", "分钟": "小时", "秒": "分钟", "years ago": "days ago"}  # fmt: skip
_OTHER = {
    "de": "Das Wasser soll heiß sein, aber es darf nicht kochen, denn sonst wird der Tee bitter und verliert "
    "sein Aroma.",
    "en": "The water should be hot, but it must not boil, because the tea would be bitter and lose its aroma with it.",
}
CHAT = (
    "Sure, here is the updated text:", "Here is the rewritten version of the page:", "As an AI language model, "
    "I cannot browse.",
    "Certainly! Below is the improved article.", "I hope this helps! Let me know if you would like any changes.",
    "Hier ist die überarbeitete Version:", "Als KI-Sprachmodell kann ich das nicht prüfen.", "Voici la version "
    "mise à jour :",
    "En tant que modèle de langage, je ne peux pas vérifier.", "Aquí tienes la versión actualizada:",
    "Claro, aquí está el texto:",
    "Como modelo de lenguaje, no puedo comprobarlo.", "Ecco la versione aggiornata:", "Certamente! Ecco il testo.",
    "Aqui está a versão atualizada:", "Hier is de bijgewerkte versie:", "以下是更新后的内容：",
    "作为一个人工智能语言模型，我无法核实。",
    "以下は更新された記事です。", "もちろんです！", "Вот обновлённая версия:",
    "다음은 수정된 글입니다:", "Oto zaktualizowana wersja:",
)  # fmt: skip
PLACEHOLDERS = (
    "[Insert statistic here]", "[Your Company Name]", "Lorem ipsum dolor sit amet.", "TODO: add an example.",
    "See https://example.com/page.",
    "[insert link]", "[Company Name]", "[URL]", "{{placeholder}} [Add source]", "TBD", "[... rest of the "
    "content remains unchanged ...]",
)  # fmt: skip


def prose_lines(text: str, least: int = 40) -> Iterator[int]:
    """The numbers of lines that are sentences: outside of code, comments, front matter, tables, tags and headings."""
    fenced = front = False
    hidden = _hidden_lines(text)
    for number, line in enumerate(text.split("\n")):
        if number == 0 and line.strip() in ("---", "+++"):
            front = True
            continue
        if front:
            front = line.strip() not in ("---", "+++")
            continue
        if _FENCE.match(line):
            fenced = not fenced
        elif (
            not fenced
            and number not in hidden
            and len(line.strip()) >= least
            and re.match(r"(?:[-*] |\d+\. )?[^\W_]", line)
            and "{{" not in line
            and not re.match(r"import .* from|export |const ", line)
        ):
            yield number


def _hidden_lines(text: str) -> set[int]:
    """The numbers of the lines in comments, scripts, styles and preformatted text of HTML."""
    found: set[int] = set()
    for match in _HIDDEN.finditer(text):
        start = text.count("\n", 0, match.start())
        found.update(range(start, start + match[0].count("\n") + 1))
    return found


def headings(text: str) -> list[int]:
    """The numbers of the lines that are headings of level 2 to 4."""
    lines, fenced, found = text.split("\n"), False, []
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and re.match(r"#{2,4} \S.{3,}", line):
            found.append(number)
    return found


def _edit_line(text: str, random: Random, edit: Callable[[str], str | None], least: int = 40) -> str | None:
    """The text with an edit of one of its sentences, where the edit changes something."""
    lines = text.split("\n")
    numbers = list(prose_lines(text, least))
    random.shuffle(numbers)
    for number in numbers:
        edited = edit(lines[number])
        if edited is not None and edited != lines[number]:
            return "\n".join([*lines[:number], *([edited] if edited else []), *lines[number + 1 :]])
    return None


def _replace_one(
    text: str, random: Random, pattern: re.Pattern[str], new: Callable[[re.Match[str]], str | None]
) -> str | None:
    """The text with one match in a sentence replaced."""

    def edit(line: str) -> str | None:
        matches = [match for match in pattern.finditer(line) if line[: match.start()].count("`") % 2 == 0]
        random.shuffle(matches)
        for match in matches:
            replacement = new(match)
            if replacement is not None and replacement != match[0]:
                return line[: match.start()] + replacement + line[match.end() :]
        return None

    return _edit_line(text, random, edit)


def _add_line(text: str, random: Random, line: str) -> str | None:
    """The text with a paragraph after one of its sentences."""
    numbers = [number for number in prose_lines(text) if text.split("\n")[number][0] not in "-*0123456789"]
    if not numbers:
        return None
    lines = text.split("\n")
    at = random.choice(numbers)
    while at < len(lines) and lines[at].strip():
        at += 1
    return "\n".join([*lines[:at], "", line, "", *lines[at:]])


def link_swapped(text: str, random: Random) -> str | None:
    links = [match for match in _LINK.finditer(text) if _outside(text, match.start())]
    pairs = [(a, b) for a, b in pairwise(links) if a[2] != b[2] and a[1] != b[1]]
    if not pairs:
        return None
    first, second = random.choice(pairs)
    middle = text[first.end() : second.start()]
    return f"{text[: first.start()]}[{first[1]}]({second[2]}){middle}[{second[1]}]({first[2]}){text[second.end() :]}"


def _outside(text: str, at: int) -> bool:
    return (
        len(re.findall(r"^\s*(?:```|~~~)", text[:at], re.MULTILINE)) % 2 == 0
        and text[text.rfind("\n", 0, at) + 1 : at].count("`") % 2 == 0
    )


def link_invented(text: str, random: Random) -> str | None:
    return _add_line(text, random, "More about it is in [this study](https://research-institute.org/study/2291).")


def link_lost(text: str, random: Random) -> str | None:
    return _replace_one(text, random, _LINK, lambda match: match[1])


def link_placeholder(text: str, random: Random) -> str | None:
    target = random.choice(["#", "http://[URL]", "url", "[URL]", "https://example.com/link", "insert-link-here"])
    return _replace_one(text, random, _LINK, lambda match: f"[{match[1]}]({target})")


def link_text_generic(text: str, random: Random) -> str | None:
    return _replace_one(text, random, _LINK, lambda match: f"[here]({match[2]})")


def _image(text: str, random: Random, new: Callable[[re.Match[str]], str]) -> str | None:
    images = [match for match in _IMAGE.finditer(text) if _outside(text, match.start())]
    if not images:
        return None
    match = random.choice(images)
    return text[: match.start()] + new(match) + text[match.end() :]


def image_lost(text: str, random: Random) -> str | None:
    return _image(text, random, lambda match: "")


def image_source_changed(text: str, random: Random) -> str | None:
    return _image(text, random, lambda match: f"![{match[1]}](/images/new-picture.png)")


def image_text_lost(text: str, random: Random) -> str | None:
    return _image(text, random, lambda match: f"![]({match[2]})")


def _heading(text: str, random: Random, new: Callable[[str], list[str]]) -> str | None:
    found = headings(text)
    if not found:
        return None
    lines, at = text.split("\n"), random.choice(found)
    return "\n".join([*lines[:at], *new(lines[at]), *lines[at + 1 :]])


def heading_lost(text: str, random: Random) -> str | None:
    return _heading(text, random, lambda line: [])


def heading_reworded(text: str, random: Random) -> str | None:
    return _heading(text, random, lambda line: [f"{line.split(' ')[0]} What you should know about it"])


def heading_level_changed(text: str, random: Random) -> str | None:
    return _heading(text, random, lambda line: [f"#{line}"])


def heading_repeated(text: str, random: Random) -> str | None:
    return _heading(text, random, lambda line: [line, "", line])


def paragraph_repeated(text: str, random: Random) -> str | None:
    lines, numbers = text.split("\n"), [n for n in prose_lines(text, 60) if text.split("\n")[n][0].isalpha()]
    starts = [
        n for n in numbers if n and not lines[n - 1].strip() and (n + 1 >= len(lines) or not lines[n + 1].strip())
    ]
    if not starts:
        return None
    at = random.choice(starts)
    return "\n".join([*lines, "", lines[at], ""])


def paragraph_lost(text: str, random: Random) -> str | None:
    lines = text.split("\n")
    starts = [
        n
        for n in prose_lines(text, 90)
        if n and not lines[n - 1].strip() and (n + 1 >= len(lines) or not lines[n + 1].strip())
    ]
    if not starts:
        return None
    at = random.choice(starts)
    return "\n".join([*lines[:at], *lines[at + 1 :]])


def sentence_cut(text: str, random: Random) -> str | None:
    def edit(line: str) -> str | None:
        words = line.split(" ")
        if len(words) < 8 or line.rstrip()[-1:] not in ".!?" or "](" in line or "`" in line:
            return None
        return " ".join(words[: len(words) * 2 // 3]).rstrip(".,;:!?")

    return _edit_line(text, random, edit)


def end_lost(text: str, random: Random) -> str | None:
    numbers = list(prose_lines(text))
    lines = text.split("\n")
    later = [n for n in numbers[len(numbers) // 3 :] if len(lines[n].split()) > 6]
    if not later:
        return None
    at = random.choice(later)
    words = lines[at].split(" ")
    return "\n".join([*lines[:at], " ".join(words[: len(words) // 2]).rstrip(".,;:!?")])


def _items(text: str, pattern: str) -> list[list[int]]:
    lines, groups, fenced = text.split("\n"), [], False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
        if fenced or not re.match(pattern, line):
            continue
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return [group for group in groups if len(group) > 2]


def list_item_lost(text: str, random: Random) -> str | None:
    groups = _items(text, r"[-*+] \S")
    if not groups:
        return None
    lines, at = text.split("\n"), random.choice(random.choice(groups)[:-1])
    return "\n".join([*lines[:at], *lines[at + 1 :]])


def steps_swapped(text: str, random: Random) -> str | None:
    groups = _items(text, r"\d+\. \S")
    if not groups:
        return None
    lines, group = text.split("\n"), random.choice(groups)
    at = random.choice(group[:-1])
    first, second = (re.match(r"(\d+\. )(.*)", lines[number]) for number in (at, at + 1))
    assert first
    assert second
    if first[2] == second[2]:
        return None
    lines[at], lines[at + 1] = first[1] + second[2], second[1] + first[2]
    return "\n".join(lines)


def table_row_lost(text: str, random: Random) -> str | None:
    groups = [group for group in _items(text, r"\|.*\|") if len(group) > 3]
    if not groups:
        return None
    lines, at = text.split("\n"), random.choice(random.choice(groups)[2:])
    return "\n".join([*lines[:at], *lines[at + 1 :]])


def table_column_lost(text: str, random: Random) -> str | None:
    groups = [group for group in _items(text, r"\|.*\|.*\|") if len(group) > 2]
    if not groups:
        return None
    lines, group = text.split("\n"), random.choice(groups)
    for number in group:
        lines[number] = lines[number].rstrip().removesuffix("|").rpartition("|")[0] + "|"
    return "\n".join(lines)


def _fences(text: str) -> list[tuple[int, int]]:
    lines, found, start = text.split("\n"), [], -1
    for number, line in enumerate(lines):
        if line.startswith("```"):
            if start < 0:
                start = number
            else:
                found.append((start, number))
                start = -1
    return [(a, b) for a, b in found if b > a + 1 and any(line.strip() for line in lines[a + 1 : b])]


def fence_lost(text: str, random: Random) -> str | None:
    fences = _fences(text)
    if not fences:
        return None
    lines, (start, end) = text.split("\n"), random.choice(fences)
    return "\n".join([*lines[:start], *lines[start + 1 : end], *lines[end + 1 :]])


def fence_left_open(text: str, random: Random) -> str | None:
    fences = _fences(text)
    if not fences:
        return None
    lines, (_, end) = text.split("\n"), fences[-1]
    return "\n".join([*lines[:end], *lines[end + 1 :]])


def code_block_lost(text: str, random: Random) -> str | None:
    fences = _fences(text)
    if not fences:
        return None
    lines, (start, end) = text.split("\n"), random.choice(fences)
    return "\n".join([*lines[:start], *lines[end + 1 :]])


def code_changed(text: str, random: Random) -> str | None:
    fences = _fences(text)
    if not fences:
        return None
    lines, (start, end) = text.split("\n"), random.choice(fences)
    at = random.choice([number for number in range(start + 1, end) if lines[number].strip()])
    lines[at] = re.sub(r"\w+", "changed", lines[at], count=1) if re.search(r"\w", lines[at]) else f"{lines[at]} changed"
    return "\n".join(lines)


def inline_code_changed(text: str, random: Random) -> str | None:
    return _edit_line(
        text, random, lambda line: re.sub(r"(?<!`)`([A-Za-z][^`\n]{3,40})`(?!`)", r"`\1_new`", line, count=1)
    )


def number_changed(text: str, random: Random) -> str | None:
    return _replace_one(
        text, random, re.compile(r"(?<![\w./#(-])\d{2,6}(?![\w./-])"), lambda match: str(int(match[0]) + 7)
    )


def number_rounded(text: str, random: Random) -> str | None:
    return _replace_one(
        text, random, re.compile(r"(?<![\w./#(-])\d{1,4}\.\d{1,2}(?![\w./-])"), lambda match: match[0].split(".")[0]
    )


def unit_changed(text: str, random: Random) -> str | None:
    names = "|".join(map(re.escape, _UNITS))
    return _replace_one(
        text, random, re.compile(rf"(?<=\d)(\s?)({names})(?![A-Za-z])"), lambda match: match[1] + _UNITS[match[2]]
    )


def currency_changed(text: str, random: Random) -> str | None:
    return _replace_one(
        text, random, re.compile(r"\$(?=\d)|(?<=\d)\s?€"), lambda match: "£" if match[0] == "$" else " USD"
    )


def percent_to_points(text: str, random: Random) -> str | None:
    return _replace_one(text, random, re.compile(r"(?<=\d)\s?(?:%|percent)"), lambda match: " percentage points")


def month_changed(text: str, random: Random) -> str | None:
    for months in random.sample(_MONTHS, len(_MONTHS)):
        pattern = re.compile(rf"\b(?:{'|'.join(months)})\b(?=,? \d|\.| de )")
        found = _replace_one(
            text, random, pattern, lambda match, months=months: months[(months.index(match[0]) + 3) % len(months)]
        )
        if found is not None:
            return found
    return None


def date_format_changed(text: str, random: Random) -> str | None:
    names = "|".join(_MONTHS[0])
    found = _replace_one(
        text,
        random,
        re.compile(rf"\b({names}) (\d{{1,2}}),? (\d{{4}})"),
        lambda match: f"{match[2]}.{_MONTHS[0].index(match[1]) + 1}.{match[3]}",
    )
    return found or _replace_one(
        text, random, re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b"), lambda match: f"{match[2]}/{match[3]}/{match[1]}"
    )


_NAME = re.compile(r"(?<=[a-zé,] )[A-Z][a-zéü]{3,12}(?= [a-z])")


def name_changed(text: str, random: Random) -> str | None:
    return _replace_one(
        text,
        random,
        _NAME,
        lambda match: random.choice([n for n in ("Northwind", "Meridian", "Kowalski", "Fontana") if n != match[0]]),
    )


def name_misspelled(text: str, random: Random) -> str | None:
    return _replace_one(text, random, _NAME, lambda match: match[0][:2] + match[0][3] + match[0][2] + match[0][4:])


def brand_respelled(text: str, random: Random) -> str | None:
    return _replace_one(
        text,
        random,
        re.compile(r"(?<![\w/.-])(?:[A-Z][a-z]+[A-Z][a-z]+|[A-Z]{3,6})(?![\w/.(-])"),
        lambda match: match[0].capitalize(),
    )


def negation_removed(text: str, random: Random) -> str | None:
    return _replace_one(text, random, _NOT, lambda match: "")


def hedge_removed(text: str, random: Random) -> str | None:
    pattern = re.compile(
        rf"(?<= )(?:{'|'.join(word for word in _MAY if word.isascii() or word[0] < '一')})(?= )|可能|通常"
    )
    return _replace_one(text, random, pattern, lambda match: _MAY[match[0]])


_QUOTE = re.compile(r"(?:\"|“|„|«\s?)([^\"“”„«»\n]{20,200})(?:\"|”|“|\s?»)")


def quote_changed(text: str, random: Random) -> str | None:
    def new(match: re.Match[str]) -> str | None:
        words = match[0].split(" ")
        if len(words) < 4 or "=" in match[0] or "](" in match[0]:
            return None
        words[len(words) // 2] = "wonderful"
        return " ".join(words)

    return _replace_one(text, random, _QUOTE, new)


def quote_invented(text: str, random: Random) -> str | None:
    return _add_line(
        text, random, "“This has changed the way in which we all work together,” says a professor of the field."
    )


def statistic_invented(text: str, random: Random) -> str | None:
    return _add_line(text, random, "According to a recent survey, 87.3% of all users agree with this.")


def footnote_lost(text: str, random: Random) -> str | None:
    return _replace_one(text, random, re.compile(r"\[\^[\w-]{1,30}\](?!:)"), lambda match: "")


def citation_lost(text: str, random: Random) -> str | None:
    return _replace_one(
        text, random, re.compile(r" \([A-Z][a-z]+(?: et al\.)?,? \d{4}\)| \[\d{1,2}\](?![(:\[])"), lambda match: ""
    )


def shortcode_lost(text: str, random: Random) -> str | None:
    codes = [match for match in re.finditer(r"^(?:\{\{[<%].*[>%]\}\}|\{%.*%\}|<[A-Z]\w+ [^<>\n]*/?>"
    r"|:{3}\s?\w+.*|!!! .*)$", text, re.MULTILINE)
             if _outside(text, match.start())]  # fmt: skip
    if not codes:
        return None
    match = random.choice(codes)
    return text[: match.start()] + text[match.end() :]


def emphasis_lost(text: str, random: Random) -> str | None:
    return _replace_one(text, random, re.compile(r"(?<![\w*])\*\*([^*\n`]{3,60})\*\*(?![\w*])"), lambda match: match[1])


def warning_removed(text: str, random: Random) -> str | None:
    pattern = re.compile(
        r"^(?:> ?)?(?:\*\*)?(?:Note|Warning|Caution|Important|Hinweis|Achtung|Attention|Nota|Advertencia|注意"
        r"|警告)(?:\*\*)?[:：].*$",
        re.MULTILINE,
    )
    found = [match for match in pattern.finditer(text) if _outside(text, match.start())]
    if not found:
        return None
    match = random.choice(found)
    end = text.find("\n\n", match.end())
    return text[: match.start()] + (text[end:] if end >= 0 else "")


def placeholder_added(text: str, random: Random) -> str | None:
    return _edit_line(text, random, lambda line: f"{line} {random.choice(PLACEHOLDERS)}")


def chat_phrase_added(text: str, random: Random) -> str | None:
    phrase = random.choice(CHAT)
    front = re.match(r"---\n.*?\n---\n|\+\+\+\n.*?\n\+\+\+\n", text, re.DOTALL)
    at = front.end() if front else 0
    return f"{text[:at]}{phrase}\n\n{text[at:].lstrip()}"


def language_changed(text: str, random: Random) -> str | None:
    other = _OTHER["en" if len(re.findall(r"\b(?:the|and|of|to|is)\b", text)) < len(text) / 200 else "de"]
    return _edit_line(text, random, lambda line: other if line[0].isalpha() else None, least=80)


def front_matter_in_text(text: str, random: Random) -> str | None:
    front = re.match(r"---\n.*?\n---\n|\+\+\+\n.*?\n\+\+\+\n", text, re.DOTALL)
    lines = "title: The guide\ndescription: What to know about it\ndate: 2024-01-05"
    return f"{text[: front.end()]}\n{lines}\n\n{text[front.end() :]}" if front else f"---\n{lines}\n---\n\n{text}"


def tag_left_open(text: str, random: Random) -> str | None:
    return _edit_line(
        text,
        random,
        lambda line: (
            f"<{random.choice(['div', 'b', 'span', 'details', 'strong'])}>{line}" if line[0].isalpha() else None
        ),
    )


def script_added(text: str, random: Random) -> str | None:
    line = random.choice(
        [
            '<script src="https://cdn.evil.example/x.js"></script>',
            "<img src=x onerror=alert(1)>",
            "<script>track()</script>",
        ]
    )
    return _add_line(text, random, line)


def invisible_added(text: str, random: Random) -> str | None:
    character = random.choice("\u200b\u202e\u2066\u2060\U000e0041\u00ad".replace("\u00ad", "\u200d"))
    return _edit_line(
        text, random, lambda line: f"{line[:20]}{character}{line[20:]}" if line[19:21].isascii() else None
    )


KINDS: dict[str, Damage] = {
    function.__name__: function
    for function in (
        link_swapped, link_invented, link_lost, link_placeholder, link_text_generic, image_lost,
        image_source_changed, image_text_lost,
        heading_lost, heading_reworded, heading_level_changed, heading_repeated, paragraph_repeated, paragraph_lost,
        sentence_cut, end_lost,
        list_item_lost, steps_swapped, table_row_lost, table_column_lost, fence_lost, fence_left_open,
        code_block_lost, code_changed,
        inline_code_changed, number_changed, number_rounded, unit_changed, currency_changed, percent_to_points,
        month_changed,
        date_format_changed, name_changed, name_misspelled, brand_respelled, negation_removed, hedge_removed,
        quote_changed, quote_invented,
        statistic_invented, footnote_lost, citation_lost, shortcode_lost, emphasis_lost, warning_removed,
        placeholder_added,
        chat_phrase_added, language_changed, front_matter_in_text, tag_left_open, script_added, invisible_added,
    )
}  # fmt: skip

CARRIERS: dict[str, str] = {
    "paragraph_lost": "The kettle stands on the stove all day long, because the guests come when they like, and they "
    "like it hot.\n\nThat is all.",
    "image_lost": "![The kettle on the stove](/images/kettle.png)", "image_source_changed": "![The kettle on "
    "the stove](/images/kettle.png)",
    "image_text_lost": "![The kettle on the stove](/images/kettle.png)",
    "number_rounded": "The average of all measurements was 12.75 at the end of that long day.",
    "unit_changed": "It takes about 25 minutes until everything is ready for the next step.",
    "currency_changed": "The whole set costs $49 in the shop at the corner of the market street.",
    "percent_to_points": "The share of the readers who came back rose by 12% within that one year.",
    "month_changed": "The first version was published on March 14, 2021 after a long discussion.",
    "date_format_changed": "The first version was published on March 14, 2021 after a long discussion.",
    "quote_changed": "The author once said that “a good page is one that answers the question at once” to us.",
    "footnote_lost": "This was measured twice in the same laboratory.[^n9] The result was the same both "
    "times.\n\n[^n9]: The report of the laboratory.",
    "citation_lost": "This was measured twice in the same laboratory (Kaiser, 2019) with one and the same result.",
    "warning_removed": "Warning: the water is hot, so keep your hands away from it and wait for a while.",
    "table_row_lost": "| tea | water |\n| --- | --- |\n| green | 80 |\n| black | 95 |\n| white | 75 |",
    "table_column_lost": "| tea | water | time |\n| --- | --- | --- |\n| green | 80 | two |\n| black | 95 | four |",
    "steps_swapped": "1. Boil the water in the kettle.\n2. Let the water cool down for a while.\n3. Pour it "
    "over the leaves.",
}  # fmt: skip
