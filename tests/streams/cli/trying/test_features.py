"""``ebb features``."""

from __future__ import annotations

import json
import subprocess
import sys

from click.testing import CliRunner, Result

from features import build_catalogue
from streams.cli import ebb
from streams.cli.context import Context
from streams.composition import definition_of
from streams.settings import Settings
from tests.servers.commands import clean_environment


def run(*arguments: str) -> Result:
    return CliRunner().invoke(ebb, ["features", *arguments], obj=Context(environ={}))


def test_every_feature_is_listed_for_a_machine_in_the_order_of_the_vector() -> None:
    listed = json.loads(run("--json").stdout)
    catalogue = build_catalogue(definition_of(Settings()))
    assert listed["catalogue"] == catalogue.fingerprint
    assert [feature["name"] for feature in listed["features"]] == list(catalogue.names)
    assert set(listed["features"][0]) == {"name", "group", "unit", "default", "meaning"}


def test_every_feature_is_shown_to_people_with_its_meaning() -> None:
    shown = run().stdout
    for feature in build_catalogue(definition_of(Settings())).features:
        assert any(
            line.split()[:1] == [feature.name] and line.endswith(feature.meaning)
            for line in shown.splitlines()
        )


def test_a_trait_named_in_the_settings_becomes_features() -> None:
    assert "trait_tier_0" in run("--set", "features.traits=tier").stdout


def test_a_sensitive_trait_is_refused_with_what_to_do() -> None:
    result = run("--set", "features.traits=gender")
    assert result.exit_code == 2
    assert "gender" in result.output and "take it out of one of the two" in result.output


def test_the_catalogue_needs_no_faust_no_river_and_no_server() -> None:
    code = (
        "import sys\n"
        "from streams.cli import main\n"
        "try: main()\n"
        "finally: print([m for m in ('faust', 'river', 'kafka', 'redis')"
        " if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "features"],
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment({}),
    )
    assert done.stderr == "[]\n"
