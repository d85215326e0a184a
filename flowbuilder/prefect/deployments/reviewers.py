"""Whether the reviewers of a site can decide the reviews of its workflows: checked before anything is deployed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowbuilder.errors import ConfigurationError
from flowbuilder.ports import Store
from flowbuilder.values import JsonObject


def review_problems(store: Store, site: JsonObject, *, workflow: str | None = None) -> Iterator[str]:
    """The reviews of the published workflows, or of one, that no one could decide at a site: `workflow: message`."""
    from flowbuilder.analysis.model import Analysis
    from flowbuilder.analysis.rules.trust.undecidable_review import check
    from flowbuilder.engine.stored_plans import definition_of, stored_workflows

    for summary in store.workflows():
        if summary.published is not None and workflow in (None, summary.name):
            definition = definition_of(store.version(summary.name))
            for item in check(Analysis(definition, stored_workflows(store, archived=True), site)):
                yield f"{summary.name}: {item.message}"


def store_sites(store: Store, records: Iterable[JsonObject], *, workflow: str | None = None) -> None:
    """Store the records of site files, by which executions are started and reviews decided.

    `ConfigurationError`, and nothing is stored, when no one could decide a review of a published workflow, or of this
    one, at one of the sites.
    """
    sites = list(records)
    wrong = [
        f"site {record['site']}, {message}"
        for record in sites
        for message in review_problems(store, record, workflow=workflow)
    ]
    if wrong:
        raise ConfigurationError(f"no one could decide some reviews: {'; '.join(wrong)}")
    for record in sites:
        store.save_site(str(record["site"]), record)
