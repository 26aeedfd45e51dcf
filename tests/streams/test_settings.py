"""Whatever is wrong with a setting is said with its key, its value, its place and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from features import DAY, HOUR
from streams.settings import SettingsError, keys, load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(environ: dict[str, str] | None = None, **options: str) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(environ=environ or {}, options=options)
    return str(error.value)


def written(folder: Path, text: str) -> Path:
    path = folder / "ebbtide.toml"
    path.write_text(text)
    return path


def test_each_of_the_four_places_wins_over_the_one_before(folder: Path) -> None:
    def horizon(environ: dict[str, str], options: dict[str, str]) -> tuple[int, str]:
        loaded = load_settings(environ=environ, options=options)
        return loaded.settings.churn.horizon // DAY, loaded.sources["churn.horizon"]

    assert horizon({}, {}) == (30, "default")
    written(folder, '[churn]\nhorizon = "10d"\n')
    assert horizon({}, {}) == (10, "ebbtide.toml")
    assert horizon({"EBB_HORIZON": "11d"}, {}) == (11, "environment EBB_HORIZON")
    assert horizon({"EBB_HORIZON": "11d"}, {"churn.horizon": "12d"}) == (12, "command line")


def test_places_are_merged_key_by_key_not_section_by_section(folder: Path) -> None:
    written(folder, '[churn]\nhorizon = "10d"\n')
    churn = load_settings(environ={"EBB_ACTIVE": "50d"}).settings.churn
    assert (churn.horizon, churn.active) == (10 * DAY, 50 * DAY)


def test_a_named_file_is_read_instead_of_the_one_in_the_folder(folder: Path) -> None:
    written(folder, '[churn]\nhorizon = "10d"\n')
    other = folder / "other.toml"
    other.write_text('[time]\nlateness = "2h"\n')
    for loaded in (load_settings(other, {}), load_settings(environ={"EBB_CONFIG": str(other)})):
        assert loaded.settings.churn.horizon == 30 * DAY
        assert loaded.settings.time.lateness == 2 * HOUR


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings(environ={"EBB_POLICY": "", "EBB_KAFKA": ""}).settings.policy.file is None


def test_lists_are_written_with_commas_in_the_environment_and_as_lists_in_the_file(
    folder: Path,
) -> None:
    written(folder, '[silence]\nwaits = ["7d", "14d"]\n')
    settings = load_settings(environ={"EBB_ACTIVITY": "purchase, refund"}).settings
    assert settings.silence.waits == (7 * DAY, 14 * DAY)
    assert settings.churn.activity == ("purchase", "refund")


@pytest.mark.parametrize(
    ("variable", "value", "key", "cure"),
    [
        ("EBB_HORIZON", "soon", "churn.horizon", "write a number and a unit, such as 90s, 6h"),
        ("EBB_HORIZON", "30", "churn.horizon", "write a number and a unit"),
        ("EBB_HORIZON", "0d", "churn.horizon", "must be greater than 0"),
        ("EBB_CLOCK", "sun", "time.clock", "must be 'wall' or 'events'"),
        ("EBB_POLICY_THRESHOLD", "2", "policy.threshold", "must be less than 1"),
        ("EBB_POLICY_THRESHOLD", "high", "policy.threshold", "write a number"),
        ("EBB_OFFER_COST", "-1", "offer.cost", "must be greater than or equal to 0"),
        ("EBB_OFFER_COST", "nan", "offer.cost", "must be a finite number"),
        ("EBB_OFFER_MARGIN", "0", "offer.margin", "must be greater than 0"),
        ("EBB_OFFER_SAVED", "20", "offer.saved", "must be less than or equal to 1"),
        ("EBB_OFFER_CAPACITY", "1.5", "offer.capacity", "write a whole number"),
        ("EBB_OFFER_CAPACITY", "0", "offer.capacity", "must be greater than or equal to 1"),
        ("EBB_TOPICS_PARTITIONS", "0", "topics.partitions", "must be greater than or equal to 1"),
        ("EBB_WORKER_BATCH", "many", "worker.batch", "write a whole number"),
        ("EBB_SILENCE_MULTIPLES", "2,x", "silence.multiples", "write a number"),
        ("EBB_ACTIVITY", ",", "churn.activity", "name at least one"),
        ("EBB_TOPICS_PREFIX", "a b", "topics.prefix", "letters, digits, dots"),
        ("EBB_TOPICS_MODELS", "a/b", "topics.models", "letters, digits, dots"),
        ("EBB_KAFKA", "kafka://host:9092", "kafka.bootstrap", "without a scheme"),
        ("EBB_KAFKA", "host:port", "kafka.bootstrap", "write HOST:PORT"),
        ("EBB_KAFKA", "a:1,,b:2", "kafka.bootstrap", "write HOST:PORT"),
        ("EBB_REDIS", "localhost:6379", "redis.url", "write redis://HOST:PORT/DB"),
        ("EBB_REDIS", "http://localhost:6379", "redis.url", "write redis://HOST:PORT/DB"),
        ("EBB_REDIS", "redis://localhost:port/0", "redis.url", "the port is not a number"),
        ("EBB_REDIS", "redis:///0", "redis.url", "the host is missing"),
        ("EBB_REDIS", "redis://localhost/zero", "redis.url", "not the number of a database"),
        ("EBB_REDIS", "redis+cluster://localhost/1", "redis.url", "no databases but 0"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_its_place_and_what_would_be_right(
    variable: str, value: str, key: str, cure: str
) -> None:
    message = said({variable: value})
    assert message.startswith(f"{key} = {value!r} (environment {variable}): ")
    assert cure in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "bootstrap", ["kafka", "kafka:9092", "a:1, b:2", "[::1]:9092", "10.0.0.1:9092"]
)
def test_every_usual_way_to_write_brokers_is_taken(bootstrap: str) -> None:
    assert load_settings(environ={"EBB_KAFKA": bootstrap}).settings.kafka.bootstrap == bootstrap


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://h:1/15", "rediss://u:p@h:1", "redis+cluster://h:1", "redis://[::1]:1/0"],
)
def test_every_usual_way_to_write_a_redis_is_taken(url: str) -> None:
    assert load_settings(environ={"EBB_REDIS": url}).settings.redis.url == url


def test_a_number_without_a_unit_in_the_file_is_not_taken_for_milliseconds(folder: Path) -> None:
    written(folder, "[churn]\nhorizon = 30\n[silence]\nwaits = [7]\n")
    horizon, waits = said().splitlines()
    assert horizon.startswith("churn.horizon = '30' (ebbtide.toml): '30' is not a duration")
    assert waits.startswith("silence.waits = ['7'] (ebbtide.toml): '7' is not a duration")


def test_all_wrong_settings_are_told_at_once() -> None:
    lines = said({"EBB_HORIZON": "soon", "EBB_CLOCK": "sun"}).splitlines()
    assert [line.split()[0] for line in lines] == ["churn.horizon", "time.clock"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[churn\n", "ebbtide.toml: not valid TOML: "),
        ("[churn]\nhorizn = '1d'", "ebbtide.toml: churn.horizn is not a setting; did you mean"),
        ("horizon = '1d'", "horizon stands outside a section; write [section] above it; did you"),
        ("[kafka]\npassword = 'x'", "kafka.password is a secret; set EBB_KAFKA_PASSWORD in the"),
        ("[topics]\nmodels = 3", "topics.models = 3 (ebbtide.toml): write text, in quotes"),
        ("[churn]\nactivity = []", "churn.activity = [] (ebbtide.toml): name at least one"),
        ("[nothing]\nlike = 'it'", "nothing.like is not a setting; ebb doctor --settings lists"),
    ],
)
def test_a_wrong_file_is_explained(folder: Path, text: str, message: str) -> None:
    written(folder, text)
    assert message in said()


def test_a_named_file_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"nix.toml: no such settings file; check --config"):
        load_settings(Path("nix.toml"), {})
    assert "nix.toml: no such settings file" in said({"EBB_CONFIG": "nix.toml"})


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("EBB_HORZON", "EBB_HORIZON"),
        ("EBB_KAFKA_BOOTSTRAP", "EBB_KAFKA"),
        ("EBB_REDIS_URL", "EBB_REDIS"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_one_that_was_meant(
    variable: str, meant: str
) -> None:
    assert said({variable: "x"}) == (
        f"{variable} (environment) is not a setting; did you mean {meant}?"
    )


def test_variables_that_are_not_ours_are_left_alone() -> None:
    load_settings(environ={"PATH": "/bin", "EBB_TEST_KAFKA": "x", "EBB_CONFIG": ""})


def test_an_unknown_option_is_refused_with_the_one_that_was_meant() -> None:
    assert said(**{"churn.horizn": "1d"}) == (
        "churn.horizn (command line) is not a setting; did you mean churn.horizon?"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"churn.active": "10m"}, "churn.active = 10m must be longer than churn.session_gap = 30m"),
        ({"policy.threshold": "0.05"}, "policy.hysteresis = 0.1 must be smaller than policy.thres"),
        ({"kafka.security": "SASL_SSL"}, "kafka.security = SASL_SSL needs kafka.username"),
        ({"topics.models": "training"}, "two topics have the name training"),
    ],
)
def test_settings_that_cannot_go_together_are_refused(
    options: dict[str, str], message: str
) -> None:
    assert message in said(**options)


def test_two_settings_that_clash_are_told_with_the_place_of_the_one_that_was_set() -> None:
    assert said({"EBB_ACTIVE": "10m"}).endswith("(churn.active: environment EBB_ACTIVE)")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hunter2@h:1/0", "redis://:***@h:1/0"),
        ("redis://ada:hunter2@h:1/0", "redis://ada:***@h:1/0"),
        ("redis://ada:hunter2/@x@h:1/0", "redis://ada:***@h:1/0"),
        ("redis://h:1/0?password=hunter2&db=1", "redis://h:1/0?password=***&db=1"),
        ("redis://h:1/0", "redis://h:1/0"),
    ],
)
def test_a_password_in_a_url_is_never_shown(url: str, shown: str) -> None:
    assert keys()["redis.url"].shown(url) == shown


def test_a_wrong_url_is_told_without_its_password() -> None:
    message = said({"EBB_REDIS": "redis://:hunter2@h:port/0"})
    assert "hunter2" not in message
    assert "***" in message


def test_the_password_is_shown_as_set_or_not_set_and_nothing_else() -> None:
    key = keys()["kafka.password"]
    assert load_settings(environ={}).value(key) == ""
    assert load_settings(environ={"EBB_KAFKA_PASSWORD": "hunter2"}).value(key) == "***"


def test_values_are_shown_as_one_would_write_them() -> None:
    loaded = load_settings(environ={"EBB_SILENCE_WAITS": "7d,36h", "EBB_ACTIVITY": "a,b"})
    shown = {name: loaded.value(key) for name, key in keys().items()}
    assert shown["silence.waits"] == "7d,36h"
    assert shown["churn.activity"] == "a,b"
    assert shown["churn.horizon"] == "30d"
    assert shown["policy.file"] == ""
    # ... and reading them again gives the same settings.
    again = load_settings(environ={}, options={name: text for name, text in shown.items() if text})
    assert again.settings == loaded.settings


def test_every_setting_has_a_meaning_and_a_variable_of_its_own() -> None:
    assert all(key.meaning for key in keys().values())
    assert len({key.env for key in keys().values()}) == len(keys())


def test_half_an_offer_says_what_is_missing() -> None:
    assert said({"EBB_OFFER_COST": "5"}) == (
        "offer.cost = 5 says nothing without offer.margin: set both of them, or none "
        "(offer.cost: environment EBB_OFFER_COST)"
    )
    assert said(**{"offer.margin": "90"}).startswith("offer.margin = 90 says nothing without")
