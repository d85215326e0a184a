"""Contract of workflows, their versions and sites, for every store."""

import pytest

from flowbuilder.errors import NotFound, Refused
from flowbuilder.ports import Store

ODD = {
    "text": "nul \0 and half \ud83d and whole \U0001f600",
    "float": 1e22,
    "small": 0.1,
    "int": 2**62,
    "keys": {"b": 1, "a": 2},
}


def save(store: Store, digest: str = "d1", name: str = "refresh", title: str = "Refresh") -> int:
    return store.save_version(
        name=name, title=title, document={"digest": digest}, source="name: x", digest=digest, author="kim"
    ).number


def test_the_first_version_is_a_draft_with_number_one(store: Store) -> None:
    version = store.save_version(name="refresh", title="Refresh", document=ODD, source="é", digest="d1", author="kim")
    assert (version.number, version.status, version.author, version.source) == (1, "draft", "kim", "é")
    assert store.version("refresh", 1) == version
    assert list(store.version("refresh", 1).document["keys"]) == ["b", "a"]
    assert store.version("refresh", 1).document == ODD


def test_saving_the_same_document_again_makes_no_new_version(store: Store) -> None:
    assert save(store) == save(store) == 1
    assert save(store, "d2") == 2
    assert save(store, "d1") == 3


def test_a_document_saved_after_it_was_archived_is_a_new_draft(store: Store) -> None:
    save(store)
    store.archive("refresh")
    assert store.workflows() == ()
    assert save(store) == 2
    assert [workflow.name for workflow in store.workflows()] == ["refresh"]


def test_publishing_archives_what_was_published_before(store: Store) -> None:
    save(store)
    store.publish("refresh")
    save(store, "d2")
    assert store.version("refresh").number == 1
    assert store.publish("refresh").number == 2
    assert store.version("refresh").number == 2
    assert [version.status for version in store.versions("refresh")] == ["published", "archived"]


def test_publishing_a_published_version_changes_nothing(store: Store) -> None:
    save(store)
    first = store.publish("refresh")
    assert store.publish("refresh", 1) == first


def test_an_archived_version_cannot_be_published(store: Store) -> None:
    save(store)
    store.archive("refresh")
    with pytest.raises(Refused, match="push its document again"):
        store.publish("refresh", 1)


@pytest.mark.parametrize("number", [None, 1, 7])
def test_missing_workflows_versions_and_sites_are_not_found(store: Store, number: int | None) -> None:
    with pytest.raises(NotFound):
        store.version("nowhere", number)
    with pytest.raises(NotFound):
        store.latest_version("nowhere")
    with pytest.raises(NotFound):
        store.versions("nowhere")
    with pytest.raises(NotFound):
        store.publish("nowhere", number)
    with pytest.raises(NotFound):
        store.archive("nowhere")


def test_a_workflow_without_a_published_version_is_reported(store: Store) -> None:
    save(store)
    with pytest.raises(NotFound, match="no published version"):
        store.version("refresh")
    with pytest.raises(NotFound, match="no version 9"):
        store.version("refresh", 9)


def test_summaries_name_the_draft_and_the_published_version(store: Store) -> None:
    save(store)
    store.publish("refresh")
    save(store, "d2", title="Refresh anew")
    save(store, name="audit", title="Audit")
    audit, refresh = store.workflows()
    assert (audit.name, audit.draft, audit.published, audit.latest) == ("audit", 1, None, 1)
    assert (refresh.title, refresh.draft, refresh.published, refresh.latest) == ("Refresh anew", 2, 1, 2)
    assert not refresh.archived


def test_summaries_can_include_the_archived_and_choose_an_account(store: Store) -> None:
    save(store)
    store.archive("refresh")
    (found,) = store.workflows(include_archived=True)
    assert (found.archived, found.draft, found.published) == (True, None, None)
    assert store.workflows(include_archived=True, account="default") == (found,)
    assert store.workflows(include_archived=True, account="other") == ()


def test_a_site_is_replaced_when_it_is_saved_again(store: Store) -> None:
    store.save_site("b.example", {"site": "b.example", "title": "Old"})
    store.save_site("b.example", {"site": "b.example", "title": "New"})
    store.save_site("a.example", {"site": "a.example", **ODD})
    assert store.site("b.example") == {"site": "b.example", "title": "New"}
    assert [site["site"] for site in store.sites()] == ["a.example", "b.example"]
    assert store.site("a.example") == {"site": "a.example", **ODD}
    with pytest.raises(NotFound):
        store.site("c.example")


def test_a_store_returns_copies(store: Store) -> None:
    save(store)
    store.version("refresh", 1).document["digest"] = "changed"
    assert store.version("refresh", 1).document == {"digest": "d1"}


def test_an_installation_has_one_id(store: Store) -> None:
    assert store.install_id() == store.install_id()
    assert len(store.install_id()) == 36
