from __future__ import annotations

from pathlib import Path

import pytest

from streams.recorded.mapping import MappingError
from streams.recorded.mapping_files import built_in_mappings, load_mapping, parse_mapping

LEAST = 'customer = "id"\ntime = "at"\ntype = { constant = "purchase" }\n'


@pytest.mark.parametrize("name", built_in_mappings())
def test_every_mapping_that_comes_along_can_be_read(name: str) -> None:
    assert load_mapping(name).customer


def test_a_column_name_is_enough_for_time_and_type() -> None:
    mapping = parse_mapping('customer = "id"\ntime = "at"\ntype = "what"', "m.toml")
    assert (mapping.time.column, mapping.time.format, mapping.time.zone) == ("at", "iso", "UTC")
    assert mapping.type.column == "what"


def test_a_file_of_the_users_wins_with_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cdnow").write_text(LEAST)
    assert load_mapping("./cdnow").customer == "id"
    assert load_mapping("cdnow").customer == "customer_id"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("customer", "m.toml: not valid TOML"),
        ('time = "t"\ntype = "e"', 'm.toml: customer: missing; write customer = "column"'),
        (LEAST + 'amout = "x"', "m.toml: amout: not a key of a mapping; did you mean amount?"),
        (LEAST + "[file]\ndelimeter = ';'", "file.delimeter: not a key of a mapping; did you"),
        (LEAST.replace('"at"', '{ column = "a", format = "epoch" }'), "time.format: 'epoch' is no"),
        (LEAST.replace('"at"', '{ column = "a", zone = "Berlin" }'), "time.zone: 'Berlin' is no"),
        (LEAST.replace("constant", "value"), "type.value: not a key of a mapping"),
        (
            LEAST.replace('{ constant = "purchase" }', "{}"),
            'type: write either { column = "..." } or { constant = "..." }',
        ),
        (LEAST + "[file]\ndelimiter = '::'", "file.delimiter: '::' is no delimiter"),
        (LEAST + "[file]\nheader = false", "file: a file without a header needs columns"),
        (LEAST + "[file]\nheader = true\ncolumns = ['a']", "file: columns are for a file without"),
        (LEAST + "[file]\nencoding = 'utf-9'", "file.encoding: 'utf-9' is no encoding"),
        (LEAST + "[file]\nformat = 'xlsx'", "file.format: input should be 'csv', 'jsonl' or"),
        ("amount = 3\n" + LEAST, "m.toml: amount: input should be a valid string"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_said_with_its_key(toml: str, said: str) -> None:
    with pytest.raises(MappingError) as error:
        parse_mapping(toml, "m.toml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_every_wrong_key_gets_a_line() -> None:
    with pytest.raises(MappingError) as error:
        parse_mapping('customer = ""\n', "m.toml")
    assert [line.split(":")[1].strip() for line in str(error.value).splitlines()] == [
        "customer",
        "time",
        "type",
    ]


def test_a_data_file_given_as_mapping_is_said_to_be_none(tmp_path: Path) -> None:
    data = tmp_path / "data.parquet"
    data.write_bytes(b"PAR1\xff\xff")
    with pytest.raises(MappingError, match=r"data\.parquet: not UTF-8 text; a mapping is a TOML"):
        load_mapping(data)
