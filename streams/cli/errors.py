"""What a command says when it cannot do what was asked, and the exit code it ends with.

0 done, 1 found a problem, 2 wrong usage, 3 a server is away, 130 stopped with Ctrl-C.
A command raises one of these three; `streams.cli.wording` puts servers' own exceptions and a
wrong setting into words, once, for all commands.
"""

from __future__ import annotations

import click


class Problem(click.ClickException):
    """The command ran and found something wrong: exit 1."""

    exit_code = 1


class Usage(click.ClickException):
    """The command was asked for something that cannot be: exit 2."""

    exit_code = 2


class ServerAway(click.ClickException):
    """A server that the command needs does not answer: exit 3."""

    exit_code = 3
