"""What people type: ``ebb`` and its commands, a room for each section of the help.

A command is imported when it is called, so that ``ebb --help`` answers at once and
``ebb features`` needs neither Kafka nor Redis. To add one, write it in its room as a click command
with ``@click.pass_obj`` (the object is a `Context`) and give it a line at the room's door. What
commands of several rooms need lies beside the rooms, and no room knows another.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from streams.cli import collecting, deciding, notifying, replaying, running, trying, watching
from streams.cli.context import Context
from streams.cli.errors import Problem
from streams.cli.wording import in_words

#: The commands by the sections of the help: a room for each.
COMMANDS: Final = {
    "Trying": trying.COMMANDS,
    "Running": running.COMMANDS,
    "Collecting": collecting.COMMANDS,
    "Notifying": notifying.COMMANDS,
    "Watching": watching.COMMANDS,
    "Replaying": replaying.COMMANDS,
    "Deciding": deciding.COMMANDS,
}
_PLACES: Final = {name: entry for group in COMMANDS.values() for name, entry in group.items()}
#: What a shell reports for a program that SIGINT or SIGPIPE ended.
_STOPPED: Final = 128 + signal.SIGINT
_PIPE_CLOSED: Final = 141


class LazyGroup(click.Group):
    """The commands, imported when called, and their errors in words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, and let it take the options that all commands take."""
        if cmd_name not in _PLACES:
            return None
        module, _, function = _PLACES[cmd_name].place.partition(":")
        try:
            command = getattr(import_module(module), function)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise Problem(f"ebb {cmd_name} is not part of this version yet") from None
        _take_shared_options(command)
        return command  # type: ignore[no-any-return]  # import_module gives Any

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest the one that was probably meant."""
        name = args[0]
        if name not in _PLACES and not name.startswith("-"):
            import difflib

            close = difflib.get_close_matches(name, _PLACES, n=1)
            hint = f"did you mean {close[0]}?" if close else "ebb --help lists them all."
            ctx.fail(f"No such command {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by what they are for, without importing them."""
        for title, entries in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.meaning) for name, entry in entries.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a user error ends with one clear line, never with a traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(_STOPPED)
        except BrokenPipeError:
            # Whoever read has seen enough. Python would complain again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_PIPE_CLOSED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            told = in_words(error, ctx.obj) if isinstance(ctx.obj, Context) else None
            if told is None:
                raise
            raise told from None


def _config(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(Context).config = value


def _kafka(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Context).options["kafka.bootstrap"] = value


def _redis(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Context).options["redis.url"] = value


def _set(ctx: click.Context, _: click.Parameter, value: tuple[str, ...]) -> None:
    for pair in value:
        ctx.ensure_object(Context).set(pair)


def _shared_options() -> list[click.Option]:
    """Return the options that stand before or after any command's name."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            expose_value=False,
            callback=_config,
            help="Settings file.  [default: ebbtide.toml, if there is one]",
        ),
        click.Option(
            ["--kafka"],
            metavar="HOST:PORT",
            expose_value=False,
            callback=_kafka,
            help="Kafka's bootstrap servers.",
        ),
        click.Option(
            ["--redis"],
            metavar="URL",
            expose_value=False,
            callback=_redis,
            help="Redis, as redis://HOST:PORT/DB.",
        ),
        click.Option(
            ["--set"],
            metavar="KEY=VALUE",
            multiple=True,
            expose_value=False,
            callback=_set,
            help="Any other setting; may be repeated.",
        ),
    ]


def _take_shared_options(command: click.Command) -> None:
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _take_shared_options(child)
        return
    taken = {word for parameter in command.params for word in parameter.opts}
    command.params.extend(
        option for option in _shared_options() if not taken.intersection(option.opts)
    )


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib import metadata

        try:
            number = metadata.version("ebbtide")
        except metadata.PackageNotFoundError:
            number = "(run from its source, not installed)"
        click.echo(f"ebb {number}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    params=_shared_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: ebb demo. All settings: ebb doctor --settings.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print the version.",
)
@click.pass_context
def ebb(ctx: click.Context) -> None:
    """See shoppers drift away, know why, and reach them while it can still matter."""
    import logging

    ctx.ensure_object(Context)
    # kafka-python warns about every attempt to connect; what matters comes as an exception.
    # A command that sets up logging of its own still sees all of it.
    logging.getLogger("kafka").addHandler(logging.NullHandler())


def main() -> None:
    """Run ``ebb``; the console entry."""
    ebb(prog_name="ebb")


__all__ = ["COMMANDS", "Context", "ebb", "main"]
