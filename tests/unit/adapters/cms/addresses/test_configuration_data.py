"""Configuration files are read as data; hostile ones cost little time."""

from __future__ import annotations

import time

import pytest

from flowbuilder.adapters.cms.addresses.data import read_fields
from flowbuilder.adapters.cms.addresses.globs import ignored, matches
from flowbuilder.adapters.cms.addresses.javascript import read_object


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("module.exports = {a: 'x', \"b\": [1, true, null], 'c-d': `t`}", {"a": "x", "b": ["1", "true", ""], "c-d": "t"}),  # noqa: E501
        ("export default { /* } */ a: {b: 'it\\'s'}, // }\n c: f(1), d }", {"a": {"b": "it's"}, "c": {"call": "f", "arguments": ["1"]}, "d": None}),  # noqa: E501
        ("const x = {a: '1'}\nexport default x", {"a": "1"}),
        ("const c: Config = defineConfig<T>({a: '1'});\nexport default c;", {"a": "1"}),
        ("export default async () => { const y = 1; return {a: '1'} }", {"a": "1"}),
        ("export default {a: x ? 'y' : 'z', b: '1', ...more, get() { return {} }, c: () => ({d: 1})}", {"a": None, "b": "1", "c": None}),  # noqa: E501
        ("export default ({a: '1'} satisfies Config)", {"a": "1"}),
        ("const a = a;\nexport default {a}", {"a": None}),
        ("module.exports = (c) => { c.f(/[*'\"`/]/g, ''); x = 8 / 2; return {a: '1'}; }", {"a": "1"}),
        ("/** @type {x} */\n(module.exports = {a: '1'});", {"a": "1"}),
        ("( module.exports = { a: [({b: 2})] })", {"a": [{"b": "2"}]}),
        ("module.exports = function (c) { c.replace(/(\"[^\"]*\"|'[^']*')\\/`/, {b: /'/}); return {a: '1'} }", {"a": "1"}),  # noqa: E501
        ("export default {a: {b: /it's/i, c: '1'}, d: (n / 2) + 'it', e: 'x'}", {"a": {"b": None, "c": "1"}, "d": None, "e": "x"}),  # noqa: E501
        ("export default {title: <b>Don't</b>,\n a: {b: '1'}}", {"title": None, "a": {"b": "1"}}),
        ("export default {3: {path: 'v3'}}", {"3": {"path": "v3"}}),
        ("export default {a: 'unclosed", {}),
        ("export default " + "[" * 5_000, {}),
        ("", {}),
    ],
)  # fmt: skip
def test_javascript_literals(text, value):
    assert read_object(text) == value


@pytest.mark.parametrize(
    ("path", "pattern", "is_match"),
    [
        ("a/b.md", "**/*.md", True),
        ("b.md", "**/*.md", True),
        ("a/_x/b.js", "**/_*/**", True),
        ("_x/b.js", "**/_*/**", True),
        ("a/b.md", "*.md", False),
        ("news/a", "{news,docs}/**", True),
        ("a.mdx", "*.{md,mdx}", True),
        ("x", "[", False),
    ],
)
def test_globs(path, pattern, is_match):
    assert matches(path, pattern) is is_match


def test_lines_of_an_ignore_file():
    lines = ["# x", "drafts/", "*.tmp.md", "!keep.tmp.md", "/top.md"]
    paths = ["drafts/a.md", "x/drafts/a.md", "a.tmp.md", "keep.tmp.md", "top.md", "x/top.md"]
    assert [ignored(path, lines) for path in paths] == [True, True, True, False, True, False]


@pytest.mark.parametrize(
    "text",
    ["---\na: " + "[" * 30_000 + "\n---\n", "---\n" + "- " * 20_000 + "\n---\n", "---\n" + "a: &a [*a, *a]\n" * 900 + "---\n",  # noqa: E501
     "+++\na = " + "[" * 30_000 + "\n+++\n", "{" * 60_000, '{"a": ' * 20_000, "---js\n" + "{a:" * 20_000 + "\n---\n", "---\n" * 16_000,  # noqa: E501
     "# " * 30_000, "a\n" * 30_000, "=" * 60_000],
)  # fmt: skip
def test_hostile_front_matter_costs_little(text):
    started = time.monotonic()
    read_fields(text)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "text",
    [
        "export default " + "{a:" * 90_000,
        "export default {" + "a:b," * 100_000,
        "/*" * 200_000,
        "export default " + "`${" * 90_000,
        "module.exports = f(" + "/[" * 200_000,
        "module.exports = f(" + "(/[" * 150_000,
        "module.exports = f(" + "'\\'" * 150_000,
        "module.exports = f(" + "/a" * 200_000,
    ],
)
def test_a_hostile_configuration_costs_little(text):
    started = time.process_time()
    read_object(text)
    assert time.process_time() - started < 3


def test_hostile_globs_cost_little():
    started = time.monotonic()
    assert not matches("a" * 4_000, "*a" * 6 + "b")
    assert not matches("a/" * 1_000, "**/" * 6 + "b")
    assert time.monotonic() - started < 3


def test_a_template_of_named_constants_is_a_text():
    members = "a: `${BASE}/x`, b: `${ BASE }${BASE}`, c: `${f()}`, d: `${NONE}`, e: 'z'"
    assert read_object(f"const BASE = '/docs';\nmodule.exports = {{{members}}}") == {
        "a": "/docs/x",
        "b": "/docs/docs",
        "c": None,
        "d": None,
        "e": "z",
    }
    doubled = "".join(f"const A{at + 1} = `${{A{at}}}${{A{at}}}`;\n" for at in range(40))
    assert read_object(f"const A0 = 'xxxxxxxx';\n{doubled}module.exports = {{a: `${{A40}}`}}") == {"a": None}
