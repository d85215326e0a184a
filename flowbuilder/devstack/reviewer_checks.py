"""Checks for `doctor` and `sites`: whether reviewers of a site can decide the reviews of its workflows."""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.definition.site_folder import site_files
from flowbuilder.devstack.configuration_checks import current_store
from flowbuilder.settings import Settings


def undecidable_reviews(settings: Settings) -> Iterator[tuple[str, str]]:
    """The names of the sites at which no one could decide a review of a published workflow, each with the reason.

    Nothing where there is no database yet, or one of another release.
    """
    from flowbuilder.prefect.deployments.reviewers import review_problems

    store = current_store(settings)
    if store is None:
        return
    try:
        for file in site_files(settings.sites):
            for message in review_problems(store, file.record) if file.record else ():
                yield file.name, message
    finally:
        store.close()


def sites_without_reviewers(settings: Settings) -> list[str]:
    """The names of the sites whose record names no reviewers: anyone who can open the review app decides."""
    return [file.name for file in site_files(settings.sites) if file.record and not file.record.get("reviewers")]
