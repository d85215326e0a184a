"""Numbers with their currencies and units, and dates, in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from flowbuilder.steps.builtin.guard.languages import ENGLISH, Language

MAX_AMOUNTS = 1_000
_CURRENCIES = r"US\$|[$€£¥₹₽₩₺₫฿]|(?:USD|EUR|GBP|JPY|CHF|INR|CNY|PLN|SEK|CZK|BRL|RUB|KRW)(?![A-Za-z])"
_UNITS = (
    "percentage points|percentage point|Prozentpunkte|points de pourcentage|puntos porcentuales|punti percentuali|pp"
    "|percent|Prozent|pour cent|por ciento|por cento|per cento|procent|процентов|процента|[%％‰]|points"
    "|°\\s?[CFK]|℃|℉|degrees|Grad|degrés|grados|graus|gradi|°"
    "|US dollars|dollars|dollar|euros|euro|pounds|yen|dólares|dollari|Dollar|Euro|Pfund|złotych|рублей|долларов"
    "|евро|元|円|원|USD|EUR"
    "|GBP|CHF|JPY|[$€£¥₽]"
    "|[kKMGTP]i?[Bb](?:/s)?(?:ps)?(?:it)?(?:yte)?s?|bytes|bits|kilobytes|megabytes|gigabytes|terabytes|Byte|octets"
    "|k?m²|k?m³|km/h|mph|m/s|km|cm|mm|nm|µm|ft|mi|kg|mg|µg|lbs?|oz|ml|cl|dl|L|[gmls]|miles|mile|kilometers|kilometres"
    "|kilometer|meters|metres|meter|feet|foot|inches|inch|yards|grams|kilograms|ounces|liters|litres|liter|gallons"
    "|Kilometer|Meter|Meilen|Gramm|Kilogramm|mètres|kilomètres|metros|kilómetros|quilômetros|metri|chilometri"
    "|ms|µs|ns|sec|secs|min|mins|hrs?|h|seconds|second|minutes|minute|hours|hour|days|day|weeks|week|months"
    "|month|years|year"
    "|decades|centuries|Sekunden|Sekunde|Minuten|Minute|Stunden|Stunde|Tage|Tagen|Tag|Wochen|Woche|Monate"
    "|Monaten|Monat|Jahre"
    "|Jahren|Jahr|secondes|heures|heure|jours|jour|semaines|semaine|mois|années|ans|an|segundos|minutos|horas"
    "|hora|días|día|dias"
    "|dia|semanas|semana|meses|mes|mês|años|año|anos|ano|secondi|minuti|ore|ora|giorni|giorno|settimane|mesi"
    "|mese|anni|anno"
    "|seconden|minuten|uur|dagen|dag|weken|maanden|jaar|sekund|minut|godzin|godziny|dni|dzień|tygodni|miesięcy"
    "|lat|sekunder"
    "|minuter|timmar|dagar|veckor|månader|år|секунд|секунды|минут|минуты|часов|часа|час|дней|дня|день|недель"
    "|месяцев|лет|года"
    "|个?小时|个?小時|分钟|分鐘|秒钟?|天|周|个月|個月|年|時間|分間?|日間?|週間|か月|ヶ月|시간|분|초|일|주|개월|년"
    "|million|billion|trillion|thousand|Millionen|Milliarden|millions|milliards|millones|milhões|bilhões"
    "|milioni|miliardi|mln|mld"
    "|Mio\\.?|Mrd\\.?|万|億|亿|千|만|억|[kKMW]?Hz|GHz|MHz|kHz|[kMG]?Wh?|mAh|V|px|rem|em|pt|dpi|fps|cores|vCPUs?|CPUs?"
    "|m?cores|x"
)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_BEFORE = re.compile(
    rf"(?P<currency>{_CURRENCIES})?[\s\u00a0]?(?P<sign>(?<![\w)])[-−])?(?P<version>(?<![A-Za-z])[vV])?$"
)


@cache
def _unit() -> re.Pattern[str]:
    units = "|".join(sorted(_UNITS.split("|"), key=len, reverse=True))
    return re.compile(rf"[\s\u00a0\u202f-]?({units})(?![A-Za-z\u00c0-\u024f\u0400-\u04ff])")


@dataclass(frozen=True)
class Amount:
    """A number as it is written, with its unit or currency ("" without one)."""

    number: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".rstrip()


def numbers_in(text: str) -> Iterator[re.Match[str]]:
    """The numbers of a text that are no parts of words or of other numbers."""
    for match in _NUMBER.finditer(text):
        start = match.start()
        before, other = text[start - 1 : start], text[max(0, start - 2) : start - 1]
        inside = before.isascii() and (before.isalnum() or before in "_.,/") and before != ""
        if not inside or (before in "vV" and not other.isalnum()):
            yield match


def amounts_of(text: str) -> list[Amount]:
    """The first numbers of a text, in order."""
    found: list[Amount] = []
    for match in islice(numbers_in(text), MAX_AMOUNTS):
        before = _BEFORE.search(text[max(0, match.start() - 6) : match.start()])
        after = _unit().match(text, match.end())
        currency, sign = (before["currency"] or "", before["sign"] or "") if before else ("", "")
        unit = " ".join((after[1] if after else "").split())
        found.append(Amount(sign.replace("−", "-") + match[0], f"{currency} {unit}".strip()))
    return found


_NUMERIC = re.compile(
    r"(?<![\w./-])(?:(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{1,2})([-/.])\s?(\d{1,2})\5\s?(\d{4}|\d{2}))(?![\w/-])"
)
_EAST_ASIAN = re.compile(r"(?:(\d{2,4})\s?[年년]\s?)?(\d{1,2})\s?[月월](?:\s?(\d{1,2})\s?[日号일])?")


@dataclass(frozen=True)
class Date:
    """A date as it is written, and (year, month, day) where it can be told; 0 where a part is missing."""

    text: str
    parts: tuple[int, int, int] | None


@cache
def _named(code: str, months: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(sorted(months, key=len, reverse=True))
    return re.compile(
        rf"(?<!\w)(?:(?P<first>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?\s(?:de\s|of\s)?)?(?P<month>{names})(?!\w)\.?"
        rf"(?:(?:\s(?:de\s|del\s)?|\s?,\s?)?(?P<second>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?![:.,]\d))?"
        rf"(?:,?\s(?:de\s|del\s)?(?P<year>\d{{4}}))?",
        re.IGNORECASE,
    )


def dates_of(text: str, language: Language) -> list[Date]:
    """The dates of a text, months alone too; month names are those of the language and of English."""
    found: list[tuple[int, Date]] = []
    for match in _NUMERIC.finditer(text):
        if match[1]:
            parts = (int(match[1]), int(match[2]), int(match[3]))
        else:
            day, month = int(match[4]), int(match[6])
            parts = (int(match[7]), month, day)
            if not (0 < day <= 31 and 0 < month <= 31 and min(day, month) <= 12):  # a version, such as 0.5.12
                continue
        found.append((match.start(), Date(match[0], parts if parts[1] <= 12 else (parts[0], parts[2], parts[1]))))
    for match in _EAST_ASIAN.finditer(text):
        found.append((match.start(), Date(match[0], (int(match[1] or 0), int(match[2]), int(match[3] or 0)))))
    for known in {language.code: language, ENGLISH.code: ENGLISH}.values():
        months = known.month_numbers
        if not months:
            continue
        for match in _named(known.code, tuple(months)).finditer(text):
            name = match["month"]
            alone = not (match["first"] or match["second"] or match["year"])
            if alone and (name.islower() or len(name) < 4) and known.code in ("en", "de"):
                continue
            if alone and (name.islower() and len(name) < 5):
                continue
            day = int(match["first"] or match["second"] or 0)
            found.append(
                (match.start(), Date(match[0].strip(" ,."), (int(match["year"] or 0), months[name.lower()], day)))
            )
    found.sort(key=lambda item: (item[0], -len(item[1].text)))
    dates: list[Date] = []
    end = -1
    for start, date in found:
        if start >= end:
            dates.append(date)
            end = start + len(date.text)
    return dates
