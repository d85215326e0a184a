"""The registry of the language's functions, and the decorator that declares one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeVar

from msgspec import Struct

from flowbuilder.errors import LanguageError
from flowbuilder.language.names import check_key, fault
from flowbuilder.language.nodes import Call, Constant, Expr

Kind = Literal["text", "key", "integer", "number", "boolean", "list", "object", "any"]
Run = TypeVar("Run", bound=Callable[..., Any])

_KINDS: Final[dict[str, Kind]] = {
    "str": "text", "Key": "key", "int": "integer", "int | float": "number", "bool": "boolean",
    "list[Any]": "list", "dict[str, Any]": "object", "Any": "any",
}  # fmt: skip
Key = str
"""The annotation of a parameter that names a member, `"term"`, or a path of members, `"page.title"`."""


class Parameter(Struct, frozen=True, kw_only=True):
    """One parameter; `many` takes all remaining arguments, `by_name` is keyword-only, `nullable` takes null too."""

    name: str
    kind: Kind
    required: bool
    many: bool = False
    by_name: bool = False
    nullable: bool = False


class Function(Struct, frozen=True, kw_only=True):
    """A function of the language; as a filter, its first argument is the piped value.

    `run` takes the meter and the arguments, charges the meter before it works, and returns JSON. `gives` is the type of
    the result for the type checker: a shape in words, or a case of `function_shapes`.
    """

    name: str
    run: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    gives: str
    aliases: tuple[str, ...]
    renamed: dict[str, str]
    former: dict[int, Callable[..., Any]] = {}
    """What it does in an older version of the language, by the last version in which it does so."""

    @property
    def since(self) -> int:
        """The version of the language in which it got its present meaning."""
        return max(self.former, default=0) + 1

    def run_in(self, version: int) -> Callable[..., Any]:
        """`run` as a version of the language has it."""
        return next((self.former[last] for last in sorted(self.former) if version <= last), self.run)

    @property
    def documentation(self) -> str:
        """The docstring: a description with examples of the form `expression` -> `value`."""
        return self.run.__doc__ or ""

    @property
    def signature(self) -> str:
        """The signature for authors: `truncate(value, length, end?)`."""
        names = (
            f"{item.name}..." if item.many else item.name + "=" * item.by_name + "?" * (not item.required)
            for item in self.parameters
        )
        return f"{self.name}({', '.join(names)})"

    def bind(self, call: Call) -> Iterator[tuple[Parameter, Expr]]:
        """Each argument with its parameter; raises FB206 where the call does not match the signature."""
        positional = [item for item in self.parameters if not item.by_name]
        for index, argument in enumerate(call.arguments):
            if index >= len(positional) and not (positional and positional[-1].many):
                most = len(positional) - 1
                takes = f"takes {most or 'no'} argument{'s' * (most != 1)}" if call.piped else "takes fewer arguments"
                raise fault("FB206", f"{self.name} {takes}", argument.start, argument.end, f"write {self.signature}")
            yield positional[min(index, len(positional) - 1)], argument
        given = {item.name for item in positional[: len(call.arguments)]}
        known = {item.name: item for item in self.parameters}
        for written, argument in call.named:
            name = self.renamed.get(written, written)
            if name not in known or known[name].many:
                raise fault(
                    "FB206",
                    f"{self.name} has no argument {name}",
                    argument.start,
                    argument.end,
                    f"write {self.signature}",
                )
            if name in given:
                raise fault("FB206", f"{name} is given twice", argument.start, argument.end)
            given.add(name)
            yield known[name], argument
        missing = [item.name for item in self.parameters if item.required and item.name not in given]
        if missing:
            message = f"{self.name} needs {' and '.join(missing)}"
            raise fault("FB206", message, call.start, call.end, f"write {self.signature}")


FUNCTIONS: Final[dict[str, Function]] = {}
"""Every function by its name and by its aliases."""


def function(
    *,
    gives: str,
    name: str = "",
    aliases: tuple[str, ...] = (),
    renamed: dict[str, str] | None = None,
    former: dict[int, Callable[..., Any]] | None = None,
) -> Callable[[Run], Run]:
    """Declare a function of the language. Its parameters are those of the Python function after the meter.

    `renamed` maps keyword names of other template languages to ours; `former` is what it did before, with the same
    parameters.
    """

    def declare(run: Run) -> Run:
        own = name or run.__name__.rstrip("_")
        made = Function(
            name=own,
            run=run,
            parameters=tuple(_parameters(run)),
            gives=gives,
            aliases=aliases,
            renamed=renamed or {},
            former=former or {},
        )
        for alias in (own, *aliases):
            FUNCTIONS[alias] = made
        return run

    return declare


def check_arguments(function: Function, call: Call) -> None:
    """Raise FB206 for arguments that do not match, FB205 for a key that is never data."""
    for parameter, argument in function.bind(call):
        if parameter.kind == "key" and isinstance(argument, Constant) and isinstance(argument.value, str):
            for part in argument.value.split("."):
                check_key(part, argument.start, argument.end)


def bad_argument(function: str, message: str) -> LanguageError:
    """The error of an argument of the right type with an invalid value."""
    return LanguageError("type", f"{function}: {message}", stage="run")


def _parameters(run: Callable[..., Any]) -> Iterator[Parameter]:
    code = run.__code__
    names = code.co_varnames[1 : code.co_argcount]
    optional = len(run.__defaults__ or ())
    for index, name in enumerate(names):
        written = str(run.__annotations__[name])
        annotation = written.removesuffix(" | None")
        yield Parameter(
            name=name.rstrip("_"),
            kind=_KINDS[annotation],
            required=index < len(names) - optional,
            nullable=annotation != written,
        )
    after = code.co_argcount + code.co_kwonlyargcount
    for name in code.co_varnames[code.co_argcount : after]:
        yield Parameter(name=name, kind=_KINDS[str(run.__annotations__[name])], required=False, by_name=True)
    if code.co_flags & 0x04:
        name = code.co_varnames[after]
        yield Parameter(name=name, kind=_KINDS[run.__annotations__[name]], required=False, many=True)
