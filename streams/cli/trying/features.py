"""``ebb features``: everything that is known of a customer, from the one catalogue."""

from __future__ import annotations

import json
from itertools import groupby

import click

from streams.cli.context import Context


@click.command(epilog="Example: ebb features --json | jq -r .features[].name")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def features(context: Context, as_json: bool) -> None:
    """List the features: name, unit, default and meaning, in the order of the vector.

    Settings such as features.traits add to them.
    """
    from features import build_catalogue
    from streams.composition import definition_of

    catalogue = build_catalogue(definition_of(context.settings))
    if as_json:
        listed = [
            {
                "name": feature.name,
                "group": feature.group,
                "unit": feature.unit,
                "default": feature.default,
                "meaning": feature.meaning,
            }
            for feature in catalogue.features
        ]
        click.echo(json.dumps({"catalogue": catalogue.fingerprint, "features": listed}))
        return
    names = max(len(feature.name) for feature in catalogue.features)
    units = max(len(feature.unit) for feature in catalogue.features)
    for group, members in groupby(catalogue.features, key=lambda feature: feature.group):
        click.secho(f"\n{group}", bold=True)
        for feature in members:
            click.echo(
                f"  {feature.name:{names}}  {feature.unit:{units}}  {feature.default:>5g}  "
                f"{feature.meaning}"
            )
    click.echo(f"\n{len(catalogue.features)} features, catalogue {catalogue.fingerprint}")
