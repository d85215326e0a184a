"""What a page that was answered with success is: an article, or a login, an error, an empty frame."""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

THIN_WORDS = 50
"""An article has this many words, or more."""
ERROR_WORDS = 150
"""A page that asks for a password, or whose title or heading says that nothing was found, has fewer words than this;
three times as many where both say so."""
_ROOTS = (
    "#root, #app, #__next, #__nuxt, #___gatsby, #svelte, app-root, [ng-app], [data-reactroot], #main-app, #react-root"
)
_NOT_FOUND = re.compile(
    r"""
    ^\W*(?:error\W*|erreur\W*|fehler\W*|http\W*)?404\b(?:\W*$|\W*(?:error|erreur|fehler|not\b|page|seite|[-–—|:]))
    | \b(?:error|erreur|fehler|errore|erro|ошибка|błąd|hata|エラー|错误|錯誤)\W{0,3}404\b
    | \b404\W{0,3}(?:error|fehler|erreur)\b
    | \b(?:site|product|article|post|item|file|document|content|resource|url|listing|profile|user|job)\Wnot\Wfound\b
    | \bpage\b.{0,30}\b(?:not|can['’]?t)\W(?:be\W)?found\b | \bnie\Wznaleziono\Wstrony\b
    | \bpage\W(?:was\W|is\W)?(?:not\W(?:found|available)|missing|unavailable)\b
    | \b(?:page|content|site)\b.{0,20}\b(?:no\Wlonger\W(?:exists?|available)|doesn['’]?t\Wexist|does\Wnot\Wexist)\b
    | \b(?:can['’]?t|cannot|couldn['’]?t)\Wfind\b.{0,12}\bpage\b | ^\W*not\Wfound\W*(?:$|[-–—|:])
    | \bseite\b.{0,12}\bnicht\W(?:mehr\W)?(?:gefunden|verfügbar|vorhanden)\b
    | \bpage\W(?:web\W)?(?:introuvable|non\Wtrouvée)\b
    | \bpágina\b.{0,12}\b(?:no|não)\W.{0,10}\b(?:encontrada|existe|disponible|disponível)\b
    | \bpagina\W(?:non\W(?:è\Wstata\W)?trovata|niet\W(?:gevonden|beschikbaar)|nu\W.{0,10}găsit)
    | \bstron[ay]\b.{0,12}\bnie\W.{0,10}\bznalezion | \bstránka\b.{0,12}\bn(?:ebyla\Wn)?enalezena\b
    | \bstránka\Wnebyla\Wnalezena\b
    | \bстраниц[аы]\b.{0,12}\bне\W(?:найдена|существует)\b | \bсторінк[ауи]\b.{0,12}\bне\Wзнайдено?\b
    | \bsayfa\Wbulunamadı\b
    | \bsid(?:an|en)\b.{0,12}\b(?:hittades\Winte|blev\Wikke\Wfundet|ble\Wikke\Wfunnet|ikke\Wfun[dn])
    | \bsivua\Wei\Wlöy[dt] | \boldal\W(?:nem|nem\W.{0,10})\Wtalálható\b | \bσελίδα\W(?:δεν|δε)\Wβρέθηκε\b
    | \btrang\b.{0,12}\b(?:không\Wtồn\Wtại|không\Wtìm\Wthấy) | không\Wtìm\Wthấy\Wtrang | \bhalaman\Wtidak\Wditemukan\b
    | \bpage\b.{0,12}\bn['’]existe\W(?:pas|plus)\b | \bseite\b.{0,12}\bexistiert\Wnicht\b | \bpágina\Winexistente\b
    | \bpagina\b.{0,12}\b(?:non\Wesiste|bestaat\Wniet)\b | \bno\Wse\W.{0,10}\bencontr.{0,12}\bpágina\b
    | \bno\Ws['’]ha\Wtrobat\W.{0,4}\bpàgina\b | \bsidan\Wkunde\Winte\Whittas\b | \bsiden\W(?:findes|eksisterer)\Wikke\b
    | \bfant\Wikke\Wsiden\b | \bstranica\Wnije\Wpronađena\b | \bstránka\Wsa\Wnenašla\b | \bstrani\Wni\W.{0,10}\bnajti\b
    | \bpuslapis\Wnerastas\b | \blapa\Wnav\Watrasta\b | \blehte\Wei\Wleitud\b | \bstrona\b.{0,12}\bnie\Wistnieje\b
    | \bстраницата\Wне\W(?:е\W)?(?:намерена|съществува)\b | \bтакой\Wстраницы\Wнет\b
    | ไม่พบหน้า | الصفحة\s.{0,10}غير\s?موجودة | لم\s?يتم\s?العثور\s?على\s?الصفحة | הדף\s?לא\s?נמצא
    | صفحه.{0,12}یافت\s?نشد | पृष्ठ\s?नहीं\s?मिला
    | (?:页面|頁面|网页|網頁).{0,6}(?:不存在|找不到|未找到|不到) | 找不到.{0,6}(?:页面|頁面|网页|網頁)
    | ページ.{0,8}(?:見つかりません|存在しません|ありません) | 페이지.{0,6}찾을\s?수\s?없
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LOGIN = re.compile(
    r"""\b(?:log\W?in|sign\W?in|log\W?on|anmelden|anmeldung|einloggen|connexion|se\Wconnecter|identifiez|iniciar\Wsesión|acceso
    |inicia\Wsesión|entrar|iniciar\Wsessão|accedi|inloggen|aanmelden|zaloguj|logowanie|přihlášení|giriş|logga\Win|log\Wind|logg\Winn
    |kirjaudu|bejelentkezés|autentificare|вход|войти|увійти|вхід|σύνδεση|đăng\Wnhập|masuk)\b
    |登录|登入|ログイン|로그인|تسجيل\s?الدخول|התחברות|ورود|เข้าสู่ระบบ|लॉग\s?इन""",
    re.IGNORECASE | re.VERBOSE,
)
_SCRIPT = re.compile(r"java\W?script", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_NO_SPACES = re.compile("[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff]+")


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What speaks for another kind than an article, read before hidden parts are removed."""

    has_password: bool
    has_root: bool
    asks_for_scripts: bool


def signs_of(tree: LexborHTMLParser) -> Signs:
    """The signs of a page as it was sent."""
    noscript = " ".join(node.text(deep=True)[:2000] for node in tree.css("noscript")[:10])
    return Signs(
        has_password=tree.css_first("input[type='password' i]") is not None,
        has_root=tree.css_first(_ROOTS) is not None and tree.css_first("script") is not None,
        asks_for_scripts=bool(_SCRIPT.search(noscript)),
    )


def kind_of(signs: Signs, *, title: str, headings: list[str], text: str) -> tuple[str, str]:
    """The kind (`article`, `soft_404`, `login`, `script_only`, `thin`) and the reason, of a page's main text."""
    words = count_words(text)
    places = [("title", title), *(("heading", heading) for heading in headings[:3])]
    errors = [f"the {place} says {said!r:.100}" for place, said in places if _NOT_FOUND.search(said)]
    if errors and words < (ERROR_WORDS if len(errors) == 1 else 3 * ERROR_WORDS):
        return "soft_404", f"{' and '.join(errors[:2])}, and there are {words} words"
    if words < ERROR_WORDS:
        asks = next((said for said in (title, *headings[:3]) if _LOGIN.search(said)), "")
        if signs.has_password and (asks or words < THIN_WORDS // 2):
            said = f", it says {asks!r:.60}" if asks else ""
            return "login", f"the page asks for a password{said}, and there are {words} words"
    if words < THIN_WORDS:
        if words < THIN_WORDS // 2 and (signs.has_root or signs.asks_for_scripts):
            return "script_only", f"the page has {words} words until its scripts have run"
        return "thin", f"the page has {words} words, fewer than {THIN_WORDS}"
    return "article", f"the page has {words:,} words"


def count_words(text: str) -> int:
    """The words of a text; two ideographs or kana count as one word, as do five letters of Thai and its like."""
    ideographs = len(_IDEOGRAPHS.findall(text))
    unspaced = sum(len(run) for run in _NO_SPACES.findall(text))
    rest = _NO_SPACES.sub(" ", _IDEOGRAPHS.sub(" ", text))
    return len(_WORD.findall(rest)) + ideographs // 2 + unspaced // 5
