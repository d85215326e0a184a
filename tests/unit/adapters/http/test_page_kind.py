"""The kind of a page is decided from evidence, and no article is taken for another kind."""

from __future__ import annotations

import pytest

from flowbuilder.adapters.http.extract import extract_page
from flowbuilder.adapters.http.page_kind import count_words

SENTENCE = "Tea has many kinds, and each wants its own water and its own time in the pot before it is good. "
PROSE = f"<h1>Green tea</h1><p>{SENTENCE * 4}</p>"
LONG = f"<p>{SENTENCE * 12}</p>"
KINDS = {
    "an article": (f"<title>Green tea</title><h1>Green tea</h1>{LONG}", "article"),
    "an article with a login in its header": (
        f"<title>Green tea</title><form>Log in<input type=password></form><article><h1>Green tea</h1>{LONG}</article>",
        "article"),
    "a short article with a login": (
        f"<title>Green tea</title><form><input type=password></form><article>{PROSE}</article>", "article"),
    "a very short article with a login": (
        f"<title>Green tea</title><form><input type=password></form><article><h1>Green tea</h1><p>{SENTENCE * 2}</p>",
        "thin"),
    "an article about errors": (f"<title>Page not found: how to fix a 404 error</title><h1>Broken links</h1>{LONG * 2}",
                                "article"),
    "an article of a framework": (f"<div id=__next><main>{PROSE}{LONG}</main></div><script src=x.js></script>",
                                  "article"),
    "an article with noscript": (f"<noscript>Please enable JavaScript</noscript><main>{PROSE}</main>", "article"),
    "an article in Japanese": (f"<title>緑茶</title><main><h1>緑茶</h1><p>{'緑茶は発酵させない。' * 16}</p></main>",
                               "article"),
    "a car": (f"<title>Peugeot 404</title><main><h1>Peugeot 404</h1><p>{SENTENCE * 4}</p></main>", "article"),
    "a search for the missing": (f"<title>Hikers not found after storm</title><main>{PROSE}</main>", "article"),
    "an error": (f"<title>Page not found | Tea</title><h1>Oops!</h1><p>{SENTENCE}</p>", "soft_404"),
    "an error of a framework": ("<title>404: This page could not be found.</title><div id=__next><h1>404</h1></div>"
                                "<script src=x.js></script>", "soft_404"),
    "an error of a server": ("<title>Not Found</title><h1>Not Found</h1><p>The resource is not on this server.</p>",
                             "soft_404"),
    "a product that is gone": (f"<title>Product not found | Shop</title><p>{SENTENCE}</p>", "soft_404"),
    "an error that cannot be found": ("<title>Tea</title><h1>Oops! That page can’t be found.</h1>", "soft_404"),
    "a check of the browser": ("<title>Just a moment...</title><noscript>Enable JavaScript and cookies to continue"
                               "</noscript>", "script_only"),
    "an error with suggestions": (f"<title>404 Not Found</title><h1>Page not found</h1>{LONG}", "soft_404"),
    "an error in German": ("<title>Tee</title><h1>Die Seite wurde nicht gefunden</h1><p>Schade.</p>", "soft_404"),
    "an error in Spanish": ("<title>Página no encontrada</title><h1>Lo sentimos</h1>", "soft_404"),
    "an error in Russian": ("<title>Страница не найдена</title><h1>Ошибка 404</h1>", "soft_404"),
    "an error in Chinese": ("<title>页面不存在</title><h1>抱歉</h1>", "soft_404"),
    "an error in Arabic": ("<title>الصفحة غير موجودة</title><h1>عذرا</h1>", "soft_404"),
    "an error in Japanese": ("<title>ページが見つかりません</title><h1>404</h1>", "soft_404"),
    "a login": ("<title>Sign in</title><h1>Welcome back</h1><form><input type=password></form>", "login"),
    "a login in French": (f"<title>Connexion</title><form><input type=PASSWORD></form><p>{SENTENCE * 3}</p>", "login"),
    "a login without a title": ("<form>User <input> <input type=password></form>", "login"),
    "an application": ("<title>Tea</title><div id=root></div><script src=x.js></script>", "script_only"),
    "an application that says so": ("<noscript>You need to enable JavaScript to run this app.</noscript><x-app>",
                                    "script_only"),
    "a few words": ("<title>Tea</title><h1>Tea</h1><p>Coming soon.</p>", "thin"),
    "nothing": ("", "thin"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_of_a_page_is_decided_from_evidence(name: str) -> None:
    html, kind = KINDS[name]
    page = extract_page(html, url="https://tea.example/")
    assert page["kind"] == kind, page["reason"]
    assert "words" in page["reason"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("two words", 2), ("it's 5 o'clock", 4), ("緑茶は発酵", 2), ("ชาเขียวเป็นชา", 2), ("한국어 문장", 2)],
)
def test_words_are_counted_in_every_writing(text: str, words: int) -> None:
    assert count_words(text) == words
