"""Who may decide a review: names are compared exactly, and a review that names people and finds none is held. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from flowbuilder.model.invisible_characters import visible

if TYPE_CHECKING:
    from flowbuilder.model.review import Assignment

ANYONE = "anyone"
"""The word for all people, in `assign` and as the members of a site's group."""
SYSTEM = "flowbuilder"
"""The `by` of decisions that no person made: expiries, and withdrawals when an execution ends or rewinds."""
MAX_NAME_LENGTH = 200
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def person(name: str) -> str:
    """The form in which names are compared everywhere: ASCII letters in lower case, all other characters as they are.

    No Unicode folding and no trimming: the Kelvin sign is not k, and `ana ` is not `ana`.
    """
    return name.translate(_LOWER)


def name_problem(name: object) -> str:
    """Why this cannot be the name of a person, as the rest of a sentence ("is missing"); empty when it can."""
    if not isinstance(name, str):
        return "is not a text"
    if not name.strip():
        return "is missing"
    if name != name.strip():
        return "begins or ends with a space"
    if not name.isprintable() or visible(name) != name:
        return "has a character that cannot be seen"
    if len(name) > MAX_NAME_LENGTH:
        return f"is longer than {MAX_NAME_LENGTH} characters"
    return "is a reserved word" if person(name) in (ANYONE, SYSTEM) else ""


class Reviewers(Struct, frozen=True, kw_only=True):
    """The people who may decide a review: `anyone`, or the `people`, in the form of `person`. A review is held when it
    has neither, or when its author may not decide and is not known: no one can decide it, and `held` says why and how
    to mend it."""

    anyone: bool = False
    people: frozenset[str] = frozenset()
    held: str = ""

    def include(self, name: str) -> bool:
        """Whether this person is among them."""
        return self.anyone or person(name) in self.people

    def is_listed_for(self, name: str) -> bool:
        """Whether the review is in this person's queue; a held one that names no people is in everyone's."""
        return self.include(name) or (bool(self.held) and not self.people)


def reviewers_of(assign: Assignment, site_record: Mapping[str, Any]) -> Reviewers:
    """The people of an assignment: those that it names, the members of its group at this site, or both.

    Without a name and a group, all reviewers of the site; a site that names none leaves the decision to anyone.
    """
    if assign.anyone:
        return Reviewers(anyone=True)
    if assign.group is None and assign.people is None:
        return _of_site(site_record)
    anyone, people, problem = False, frozenset[str](), ""
    if assign.group is not None:
        anyone, people, problem = group_members(site_record, assign.group)
    if assign.people is not None:
        named = frozenset(person(name) for name in assign.people if not name_problem(name))
        people |= named
        problem = problem or ("" if named else "its list of people is empty; cancel the execution and start it anew")
    return _decided_by(anyone, people, problem)


def held_without_author(reviewers: Reviewers, assign: Assignment, author: str) -> Reviewers:
    """The reviewers; held where the author of the workflow's version may not decide, and none is recorded."""
    if not assign.not_author or author or reviewers.held:
        return reviewers
    return replace(
        reviewers,
        held="no one can decide this review: its author may not, and who wrote this version of the workflow is not "
        "recorded; cancel the execution, push and publish the workflow again, then start it anew",
    )


def group_members(site_record: Mapping[str, Any], group: str) -> tuple[bool, frozenset[str], str]:
    """Whether a site's group is `anyone`, its members, and why it has none."""
    if not site_record:
        why = f"it is assigned to the group {group}, and the execution has no site; start it anew for a site"
        return False, frozenset(), why
    groups, site = site_record.get("reviewers"), site_record.get("site")
    mend = f"correct the site file, then run `flowbuilder deploy --site {site}`"
    members = groups.get(group) if isinstance(groups, Mapping) else None
    if members == ANYONE:
        return True, frozenset(), ""
    if members is None:
        known = ", ".join(map(str, groups)) if isinstance(groups, Mapping) and groups else "none"
        return False, frozenset(), f"site {site} has no group {group} (its groups: {known}); {mend}"
    if not isinstance(members, list | tuple):
        return False, frozenset(), f"the group {group} of site {site} is not a list of names; {mend}"
    people = frozenset(person(name) for name in members if not name_problem(name))
    return False, people, "" if people else f"the group {group} of site {site} is empty; {mend}"


def assigned_to(assign: Assignment) -> str:
    """The assignment in words: "the group editors", "ana, ben", "the site's reviewers", "anyone"."""
    if assign.anyone:
        return ANYONE
    named = [f"the group {assign.group}"] if assign.group is not None else []
    named += [", ".join(assign.people) or "an empty list"] if assign.people is not None else []
    return " and ".join(named) or "the site's reviewers"


def _of_site(site_record: Mapping[str, Any]) -> Reviewers:
    groups = site_record.get("reviewers")
    if groups is None or groups == {}:
        return Reviewers(anyone=True)
    if not isinstance(groups, Mapping):
        why = f"the reviewers of site {site_record.get('site')} are not groups of names; correct the site file"
        return _decided_by(False, frozenset(), why)
    found = [group_members(site_record, str(group)) for group in groups]
    people = frozenset[str]().union(*(members for _, members, _ in found))
    return _decided_by(any(anyone for anyone, _, _ in found), people, next((why for _, _, why in found if why), ""))


def _decided_by(anyone: bool, people: frozenset[str], problem: str) -> Reviewers:
    if anyone or people:
        return Reviewers(anyone=anyone, people=people)
    return Reviewers(held=f"no one can decide this review: {problem}")
