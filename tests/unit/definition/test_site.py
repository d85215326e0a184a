"""Site files: their fields and their diagnostics."""

from pathlib import Path

import pytest

from flowbuilder.definition.site import load_site
from flowbuilder.definition.site_folder import site_files, site_records
from flowbuilder.errors import ConfigurationError, NotFound

GOOD = """
site: example.com
timezone: Europe/Berlin
cms: {type: files, root: ../content, url_prefix: /}
reviewers: {editors: [ana@example.com]}
schedules:
  - {workflow: decay-refresh, cron: "0 6 * * 1", inputs: {max_pages: 10}}
own: {anything: goes}
"""


def test_a_site_keeps_unknown_fields_and_its_paths_become_absolute(tmp_path: Path) -> None:
    record, report = load_site(GOOD, folder=tmp_path / "sites")
    assert report.ok
    assert record is not None
    assert record["own"] == {"anything": "goes"}
    assert record["cms"]["root"] == str(tmp_path / "content")
    assert record["title"] == "example.com"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("site: example.com\ntimezone: Europe/Berlln", "FB012 there is no time zone Europe/Berlln"),
        ("title: no name", "FB011 the field site is missing"),
        ('site: a.example\nschedules: [{workflow: w, cron: "6 o clock"}]', "FB012 '6 o clock' is not a cron line"),
        ("site: a.example\nschedules: [{cron: '0 6 * * 1'}]", "FB011 the field workflow is missing"),
        ("site: a.example\ncms: {type: ftp}", "FB012"),
        ("site: a.example\nbase_url: ftp://a.example", "FB012"),
        ("site: a.example\nreviewers: {editors: ana@example.com}", "FB012 editors is"),
        ("site: a.example\nreviewers: [ana@example.com]", "FB012 reviewers is a list, expected an object"),
        ("site: a.example\nreviewers: {editors: ['ana@example.com ']}", "FB012 the name begins or ends with a space"),
        ('site: a.example\nreviewers: {editors: ["a\\u200bna"]}', "FB012 the name has a character that cannot be"),
        ("site: a.example\nreviewers: {editors: [anyone]}", "FB012 the name is a reserved word"),
        ("- a list", "FB003"),
        ("", "FB003"),
        ("site: [", "FB001"),
    ],
)
def test_an_invalid_site_is_reported_with_its_position(wrong: str, says: str, tmp_path: Path) -> None:
    record, report = load_site(wrong, folder=tmp_path)
    assert record is None
    first = report.errors[0]
    assert f"{first.code} {first.message}".startswith(says)


def test_a_group_without_people_is_a_warning_and_the_word_anyone_is_not(tmp_path: Path) -> None:
    record, report = load_site("site: a.example\nreviewers: {editors: [], all: anyone}", folder=tmp_path)
    assert record is not None
    (warning,) = report
    assert (warning.severity, warning.message) == ("warning", "the group editors is empty")
    assert "editors: anyone" in warning.hint


def test_a_folder_gives_its_good_sites_and_names_the_first_bad_one(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("site: a.example")
    (tmp_path / "b.yaml").write_text("site: b.example\ntimezone: Nowhere")
    (tmp_path / "c.yaml").write_text("site: a.example")
    assert [(file.name, file.record is not None) for file in site_files(tmp_path)] == [
        ("a.example", True),
        ("b", False),
        ("c", False),
    ]
    assert [record["site"] for record in site_records(tmp_path, ("a.example",))] == ["a.example"]
    with pytest.raises(ConfigurationError, match=r"b\.yaml: FB012 there is no time zone Nowhere \(line 2\)"):
        site_records(tmp_path)
    with pytest.raises(NotFound, match="there is no site nowhere"):
        site_records(tmp_path, ("nowhere",))


def test_a_missing_folder_has_no_sites(tmp_path: Path) -> None:
    assert site_files(tmp_path / "nothing") == []


def test_the_sample_sites_are_good() -> None:
    folder = Path(__file__).resolve().parents[3] / "deployments" / "sites"
    assert [record["site"] for record in site_records(folder)] == ["example.com", "leaf-and-kettle.example"]
