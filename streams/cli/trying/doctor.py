"""``ebb doctor``: what is reachable, what is misconfigured, and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from streams.cli.context import Context

if TYPE_CHECKING:
    from streams.cli.trying.checkup import Finding

_COLOURS: Final = {"ok": "green", "warning": "yellow", "problem": "red", "away": "red"}


@click.command(epilog="Example: ebb doctor --kafka broker:9092")
@click.option("--settings", "list_settings", is_flag=True, help="List every setting instead.")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.option("--markdown", is_flag=True, hidden=True, help="The settings as docs/settings.md.")
@click.pass_obj
def doctor(context: Context, list_settings: bool, as_json: bool, markdown: bool) -> None:
    """Check Python, settings, Kafka, topics and Redis; say what is wrong and the cure.

    The exit code is 0 when all is well, warnings included, 1 when something is wrong, and 3
    when a server is away. --settings prints each key, its value and where that was read.
    """
    if markdown:
        click.echo(settings_page(), nl=False)
        return
    if list_settings:
        _list_settings(context, as_json)
        return
    # A wrong setting ends this here, before any server is asked.
    _ = context.settings
    from streams.cli.trying.checkup import examine

    found = []
    for finding in examine(context):
        found.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        click.echo(json.dumps([_as_dict(finding) for finding in found]))
    levels = {finding.level for finding in found}
    if "away" in levels:
        raise click.exceptions.Exit(3)
    if "problem" in levels:
        raise click.exceptions.Exit(1)


def _show(finding: Finding) -> None:
    word = click.style(f"{finding.level:8}", fg=_COLOURS[finding.level])
    click.echo(f"{word} {finding.area:9} {finding.text}")
    if finding.mend:
        click.echo(f"{'':19}mend: {finding.mend}")


def _as_dict(finding: Finding) -> dict[str, str]:
    return {
        "area": finding.area,
        "level": finding.level,
        "text": finding.text,
        "mend": finding.mend,
    }


def _list_settings(context: Context, as_json: bool) -> None:
    from streams.settings import keys

    loaded = context.loaded
    rows = [(key, loaded.value(key), loaded.sources[name]) for name, key in keys().items()]
    if as_json:
        listed = [
            {"key": key.name, "value": value, "source": source, "environment": key.env}
            for key, value, source in rows
        ]
        click.echo(json.dumps(listed))
        return
    names = max(len(key.name) for key, _, _ in rows)
    values = min(40, max(len(value) for _, value, _ in rows))
    for key, value, source in rows:
        # What somebody set is what one looks for here.
        click.secho(f"{key.name:{names}}  {value:{values}}  {source}", bold=source != "default")


def settings_page() -> str:
    """Return ``docs/settings.md``: every setting, in the order of the code."""
    return "\n".join(_settings_lines()) + "\n"


def _settings_lines() -> Iterator[str]:
    from streams.sections import Settings
    from streams.settings import keys

    yield from (
        "# Settings",
        "",
        "<!-- Made by: ebb doctor --markdown > docs/settings.md -->",
        "",
        "Read once at the start, from four places; later wins: the defaults, `ebbtide.toml` in",
        "the working folder (or `--config FILE`, or `EBB_CONFIG`), the environment, the command",
        "line (`--set KEY=VALUE`, `--kafka`, `--redis`). An empty variable counts as not set. A",
        "secret is read from the environment only. `ebb doctor --settings` prints each value and",
        "where it was read.",
        "",
        "Durations are written with their unit: `90s`, `6h`, `30d`, `12w`. Lists are written",
        '`["a", "b"]` in the file, `a,b` elsewhere.',
        "",
        "```toml",
        "[churn]",
        'horizon = "30d"',
        'activity = ["purchase"]',
        "```",
    )
    section = ""
    for name, key in keys().items():
        if name.partition(".")[0] != section:
            section = name.partition(".")[0]
            model = Settings.model_fields[section].annotation
            yield from (
                "",
                f"## {section}",
                "",
                (model.__doc__ or "") if model else "",
                "",
                "| key | environment | default | meaning |",
                "|---|---|---|---|",
            )
        default = "" if key.secret else key.shown(key.default)
        yield f"| `{name}` | `{key.env}` | {f'`{default}`' if default else ''} | {key.meaning} |"
