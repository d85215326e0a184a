"""The texts in the docstring of each rule of `guard`: the wrong ones get its finding and no other, the right "
"one none."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from flowbuilder.steps.builtin.guard.comparison import MAX_ALIKE, findings_of
from flowbuilder.steps.builtin.guard.rule import RuleOptions, load_rules

_PART = re.compile(r"^(Options|Base|Wrong|Right):\n((?:    .*\n|[ ]*\n)+)", re.MULTILINE)


def examples(name: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    options: dict[str, Any] = {}
    base = ""
    for kind, body in _PART.findall(f"{load_rules()[name].__doc__}\n"):
        text = textwrap.dedent(body).strip() + "\n"
        if kind == "Options":
            options = {name: RuleOptions(**yaml.safe_load(text))}
        elif kind == "Base":
            base = text
        else:
            yield kind, base, text, options


WRONG = [
    (name, number) for name in load_rules() for number, example in enumerate(examples(name)) if example[0] == "Wrong"
]
RIGHT = [
    (name, number) for name in load_rules() for number, example in enumerate(examples(name)) if example[0] == "Right"
]


@pytest.mark.parametrize(("name", "number"), WRONG)
def test_a_wrong_text_gets_the_finding_of_its_rule(name: str, number: int) -> None:
    _, base, text, options = list(examples(name))[number]
    found = {(finding["rule"], finding["severity"]) for finding in findings_of(base, text, options)}
    assert (name, load_rules()[name].SEVERITY) in found
    assert findings_of(base, text, {**options, name: "off"}) != findings_of(base, text, options)


@pytest.mark.parametrize(("name", "number"), RIGHT)
def test_a_right_text_gets_no_finding_above_info(name: str, number: int) -> None:
    _, base, text, options = list(examples(name))[number]
    found = findings_of(base, text, options)
    assert [finding for finding in found if finding["rule"] == name or finding["severity"] != "info"] == []


def test_each_rule_has_a_wrong_and_a_right_text_and_a_severity() -> None:
    assert {name for name, _ in RIGHT} == set(load_rules())
    assert {name for name, _ in WRONG} == set(load_rules()) - {"unread"}  # which needs a text longer than the limit
    assert {rule.SEVERITY for rule in load_rules().values()} == {"block", "warning", "info"}


def test_a_text_that_is_longer_than_the_limit_is_said_not_to_be_read() -> None:
    found = findings_of("Tea.", "Tea. " * 90_000, {})
    assert ("unread", "warning") in {(finding["rule"], finding["severity"]) for finding in found}


def test_what_the_page_had_before_is_no_finding() -> None:
    bad = "<script>x()</script>\n\nCaf\u00c3\u00a9 ti\u200bme, [x](#), TODO\n\n# A\n\n#### B\n\n<div>\n\n![](a.png)\n"
    assert findings_of(bad, f"{bad}\nWell, tea it is.\n", {}) == []


def test_many_findings_of_a_kind_are_one() -> None:
    links = [f"[page {number}](/pages/{number})" for number in range(12)]
    found = findings_of(
        f"See {', '.join(links)}.\n", f"See {', '.join(link.split('](')[0][1:] for link in links)}.\n", {}
    )
    (lost,) = [finding for finding in found if finding["rule"] == "lost_links"]
    assert lost["evidence"] == "12 links were removed; the first: /pages/0; /pages/1; /pages/2"
    few = findings_of(f"See {', '.join(links[:MAX_ALIKE])}.\n", "See page 0, page 1, page 2.\n", {})
    assert len([finding for finding in few if finding["rule"] == "lost_links"]) == MAX_ALIKE


@pytest.mark.parametrize(
    "target", ["http://[URL]", "#", "url", "http://", "[URL]", "https://[::1", "//[", "http://a b/"]
)
def test_a_link_to_a_placeholder_or_to_no_address_crashes_nothing(target: str) -> None:
    base = "Read [storing tea](/guides/store) and stay.\n"
    found = findings_of(base, f"Read [storing tea]({target}) and stay.\n", {})
    assert "lost_links" in {finding["rule"] for finding in found}


def test_code_is_code() -> None:
    base = "Call it.\n\n## Usage\n\nWell.\n"
    code = (
        '# no heading\n<script>x()</script> [link](https://new.example/) 4711 TODO <div> "said the one to the other"\n'
    )
    for marked in (f"```html\n{code}```\n", f"~~~\n{code}~~~\n", textwrap.indent(code, "    ")):
        assert findings_of(base, f"{base}\n{marked}", {}) == []
    inline = f"{base}\nWrite `<script>x()</script>` or ``[a](https://new.example/ `x`)``.\n"
    assert findings_of(base, inline, {}) == []


@pytest.mark.parametrize(
    ("base", "proposal", "rule"),
    [
        ("Kochen Sie das Wasser nicht noch einmal auf.", "Kochen Sie das Wasser noch einmal auf.", "negations"),
        ("Ne faites pas bouillir cette eau pour le thé.", "Faites bouillir cette eau pour le thé.", "negations"),
        ("No hierva el agua para el té verde.", "Hierva el agua para el té verde.", "negations"),
        ("Não ferva a água do chá verde.", "Ferva a água do chá verde.", "negations"),
        ("Non far bollire l'acqua per il tè.", "Far bollire l'acqua per il tè.", "negations"),
        ("Kook het water voor de thee niet.", "Kook het water voor de thee.", "negations"),
        ("Nie należy gotować tej wody na herbatę.", "Należy gotować tej wody na herbatę.", "negations"),
        ("Не кипятите воду для зелёного чая.", "Кипятите воду для зелёного чая.", "negations"),
        ("这个水不能煮开，要等两分钟。", "这个水能煮开，要等两分钟。", "negations"),
        ("お湯を沸騰させないでください。二分待ちます。", "お湯を沸騰させてください。二分待ちます。", "negations"),
        ("물을 끓이지 마십시오. 이 분 기다립니다.", "물을 끓이십시오. 이 분 기다립니다.", "negations"),
        ("Das kann bei der Arbeit helfen, wenn es kalt ist.", "Das wird bei der Arbeit helfen, wenn es kalt ist.",
        "hedges"),
        ("Cela peut aider dans le travail de tous les jours.", "Cela doit aider dans le travail de tous les jours.",
        "hedges"),
        ("这可能对你的工作有帮助。", "这一定对你的工作有帮助。", "hedges"),
        ("Die Ernte ist im März 2021 und nicht später.", "Die Ernte ist im Mai 2021 und nicht später.", "dates"),
        ("La récolte est le 5 mars 2021 dans la vallée.", "La récolte est le 5 juin 2021 dans la vallée.", "dates"),
        ("収穫は2021年3月5日です。とても早いです。", "収穫は2021年4月5日です。とても早いです。", "dates"),
        ("Wir fahren nach Weimar, denn dort ist es schön.", "Wir fahren nach Jena, denn dort ist es schön.", "names"),
        ("茶叶来自 Uji 的一家小店。", "茶叶来自 Nara 的一家小店。", "names"),
        ("Es dauert 3 Minuten, bis das Wasser heiß ist.", "Es dauert 3 Stunden, bis das Wasser heiß ist.", "units"),
        ("需要等待 3 分钟才可以喝。", "需要等待 3 小时才可以喝。", "units"),
        ("Der Preis ist um 5 % gestiegen.", "Der Preis ist um 5 Prozentpunkte gestiegen.", "units"),
        ("Achtung: Das Wasser ist heiß.\n\nGießen Sie langsam.", "Gießen Sie langsam.", "warnings"),
        ("警告：水很烫。\n\n请慢慢倒。", "请慢慢倒。", "warnings"),
        ("「良いお茶は静かな贅沢です」と彼女は言う。", "「良いお茶は派手な贅沢です」と彼女は言う。", "quotes"),
        ("„Tee ist ein stilles Glück in der Tasse“, sagt sie.", "„Tee ist ein lautes Glück in der Tasse“, sagt sie.",
        "quotes"),
    ],
)  # fmt: skip
def test_words_are_compared_in_the_language_of_the_page(base: str, proposal: str, rule: str) -> None:
    found = findings_of(f"{base}\n", f"{proposal}\n", {})
    assert rule in {finding["rule"] for finding in found if finding["severity"] != "info"}, found


@pytest.mark.parametrize(
    "page",
    [
        "<h2>Tea</h2>\n<p>Do not boil the <a href='/water'>water</a>, 80 °C are enough.</p>\n"
        "<ul><li>Pour it.</li><li>Wait.</li></ul>",
        "<!-- wp:paragraph -->\n<p>Do not boil the <a href='/water'>water</a>, 80 °C are enough.</p>\n"
        "<!-- /wp:paragraph -->\n\n<!-- wp:list -->\n<ul><!-- wp:list-item -->\n<li>Pour it.</li>\n"
        "<!-- /wp:list-item --></ul>\n<!-- /wp:list -->",
        "import X from './x'\n\n<Tabs>\n  <Tab>\n\nDo not boil the [water](/water), 80 °C are enough.\n\n"
        "- Pour it.\n- Wait.\n\n  </Tab>\n</Tabs>",
        "{{< note >}}\nDo not boil the [water]({{< ref '/water' >}}), 80 °C are enough.\n{{< /note >}}\n\n"
        "- Pour it.\n- Wait.",
    ],
)
def test_markdown_mdx_html_and_wordpress_blocks_are_read(page: str) -> None:
    damages = {
        "negations": page.replace("not ", ""),
        "new_numbers": page.replace("80", "90"),
        "lists": page.replace("- Pour it.\n", "").replace("<li>Pour it.</li>", ""),
    }
    for rule, damaged in damages.items():
        assert damaged != page
        assert rule in {finding["rule"] for finding in findings_of(page, damaged, {})}, (rule, damaged)
    assert "lost_links" in {
        finding["rule"] for finding in findings_of(page, re.sub(r"\[water\]\(.*?\)|<a .*?</a>", "water", page), {})
    }


def test_texts_around_the_body_are_compared_where_both_have_them() -> None:
    base = {"body": "Tea.\n", "title": "Tea at 80 degrees", "description": "All of it"}
    assert findings_of(base, {**base, "score": 3}, {}) == []
    assert findings_of(base, {"body": "Tea.\n"}, {}) == []
    (finding,) = findings_of(base, {**base, "title": "Tea at 90 degrees"}, {})
    assert finding["rule"] == "new_numbers"


@pytest.mark.parametrize("base", [None, "", {"body": ""}])
def test_without_a_base_only_what_is_bad_by_itself_is_found(base: Any) -> None:
    page = "Call [us](https://us.example/) 4711 times, “as often as you like to”, said Ada.\n\n> Do not wait.\n"
    assert findings_of(base, page, {}) == []
    assert {finding["rule"] for finding in findings_of(base, f"{page}\nTODO\n\n<script>x()</script>\n", {})} == {
        "left_over", "what_runs",
    }  # fmt: skip
