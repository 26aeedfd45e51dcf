"""``ebb models``: what can judge, one line each."""

from __future__ import annotations

import json
from importlib.util import find_spec

import click

from streams.cli.context import Context


@click.command(epilog="Example: ebb models --json | jq -r '.models[] | select(.live) | .name'")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def models(context: Context, as_json: bool) -> None:
    """List the models that model.name and ebb backtest --model may name.

    The one that the settings name is marked with a star.
    """
    from models.registry import REGISTRY

    chosen = context.settings.model.name
    listed = [
        {
            "name": name,
            "meaning": entry.meaning,
            "source": entry.source,
            "chosen": name == chosen,
            "live": entry.live,
            "stages": entry.stages,
            "extra": entry.extra or None,
            "installed": all(find_spec(module) is not None for module in entry.needs),
        }
        for name, entry in REGISTRY.items()
    ]
    if as_json:
        click.echo(json.dumps({"models": listed}))
        return
    width = max(len(name) for name in REGISTRY)
    for each in listed:
        remarks = []
        if each["stages"]:
            remarks.append("judges in stages")
        if not each["live"]:
            remarks.append("backtest only")
        if not each["installed"]:
            remarks.append(f"needs pip install 'ebbtide[{each['extra']}]'")
        mark = "*" if each["chosen"] else " "
        remark = f" [{'; '.join(remarks)}]" if remarks else ""
        click.echo(f"{mark} {each['name']:{width}}  {each['meaning']}{remark}")
    if chosen not in REGISTRY:
        click.echo(f"\nThe settings name {chosen!r}, which is none of them.", err=True)
