"""The folder of site files: reads all of them or the ones named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowbuilder.definition.site import load_site
from flowbuilder.diagnostics import Diagnostic, Report, did_you_mean
from flowbuilder.errors import ConfigurationError, NotFound
from flowbuilder.values import JsonObject

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, kw_only=True)
class SiteFile:
    """One site file. The record is None when there are errors; `text` is the source that the report points into."""

    file: Path
    record: JsonObject | None
    report: Report
    text: str = ""

    @property
    def name(self) -> str:
        """The site's name; the name of the file where the record has errors."""
        return str(self.record["site"]) if self.record else self.file.stem


def site_files(folder: Path) -> list[SiteFile]:
    """The site files of a folder, by file name; none where there is no folder. A duplicate site name is an error."""
    if not folder.is_dir():
        return []
    found: dict[str, SiteFile] = {}
    files = []
    for path in sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES):
        file = _read(path)
        first = found.get(file.name) if file.record else None
        if first is not None:
            twice = Diagnostic(code="FB016", message=f"site {file.name} is already defined in {first.file.name}")
            file = SiteFile(file=path, record=None, report=Report.of([twice]), text=file.text)
        found.setdefault(file.name, file)
        files.append(file)
    return files


def site_records(folder: Path, names: tuple[str, ...] = ()) -> list[JsonObject]:
    """The records of all sites in a folder, or of the sites named.

    Raises `ConfigurationError` for the first file with errors among them, and `NotFound` for a site without a file.
    """
    files = site_files(folder)
    for name in names:
        if name not in {file.name for file in files}:
            there = did_you_mean(name, [file.name for file in files]) or f"there are no site files in {folder}"
            raise NotFound(f"there is no site {name}; {there}")
    records = []
    for file in files:
        if names and file.name not in names:
            continue
        if file.record is None:
            raise ConfigurationError(f"{file.file}: {_first(file.report)}; `flowbuilder sites` shows all errors")
        records.append(file.record)
    return records


def _read(path: Path) -> SiteFile:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not UTF-8"
        unreadable = Diagnostic(code="FB001", message=f"the file cannot be read: {reason}")
        return SiteFile(file=path, record=None, report=Report.of([unreadable]))
    record, report = load_site(text, folder=path.parent)
    return SiteFile(file=path, record=record, report=report, text=text)


def _first(report: Report) -> str:
    item = report.errors[0]
    place = f" (line {item.span.line})" if item.span else ""
    return f"{item.code} {item.message}{place}"
