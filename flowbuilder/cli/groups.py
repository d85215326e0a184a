"""Click groups: one that imports its commands on demand, and one that runs `list` by default."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands are modules of `package`, by section of the help and by folder. A module is imported when
    its command is used, and has the command as `command`."""

    def __init__(self, *, package: str, sections: Mapping[str, Mapping[str, tuple[str, ...]]], **options: Any) -> None:
        super().__init__(context_settings={"help_option_names": ["-h", "--help"]}, **options)
        self._package = package
        self._sections = {
            title: [name for names in folders.values() for name in names] for title, folders in sections.items()
        }
        self._folders = {
            name: folder for folders in sections.values() for folder, names in folders.items() for name in names
        }
        self.params.append(
            click.Option(
                ["--version"],
                is_flag=True,
                expose_value=False,
                is_eager=True,
                callback=_version,
                help="Print the version.",
            )
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The command names, in the order of the sections."""
        return [name for names in self._sections.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None for an unknown name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = import_module(f"{self._package}.{self._folders[cmd_name]}.{cmd_name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, as click does; the error for an unknown one has a suggestion."""
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"unknown command {args[0]}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, each with its first line."""
        for title, names in self._sections.items():
            rows = [
                (name, command.get_short_help_str(70)) for name in names if (command := self.get_command(ctx, name))
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


class DefaultGroup(click.Group):
    """A group that runs its command `list` when no command is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `list` before options that do not belong to the group."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from flowbuilder import __version__

        click.echo(f"flowbuilder {__version__}")
        ctx.exit()
