"""``ebb schema``: the JSON Schemas of the messages, and the AsyncAPI document of the topics."""

from __future__ import annotations

import json
from pathlib import Path

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage
from streams.schemas import WIRES, json_schema


@click.command(epilog="Example: ebb schema event > event.schema.json")
@click.argument("message", required=False, metavar="[MESSAGE]", type=click.Choice(list(WIRES)))
@click.option("--all", "everything", is_flag=True, help="Write all of them; needs --output.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write NAME.schema.json into this folder.",
)
@click.option(
    "--asyncapi",
    "topics",
    is_flag=True,
    help="Print the AsyncAPI 3 document of the public topics, as your settings name them.",
)
@click.pass_obj
def schema(
    context: Context, message: str | None, everything: bool, output: Path | None, topics: bool
) -> None:
    """Print the JSON Schema (2020-12) of a MESSAGE; without one, list them.

    A schema says what is accepted, to the last bound: it is made from the type that decodes.
    """
    if topics:
        if everything or output is not None or message is not None:
            raise Usage("--asyncapi prints one document, and goes with nothing else")
        from streams.asyncapi import asyncapi

        click.echo(json.dumps(asyncapi(context.settings), indent=2))
        return
    if everything and output is None:
        raise Usage("--all writes files; say where with --output DIR")
    if everything and message is not None:
        raise Usage(f"either {message} or --all, not both")
    if output is not None:
        names = list(WIRES) if message is None else [message]
        for name in names:
            click.echo(_write(output, name))
    elif message is not None:
        click.echo(_text(message), nl=False)
    else:
        width = max(map(len, WIRES))
        for name, wire in WIRES.items():
            click.echo(f"{name:{width}}  {wire.found}")


def _text(name: str) -> str:
    return json.dumps(json_schema(name), indent=2) + "\n"


def _write(folder: Path, name: str) -> Path:
    path = folder / f"{name}.schema.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(name), encoding="utf-8")
    except OSError as error:
        raise Problem(f"{path}: cannot be written: {error.strerror}") from None
    return path
