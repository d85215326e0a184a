"""Values in the path and query of a URL are percent-encoded, as the syntax tree says."""

from __future__ import annotations

import pytest

from flowbuilder.errors import LanguageError
from flowbuilder.language import Template

NASTY = "a/b?c#d %2e%2e"
CODED = "a%2Fb%3Fc%23d%20%252e%252e"
WHOLE = "https://example.com/a/b?c=d#e"


@pytest.mark.parametrize(
    ("template", "value", "url"),
    [
        ("https://example.com/{{ v }}", NASTY, f"https://example.com/{CODED}"),
        ("https://example.com/{{ v }}/edit", NASTY, f"https://example.com/{CODED}/edit"),
        ("https://example.com/x-{{ v }}-y", NASTY, f"https://example.com/x-{CODED}-y"),
        ("https://example.com/?q={{ v }}&n=1", "a&b=c+d é", "https://example.com/?q=a%26b%3Dc%2Bd%20%C3%A9&n=1"),
        ("https://example.com/#{{ v }}", NASTY, f"https://example.com/#{CODED}"),
        ("/items/{{ v }}", NASTY, f"/items/{CODED}"),
        ("//example.com/{{ v }}", NASTY, f"//example.com/{CODED}"),
        ("{{ v }}", WHOLE, WHOLE),
        ("{{ v ~ '/x' }}", WHOLE, f"{WHOLE}/x"),
        ("{{ v }}/blog/{{ w }}", "https://example.com", "https://example.com/blog/w%2Fw"),
        ("{{ v }}?q={{ w }}", "https://example.com", "https://example.com?q=w%2Fw"),
        ("{{ v }}{{ w }}", "https://example.com/", "https://example.com/w/w"),
        ("https://{{ v }}/{{ w }}", "example.com:8080", "https://example.com:8080/w%2Fw"),
        ("https://{{ v }}.example.com/{{ w }}", "a", "https://a.example.com/w%2Fw"),
        ("https://example.com{{ v }}", "/a/b", "https://example.com/a/b"),
        ("https://example.com/{{ v | urlencode }}", NASTY, f"https://example.com/{CODED}"),
        ("https://example.com/{{ v | urlencode | replace('%2F', '/') }}", "a b/c", "https://example.com/a%20b/c"),
        ("https://example.com/{{ n }}/{{ t }}{{ z }}", "", "https://example.com/7/true"),
        (
            "https://example.com/{% if v %}a/{{ v }}{% else %}b{% endif %}/{{ w }}",
            "x/y",
            "https://example.com/a/x%2Fy/w%2Fw",
        ),
        ("{% if v %}https://{{ v }}/{% else %}/{% endif %}{{ w }}", "example.com", "https://example.com/w%2Fw"),
        ("https://example.com/{% for i in l %}{{ i }}/{% endfor %}", "", "https://example.com/a%2Fb/c/"),
        ("https://example.com/{% set s = v %}{{ s }}", "a/b", "https://example.com/a%2Fb"),
        ("https://example.com/already%20coded/{{ v }}", "x", "https://example.com/already%20coded/x"),
        ("https://example.com/a/../{{ v }}", "x", "https://example.com/a/../x"),  # written by the author
    ],
)
def test_values_behind_the_host_are_encoded_as_one_segment(template: str, value: str, url: str) -> None:
    names = {"v": value, "w": "w/w", "n": 7, "t": True, "z": None, "l": ["a/b", "c"]}
    assert Template(template).render_url(names) == url


@pytest.mark.parametrize("value", [".", "..", "%2e%2E", ".%2e"])
def test_no_value_climbs_in_the_path(value: str) -> None:
    template = Template("https://example.com/pages/{{ v }}/edit")
    if "%" in value:
        assert ".." not in str(template.render_url({"v": value}))  # the percent sign itself is encoded
        return
    with pytest.raises(LanguageError, match="part of the path"):
        template.render_url({"v": value})


def test_two_values_do_not_climb_together() -> None:
    with pytest.raises(LanguageError, match="part of the path"):
        Template("https://example.com/{{ v }}{{ v }}/x").render_url({"v": "."})
