"""How generators turn a text into a part of an address."""

from __future__ import annotations

import re
import unicodedata

_PRETTY = "._~!$&'()+,;=@"


def jekyll_slug(text: str, mode: str = "default", *, cased: bool = False) -> str:
    """Jekyll's `slugify`: runs of other characters than letters, marks and digits become a hyphen."""
    kept = _PRETTY if mode == "pretty" else ""
    slug = "".join(char if char in kept or _is_letter(char) else "\0" for char in text)
    slug = re.sub("\0+", "-", slug)
    slug = re.sub(r"^-|-$", "", slug)
    return slug if cased else slug.lower()


def _is_letter(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LM" or category == "Nd"


def hugo_path(text: str, *, lower: bool = True, accents: bool = True) -> str:
    """Hugo's sanitised path: letters, marks, digits and `./\\_#+~-@`; blanks become one hyphen."""
    result: list[str] = []
    pending = was_hyphen = False
    for at, char in enumerate(text):
        allowed = char in "./\\_#+~-@" or _is_letter(char) or (char == "%" and _is_code(text[at + 1 : at + 3]))
        if allowed:
            was_hyphen = char == "-"
            if pending and not was_hyphen:
                result.append("-")
            pending = False
            result.append(char)
        elif result and not was_hyphen and char.isspace():
            pending = True
    found = "".join(result)
    if not accents:
        split = unicodedata.normalize("NFD", found)
        found = unicodedata.normalize("NFC", "".join(one for one in split if unicodedata.category(one) != "Mn"))
    return found.lower() if lower else found


def _is_code(text: str) -> bool:
    return bool(re.fullmatch("[0-9A-Fa-f]{2}", text))


def markdown_slug(text: str) -> str:
    """The slug of MkDocs' blog and of headings: letters, digits, `_` and `-`; each blank is a hyphen."""
    kept = re.sub(r"[^\w\- ]", "", unicodedata.normalize("NFC", text).strip().lower())
    return kept.replace(" ", "-")


def ascii_slug(text: str) -> str:
    """The slug of Zola: other scripts in Latin letters, lower case, hyphens between words."""
    from text_unidecode import unidecode  # type: ignore[import-untyped]

    return re.sub(r"[^a-z0-9]+", "-", unidecode(text).lower()).strip("-")


def safe_path(text: str) -> str:
    """Zola's slug of the kind `safe`: without what a file name may not have; blanks become one underscore."""
    return re.sub(r"\s+", "_", re.sub(r'[<>:"/|?*#()\[\]\\\n\r\t]', "", text)).strip("._")


def hexo_slug(text: str, *, lower: bool = False) -> str:
    """Hexo's `slugize`: Latin letters without accents, hyphens for blanks and punctuation."""
    split = "".join(
        one for one in unicodedata.normalize("NFD", text) if unicodedata.category(one) != "Mn" or ord(one) > 0x36F
    )
    text = unicodedata.normalize("NFC", split)
    slug = re.sub(r"[\s~`!@#$%^&*()\-_+=\[\]{}|\\;:\"'<>,.?/]+", "-", re.sub(r"[\x00-\x1f]", "", text)).strip("-")
    return slug.lower() if lower else slug


def github_slug(text: str) -> str:
    """The slug of github-slugger, as Astro uses it: letters, marks, digits, `_` and `-` stay; blanks are hyphens."""
    return "".join("-" if char == " " else char for char in text.lower() if char in " -" or _is_word(char))


def _is_word(char: str) -> bool:
    category = unicodedata.category(char)
    circled = 0x24B6 <= ord(char) <= 0x24E9 or 0x1F130 <= ord(char) <= 0x1F189
    return category[0] in "LM" or category in ("Nd", "Nl", "Pc") or circled


def eleventy_slug(text: str, *, is_old: bool = False) -> str:
    """Eleventy's filter `slugify`, or its older `slug`."""
    from text_unidecode import unidecode

    text = text.replace("&", "and" if is_old else " and ")
    if is_old:
        plain = re.sub(r"[^\w\s$*_+~.()'\"!:@-]", "", unidecode(text))
        return re.sub(r"\s+", "-", plain.strip()).lower()
    return re.sub(r"[^a-z0-9]+", "-", unidecode(text.translate(_GERMAN)).lower()).strip("-")


_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
