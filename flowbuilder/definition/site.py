"""A site file: the record that templates see as `site`."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import ConfigDict, Field, ValidationError

from flowbuilder.definition.collector import DiagnosticCollector
from flowbuilder.definition.cron import cron_problem
from flowbuilder.definition.record_errors import report_field_errors
from flowbuilder.definition.yaml.document import read_document
from flowbuilder.diagnostics import Diagnostic, Report, did_you_mean
from flowbuilder.model.reviewers import name_problem
from flowbuilder.steps.step import Record
from flowbuilder.values import JsonObject

PROVIDERS = ("anthropic", "demo", "google", "ollama", "openai")
"""The providers of models; a connection with a `base_url` may have others."""


class SiteSchedule(Record):
    """A schedule on which a workflow runs for the site."""

    workflow: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="the name of a published workflow")
    cron: str = Field(
        description="five fields: minute, hour, day of month, month, day of week; in the site's time zone"
    )
    inputs: dict[str, Any] = Field(default_factory=dict, description="the inputs of these runs")


class SiteSearch(Record):
    """The site in Google Search Console."""

    model_config = ConfigDict(extra="allow")
    property: str = Field(description="sc-domain:example.com, or a URL prefix")
    connection: str | None = Field(
        default=None, description="the connection with the credentials; none for a server without authentication"
    )


class SiteGit(Record):
    """The git work tree that the content is in: one commit for each publication."""

    branch: str | None = Field(
        default=None, pattern=r"^[^-]", description="the branch that must be checked out; left out, any"
    )
    push: str | None = Field(default=None, pattern=r"^[^-]", description="the remote to push to; left out, none")
    author: str | None = Field(
        default=None,
        pattern=r"^[^<>]+ <[^<> ]+>$",
        description="the committer: Name <mail>; the author is who approved",
    )


Generator = Literal[
    "hugo", "jekyll", "astro", "docusaurus", "eleventy", "mkdocs", "hexo", "zola", "vitepress", "next", "html"
]


class SiteAddress(Record):
    """Files and their addresses: `{files: "_posts/{date}-{slug}.md", url: "/blog/{slug}/"}`."""

    files: str = Field(
        description="the files below `root`: {slug} is any part of a name, {*path} several folders, {date} a date"
    )
    url: str = Field(pattern="^/", description="their address, with these names, or {page.slug} for the front matter")


class SiteContent(Record):
    """The CMS of the site."""

    model_config = ConfigDict(extra="allow")
    type: Literal["files", "wordpress", "ghost"] = Field(
        description="files: Markdown in a folder; wordpress: its REST API; ghost: its Admin API"
    )
    root: str | None = Field(default=None, description="the folder of `files`, relative to the site file")
    git: SiteGit | bool = Field(default=False, description="whether `files` are committed; true, or a mapping")
    generator: Generator | None = Field(
        default=None, description="what makes the site of these files: its rules say which file is at which address"
    )
    addresses: tuple[SiteAddress, ...] = Field(
        default=(), description="which files are at which addresses, where no rule of a generator says it"
    )
    sitemap: str | None = Field(
        default=None, description="the site's sitemap, a URL or a file: `sites check` looks for its addresses"
    )
    sitemap_ignore: tuple[str, ...] = Field(
        default=(), description="addresses of the sitemap that no file is for, such as /tags/**"
    )
    connection: str | None = Field(default=None, description="the connection with the credentials")


class Site(Record):
    """A site. Further fields are allowed: templates see the whole record."""

    model_config = ConfigDict(extra="allow")

    site: str = Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="its name")
    title: str | None = Field(default=None, description="the displayed name")
    timezone: str = Field(default="UTC", description="an IANA name such as Europe/Berlin")
    base_url: str | None = Field(default=None, pattern=r"^https?://", description="where its pages are")
    gsc: SiteSearch | None = None
    cms: SiteContent | None = None
    models: dict[str, str] = Field(default_factory=dict, description="models by role: {editor: provider:name}")
    reviewers: dict[str, tuple[str, ...] | Literal["anyone"]] = Field(
        default_factory=dict, description="groups of people: their names, or the word anyone"
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="hosts that every workflow of this site may reach; with any, it may reach no other"
    )
    limits: dict[str, float] = Field(default_factory=dict)
    schedules: tuple[SiteSchedule, ...] = ()


def load_site(text: str, *, folder: Path) -> tuple[JsonObject | None, Report]:
    """The record of a site file and its diagnostics; the record is None where there are errors.

    `folder` is the folder of the file: a relative `root` of the `cms` is resolved against it.
    """
    read = read_document(text)
    if read.value is None:
        return None, Report.of(_for_sites(item) for item in read.diagnostics)
    record = read.value
    diagnostics = DiagnosticCollector(read.positions, read.diagnostics)
    try:
        Site.model_validate(record)
    except ValidationError as error:
        report_field_errors(error, Site, record, (), diagnostics)
    _check_zone(record, diagnostics)
    _check_schedules(record, diagnostics)
    _check_reviewers(record, diagnostics)
    _check_models(record, diagnostics)
    _check_names(record, diagnostics)
    if not diagnostics.report().ok:
        return None, diagnostics.report()
    return _with_defaults(record, folder), diagnostics.report()


def _check_zone(record: JsonObject, diagnostics: DiagnosticCollector) -> None:
    zone = record.get("timezone", "UTC")
    if isinstance(zone, str) and zone not in available_timezones():
        hint = did_you_mean(zone, available_timezones()) if "/" in zone else "write an IANA name such as Europe/Berlin"
        diagnostics.at_value(("timezone",), "FB012", f"there is no time zone {zone}", hint=hint[:120])


def _check_schedules(record: JsonObject, diagnostics: DiagnosticCollector) -> None:
    schedules = record.get("schedules")
    for index, entry in enumerate(schedules if isinstance(schedules, list) else []):
        cron = entry.get("cron") if isinstance(entry, dict) else None
        if isinstance(cron, str) and (problem := cron_problem(cron)):
            diagnostics.at_value(("schedules", index, "cron"), "FB012", problem[0], hint=problem[1])


def _check_reviewers(record: JsonObject, diagnostics: DiagnosticCollector) -> None:
    groups = record.get("reviewers")
    for group, members in groups.items() if isinstance(groups, dict) else ():
        if members == []:
            hint = f"name its people, or write {group}: anyone; a review for an empty group waits until it has people"
            message = f"the group {group} is empty"
            diagnostics.at_value(("reviewers", group), "FB012", message, hint=hint, severity="warning")
        for index, name in enumerate(members if isinstance(members, list) else []):
            if isinstance(name, str) and (problem := name_problem(name)):
                diagnostics.at_value(("reviewers", group, index), "FB012", f"the name {problem}")


def _check_models(record: JsonObject, diagnostics: DiagnosticCollector) -> None:
    models = record.get("models")
    for role, model in models.items() if isinstance(models, dict) else ():
        provider, colon, name = model.partition(":") if isinstance(model, str) else ("", ":", "")
        place = ("models", role)
        if not colon or (not name and provider not in ("", "demo")):
            diagnostics.at_value(
                place, "FB012", f"{model!r:.80} is no model", hint="write provider:name, as openai:gpt-5.1"
            )
        elif provider not in PROVIDERS and (close := get_close_matches(provider.lower(), PROVIDERS, 1, 0.7)):
            message = f"there is no provider {provider:.40}"
            diagnostics.at_value(place, "FB012", message, hint=f"did you mean {close[0]}?", severity="warning")


def _check_names(record: JsonObject, diagnostics: DiagnosticCollector) -> None:
    """Warn of names that differ little from a known one: a record may have more names, which templates read."""
    parts: tuple[tuple[str, type[Record]], ...] = (("", Site), ("cms", SiteContent), ("gsc", SiteSearch))
    for part, model in parts:
        written = record.get(part) if part else record
        fields = written if isinstance(written, dict) else {}
        known = [name for name in model.model_fields if name not in fields]
        for name in fields:
            close = get_close_matches(name.lower(), known, 1, 0.8)
            if close and name not in model.model_fields:
                place = (part, name) if part else (name,)
                message = f"{name:.40} is a name of your own here"
                diagnostics.at_value(place, "FB012", message, hint=f"did you mean {close[0]}?", severity="warning")


def _with_defaults(record: JsonObject, folder: Path) -> JsonObject:
    """The record with its defaults, and with an absolute path as `root`."""
    complete: JsonObject = {"title": record["site"], "timezone": "UTC", "models": {}, "reviewers": {}, **record}
    cms = complete.get("cms")
    if isinstance(cms, dict) and isinstance(cms.get("root"), str):
        cms = {**cms, "root": str((folder / cms["root"]).resolve())}
        if isinstance(cms.get("sitemap"), str) and "://" not in cms["sitemap"]:
            cms["sitemap"] = str((folder / cms["sitemap"]).resolve())
        complete["cms"] = cms
    return complete


def _for_sites(item: Diagnostic) -> Diagnostic:
    """The diagnostic with a hint for site files in place of one for workflows."""
    hint = "a site file begins with site: NAME" if "definition" in item.hint else item.hint
    return Diagnostic(code=item.code, message=item.message, pointer=item.pointer, span=item.span, hint=hint)
