"""Loads a document into a `Definition`, and reports every error in it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from flowbuilder.definition.collector import DiagnosticCollector
from flowbuilder.definition.document import Definition, Positions
from flowbuilder.definition.input_loader import load_inputs
from flowbuilder.definition.prompt_files import with_prompts
from flowbuilder.definition.record_errors import describe_value, report_field_errors
from flowbuilder.definition.step_loader import load_steps
from flowbuilder.definition.yaml.document import MAX_TEXT, read_document
from flowbuilder.diagnostics import Diagnostic, Report, Span
from flowbuilder.errors import LanguageError
from flowbuilder.language import LANGUAGE_VERSION, Template, is_template, language
from flowbuilder.steps.step import Record
from flowbuilder.values import Json, JsonObject, NotJson, Place, ensure_json, map_values

MAX_BYTES = 4 * MAX_TEXT
"""The most bytes of a document: a character has at most four."""
HOST = r"(\*\.)?([a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?\.)*[a-zA-Z0-9_-]+(:[0-9]{1,5})?"


class Document(Record):
    """A workflow definition."""

    schema_: Literal["flowbuilder/v1"] = Field(alias="schema", description="the form of this document")
    language: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=LANGUAGE_VERSION,
        description="the version of the language of templates that a stored document needs; a new one has the newest",
    )
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=64, description="unique among the workflows")
    title: str | None = Field(default=None, description="the displayed name")
    description: str = ""
    inputs: dict[str, Any] = Field(
        default_factory=dict, description="JSON Schema properties; required unless they have a default"
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="the only hosts that steps may reach; may read site; public: any outside of private networks",
    )
    steps: list[Any] = Field(min_length=1, description="the steps; their order follows from their references")
    outputs: dict[str, Any] = Field(
        default_factory=dict,
        description="the outputs, as templates; {value: ..., sensitive: true} for one that is not shown",
    )


def load(
    document: str | bytes | Mapping[str, Json] | Path, *, folder: Path | None = None, stored: bool = False
) -> tuple[Definition | None, Report]:
    """The definition in a document, and the diagnostics of the loader.

    A text is YAML or JSON; the file at a `Path` is read. Prompt files are read from `folder`, which is that of the file
    at a `Path`; their texts are part of the definition. The definition is None where the document is not an object. A
    definition with errors can be checked, so that one pass finds all errors: `check` repeats those of the loader, and
    `compile_plan` raises `DefinitionError`. Errors in the document never raise.

    The texts of a document that names no version of the language (`language`) have the newest; a `stored` one is of the
    first. A document whose texts mean something else in an older version than the newest gets `language`.
    """
    if isinstance(document, Mapping):
        try:
            value: JsonObject = ensure_json(dict(document), where="the document", well_formed=True)  # type: ignore[assignment]
        except NotJson as error:
            return None, Report.of([Diagnostic(code="FB005", message=str(error))])
        return _definition(value, DiagnosticCollector(Positions()), folder, stored=stored)
    if isinstance(document, Path):
        folder = document.parent
    try:
        text = _text(document)
    except _Unreadable as error:
        return None, Report.of([error.diagnostic])
    read = read_document(text)
    if read.value is None:
        return None, Report.of(read.diagnostics)
    return _definition(read.value, DiagnosticCollector(read.positions, read.diagnostics), folder)


class _Unreadable(Exception):
    def __init__(self, message: str, *, code: str = "FB001", hint: str = "", span: Span | None = None) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code=code, message=message, hint=hint, span=span)


def _text(document: str | bytes | Path) -> str:
    if isinstance(document, Path):
        path = document
        try:
            with path.open("rb") as file:
                document = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise _Unreadable(f"the file {path} cannot be read: {error.strerror}") from None
    if isinstance(document, str):
        return document
    if len(document) > MAX_BYTES:
        raise _Unreadable(f"the document has more than {MAX_BYTES:,} bytes", code="FB004")
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError as error:
        before = document[: error.start].decode("utf-8").split("\n")
        line, column = len(before), len(before[-1]) + 1
        span = Span(line=line, column=column, end_line=line, end_column=column + 1)
        raise _Unreadable("the document is not UTF-8", hint="save the file as UTF-8", span=span) from None


def _definition(
    raw: JsonObject, diagnostics: DiagnosticCollector, folder: Path | None, *, stored: bool = False
) -> tuple[Definition, Report]:
    raw = with_prompts(raw, folder, diagnostics)
    version = raw.get("language")
    missing = version is None
    if type(version) is not int:
        version = 1 if stored and missing else LANGUAGE_VERSION
    with language(version) as used:
        definition = _loaded(raw, diagnostics)
    if missing and not stored and used.needed > 1:
        raw = {**raw, "language": used.needed}
    definition = replace(definition, document=raw, language=version, needs_language=used.needed)
    return definition, definition.load_report


def _loaded(raw: JsonObject, diagnostics: DiagnosticCollector) -> Definition:
    try:
        Document.model_validate(raw)
    except ValidationError as error:
        report_field_errors(error, Document, raw, (), diagnostics)
    hosts = _hosts(raw.get("hosts"), diagnostics)
    inputs = load_inputs(raw["inputs"], diagnostics) if isinstance(raw.get("inputs"), dict) else ()
    steps = load_steps(raw["steps"], ("steps",), diagnostics) if isinstance(raw.get("steps"), list) else ()
    written = raw["outputs"] if isinstance(raw.get("outputs"), dict) else {}
    sensitive = frozenset(name for name, value in written.items() if _is_sensitive(value))
    outputs = _outputs(written, sensitive, diagnostics)
    name, title = (raw[key] if isinstance(raw.get(key), str) else "" for key in ("name", "title"))
    return Definition(
        name=name,
        title=title or name,
        description=raw["description"] if isinstance(raw.get("description"), str) else "",
        inputs=inputs,
        hosts=hosts,
        steps=steps,
        outputs=outputs,
        sensitive_outputs=sensitive,
        document=raw,
        positions=diagnostics.positions,
        load_report=diagnostics.report(),
    )


def _hosts(raw: Any, diagnostics: DiagnosticCollector) -> tuple[str, ...]:
    if not isinstance(raw, list):
        return ()
    for index, host in enumerate(raw):
        if isinstance(host, str) and is_template(host):
            _templated_host(host, ("hosts", index), diagnostics)
        elif isinstance(host, str) and not re.fullmatch(HOST, host):
            hint = "a host is a name such as example.com or *.example.com, without https:// and path"
            diagnostics.at_value(("hosts", index), "FB012", f"{describe_value(host)} is not a host", hint=hint)
    return tuple(host if is_template(host) else host.lower() for host in raw if isinstance(host, str))


def _templated_host(host: str, place: Place, diagnostics: DiagnosticCollector) -> None:
    try:
        references = Template(host).references
    except LanguageError as error:
        diagnostics.in_text(place, host, error)
        return
    if any(reference.path[0] != "site" for reference in references):
        hint = 'hosts are known before anything runs: write a name, or "{{ site.base_url }}"'
        diagnostics.at_value(place, "FB012", "only site can be read in hosts", hint=hint)


def _is_sensitive(output: Json) -> bool:
    """Whether an output is written as `{value: ..., sensitive: true}`."""
    return isinstance(output, dict) and output.keys() == {"value", "sensitive"} and output["sensitive"] is True


def _outputs(raw: JsonObject, sensitive: frozenset[str], diagnostics: DiagnosticCollector) -> dict[str, Any]:
    def compiled(place: Place, value: Any) -> Any:
        if not (isinstance(value, str) and is_template(value)):
            return value
        try:
            return Template(value)
        except LanguageError as error:
            diagnostics.in_text(place, value, error)
            return None

    outputs: dict[str, Any] = map_values(raw, compiled, ("outputs",))
    return {name: value["value"] if name in sensitive else value for name, value in outputs.items()}
