"""Reads the text of one SQL statement: its parameters (`:name`), its first word, and the functions that it calls.

This finds mistakes of authors before anything is sent. It is no fence: values are bound by the driver, and that a query
only reads is enforced by the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<line>--[^\n]*)
    | (?P<comment>/\*)
    | (?P<text>[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|'[^']*(?:''[^']*)*')
    | (?P<name>"[^"]*(?:""[^"]*)*"|`[^`]*`)
    | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
    | (?P<position>\$[0-9]+)
    | (?P<cast>::)
    | (?P<parameter>:[^\W\d]\w*)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>[0-9][\w.]*)
    | (?P<end>;)
    | (?P<open>['"`])
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")
_BEFORE_NO_PARAMETER = re.compile(r'[\w)\]"`:]')
"""What stands before a colon of another meaning, such as a slice of an array: `a[lo:hi]`."""
_READING = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "PRAGMA"})
_TRANSACTION = frozenset(
    {"ABORT", "BEGIN", "COMMIT", "END", "PREPARE", "RELEASE", "ROLLBACK", "SAVEPOINT", "START", "ATTACH", "DETACH"}
)
_COMPOUND = frozenset({"TRIGGER", "ATOMIC"})
"""Words of statements that have semicolons inside."""
_EFFECTS = re.compile(
    r"dblink\w*|lo_(?:creat|create|export|from_bytea|import|put|truncate|truncate64|unlink)|lowrite"
    r"|pg_(?:backup_\w+|cancel_backend|copy_\w+_slot|create_\w+|drop_replication_slot|file_\w+|log_standby_snapshot"
    r"|logical_emit_message|logical_slot_get_\w+|notify|promote|reload_conf|replication_(?:origin|slot)_\w+"
    r"|rotate_logfile|start_backup|stat_reset\w*|stop_backup|switch_wal|terminate_backend|wal_replay_\w+)"
    r"|query_to_xml\w*|load_extension|writefile"
)
"""Functions with effects that a read-only transaction does not hold back."""


@dataclass(frozen=True)
class Parameter:
    """A parameter in the text of a statement: its name, and the offsets of `:name`."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Statement:
    """The text of one statement, and what was found in it. `fault` and `fault_at`: why it cannot be read, and where."""

    text: str
    parameters: tuple[Parameter, ...] = ()
    words: tuple[str, ...] = ()
    """The first word, and all others, in upper case."""
    calls: tuple[tuple[str, int], ...] = ()
    """The functions that it calls, in lower case without their schema, with their offsets."""
    fault: str = ""
    fault_at: int = 0
    fault_hint: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, each once."""
        return tuple(dict.fromkeys(item.name for item in self.parameters))

    @property
    def first(self) -> str:
        """The first word in upper case; empty where there is none."""
        return self.words[0] if self.words else ""

    def with_placeholders(self, placeholder: Callable[[str], str]) -> str:
        """The text with what `placeholder` makes of the name in the place of each parameter."""
        parts, last = [], 0
        for item in self.parameters:
            parts += [self.text[last : item.start], placeholder(item.name)]
            last = item.end
        return "".join((*parts, self.text[last:]))

    def problems(self, *, writes: bool, given: Iterable[str] | None) -> Iterator[tuple[str, str, int]]:
        """What is wrong with it: the message, a hint, and the offset in the text. `given` are the names of the values
        that the step has; None where they are not known yet."""
        if self.fault:
            yield self.fault, self.fault_hint, self.fault_at
            return
        if not self.words:
            yield "the query is empty", "write one SQL statement", 0
            return
        if self.first in _TRANSACTION:
            yield f"{self.first} has no meaning here", "the statement has a transaction and a connection of its own", 0
        elif not writes and self.first not in _READING:
            hint = "give the step an effect, which makes it a write that happens once: effect: {}"
            yield f"{self.first} is no reading statement, and the step has no effect", hint, 0
        if not writes:
            for name, offset in self.calls:
                if _EFFECTS.fullmatch(name):
                    message = f"{name} has effects that a read-only transaction does not hold back"
                    yield message, "give the step an effect: effect: {}", offset
        if given is not None:
            yield from self._unmatched(tuple(given))

    def _unmatched(self, given: tuple[str, ...]) -> Iterator[tuple[str, str, int]]:
        for item in {item.name: item for item in reversed(self.parameters)}.values():
            if item.name not in given:
                hint = f"add {item.name} to the parameters of the step"
                yield f"the query has :{item.name}, and parameters has no {item.name}", hint, item.start

    def unused(self, given: Iterable[str]) -> tuple[str, ...]:
        """The given names that no parameter has."""
        return tuple(name for name in given if name not in self.names)


def read_statement(text: str) -> Statement:
    """Read a statement. Its `fault` says when that is not possible: several statements, an open quote or comment."""
    parameters: list[Parameter] = []
    words: list[str] = []
    calls: list[tuple[str, int]] = []
    place, ended = 0, -1
    while found := _TOKEN.search(text, place):
        kind, start, place = str(found.lastgroup), found.start(), found.end()
        if kind == "line":
            continue
        if kind == "comment":
            place = _end_of_comment(text, place)
            if place < 0:
                return Statement(text, fault="a comment is not closed", fault_at=start)
            continue
        if ended >= 0 and not _COMPOUND.intersection(words):
            fault = "there are several statements, and a step sends one"
            hint = "write a step for each; what must happen together belongs into a function of the database, or a WITH"
            return Statement(text, fault=fault, fault_at=ended, fault_hint=hint)
        if kind == "end":
            ended = start
        elif kind == "open":
            hint = f"close it, or write {found[0]}{found[0]} where it is part of the text"
            return Statement(text, fault="a quote is not closed", fault_at=start, fault_hint=hint)
        elif kind == "dollar":
            place = text.find(found[0], place) + len(found[0])
            if place < len(found[0]):
                return Statement(text, fault=f"the text that {found[0]} begins is not closed", fault_at=start)
        elif kind == "position":
            fault = f"{found[0]} has no value: parameters have names"
            hint = f"write :name in place of {found[0]}, and name: VALUE under parameters"
            return Statement(text, fault=fault, fault_at=start, fault_hint=hint)
        elif kind == "parameter":
            if start and _BEFORE_NO_PARAMETER.match(text, start - 1):
                continue
            parameters.append(Parameter(found[0][1:], start, place))
        elif kind in ("word", "name"):
            if kind == "word":
                words.append(found[0].upper())
            if text[place : place + 64].lstrip().startswith("("):
                calls.append((found[0].strip('"`').lower(), start))
    return Statement(text, tuple(parameters), tuple(words), tuple(calls))


def _end_of_comment(text: str, place: int) -> int:
    """The offset after a comment that may hold others; -1 where it does not end."""
    depth = 1
    while depth:
        found = _COMMENT.search(text, place)
        if found is None:
            return -1
        depth += 1 if found[0] == "/*" else -1
        place = found.end()
    return place
