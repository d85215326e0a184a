"""Pages with very many elements are read in one pass, and keep their structure."""

from __future__ import annotations

import pytest

from flowbuilder.adapters.http.dense_page import dense_content
from flowbuilder.adapters.http.extract import extract_page
from flowbuilder.adapters.http.main_content import DENSE_TAGS

URL = "https://tea.example/prices"


@pytest.mark.parametrize(
    ("html", "markdown", "text"),
    [
        ("<h2>Green <i>tea</i></h2><p>Cool it.", "## Green *tea*\n\nCool it.", "Green tea\nCool it."),
        ("<p>a_b *c* [d] 1 &lt; 2", "a\\_b \\*c\\* \\[d\\] 1 \\< 2", "a_b *c* [d] 1 < 2"),
        ("<p># no heading<p>1. no item<p>- none", "\\# no heading\n\n1\\. no item\n\n\\- none",
         "# no heading\n1. no item\n- none"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul><ol><li>d<li>e</ol>", "- a\n  - b\n- c\n\n1. d\n2. e",
         "- a\n  - b\n- c\n- d\n- e"),
        ("<ul><li><p>a<p>b</ul>", "- a\n\nb", "- a\nb"),
        ("<dl><dt>Sencha<dd>80 °C</dl>", "- Sencha\n- 80 °C", "- Sencha\n- 80 °C"),
        ("<table><tr><th>tea<th>water<tr><td>a|b<td><p>80</p><p>°C</p></table>",
         "| tea | water |\n|---|---|\n| a\\|b | 80 °C |", "| tea | water |\n| a\\|b | 80 °C |"),
        ("<table><tr><td>a<td>b</table><table><tr><td>c<td></table>", "| a | b |\n\n| c |  |", "| a | b |\n| c |  |"),
        ("<table role=presentation><tr><td>left<td><p>right</table>", "left\n\nright", "left\nright"),
        ("<table><tr><td><h2>a</h2><p>b</table>", "## a\n\nb", "a\nb"),
        ("<pre>x *  y\n  <b>z</b><br>`</pre>", "```\nx *  y\n  z\n`\n```", "x *  y\n  z\n`"),
        ("<pre>```\nx</pre>", "````\n```\nx\n````", "```\nx"),
        ("<p>A <a href=https://tea.example/x>tea <b>shop</b></a>, <a href=#x>here</a>",
         "A [tea **shop**](https://tea.example/x), here", "A tea shop, here"),
        ("<p><a href='https://tea.example/a b'>x</a>", "[x](<https://tea.example/a b>)", "x"),
        ("<a href=https://tea.example/x><h2>Tea</h2><p>Good</p></a>",
         "## [Tea](https://tea.example/x)\n\n[Good](https://tea.example/x)", "Tea\nGood"),
        ("<p>Use <code>a_b</code> <s>now</s>", "Use `a_b` ~~now~~", "Use a_b now"),
        ("<p>a<br>b<hr>c", "a\n\nb\n\nc", "a\nb\nc"),
        ("<header>Shop</header><nav>Menu</nav><div role=search>Find</div><p>Tea</p>!<footer>End</footer>", "Tea\n\n!",
         "Tea\n!"),
        ("<div>Before</div><article><header><h1>Tea</h1></header><p>A long text about tea.</article>",
         "# Tea\n\nA long text about tea.", "Tea\nA long text about tea."),
        ("<p>می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_the_content_is_written_as_markdown_and_as_text(html: str, markdown: str, text: str) -> None:
    assert dense_content(f"<html><body>{html}</body></html>") == (markdown, text)


def test_a_table_of_many_cells_is_read_to_its_last_row() -> None:
    rows = "".join(f"<tr><td>tea {row}</td><td>{row} g</td><td>price {row}</td></tr>" for row in range(DENSE_TAGS // 3))
    page = extract_page(f"<main><h1>Prices</h1><table>{rows}</table></main><nav>Menu</nav>", url=URL)
    lines = page["markdown"].splitlines()
    assert lines[0] == "# Prices"
    assert lines[2:] == [f"| tea {row} | {row} g | price {row} |" for row in range(DENSE_TAGS // 3)]
    assert page["kind"] == "article"


def test_a_page_of_many_links_keeps_them() -> None:
    items = "".join(f"<li><a href=/tea/{number}>Tea {number}</a></li>" for number in range(DENSE_TAGS))
    page = extract_page(f"<main><ul>{items}</ul></main>", url=URL)
    last = DENSE_TAGS - 1
    assert page["markdown"].endswith(f"\n- [Tea {last}](https://tea.example/tea/{last})")
    assert page["text"].splitlines()[0] == "- Tea 0"
    assert page["links"][0] == {"url": "https://tea.example/tea/0", "text": "Tea 0"}


def test_marks_within_one_another_are_written_a_few_levels_deep() -> None:
    markdown, text = dense_content(f"<body><p>{'<b><i>' * 400}tea{'</i></b>' * 400}</p></body>")
    assert (markdown.strip("*"), text) == ("tea", "tea")
    assert len(markdown) < 40
