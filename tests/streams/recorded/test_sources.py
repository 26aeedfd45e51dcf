from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from streams.recorded.compression import SourceError
from streams.recorded.mapping import MappingError
from tests.streams.recorded.conftest import SHOP, Read

CSV = "customer,time,amount\nada,2026-01-02,2.5\ngrace,2026-01-01,1\n"
JSONL = (
    '{"customer": "ada", "time": "2026-01-02", "amount": 2.5}\n'
    '{"customer": "grace", "time": "2026-01-01", "amount": 1}\n'
)


def _zipped(*names: str) -> Callable[[bytes], bytes]:
    def pack(content: bytes) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, content)
        return packed.getvalue()

    return pack


def _zstandard(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


def _table(content: pa.Table) -> bytes:
    packed = io.BytesIO()
    parquet.write_table(content, packed)
    return packed.getvalue()


PARQUET = _table(
    pa.table(
        {
            "customer": ["ada", "grace"],
            "time": pa.array(
                [1_767_312_000_000_000_001, 1_767_225_600_000_000_000],  # the first ends in 1 ns
                pa.timestamp("ns", "UTC"),
            ),
            "amount": [2.5, 1.0],
        }
    )
)


@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        bz2.compress,
        lzma.compress,
        _zipped("a.csv"),
        _zipped("a.csv", "__MACOSX/._a.csv"),
        _zstandard,
    ],
)
@pytest.mark.parametrize("content", [CSV.encode(), JSONL.encode(), PARQUET])
def test_the_same_events_come_from_every_format_and_compression(
    read: Read, pack: Callable[[bytes], bytes], content: bytes
) -> None:
    events, rejected = read(pack(content))
    assert [(event.user_id, event.amount) for event in events] == [("grace", 1.0), ("ada", 2.5)]
    assert not rejected
    plain, _ = read(CSV)
    assert [event.event_id for event in events] == [event.event_id for event in plain]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "  ", " \t "])
def test_the_delimiter_is_recognised(read: Read, delimiter: str) -> None:
    events, _ = read(CSV.replace(",", delimiter))
    assert [event.user_id for event in events] == ["grace", "ada"]


def test_quoted_cells_may_hold_delimiters_and_line_ends(read: Read) -> None:
    content = 'customer,time,note\nada,2026-01-01,"red, large\nand soft"\ngrace,2026-01-01,x\n'
    events, _ = read(content, SHOP.replace('amount = "amount"', ""))
    assert [event.properties["note"] for event in events] == ["red, large\nand soft", "x"]


def test_a_row_is_named_by_the_line_it_starts_on(read: Read) -> None:
    content = (
        "customer,time,amount,note\n"
        'ada,2026-01-01,1,"two\nlines"\n\n'
        "ada,2026-01-01,x,\nb,2026-01-01,1,\n"
    )
    _, rejected = read(content)
    assert [(row.line, row.reason) for row in rejected] == [(5, "amount is not a number: 'x'")]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_names(read: Read) -> None:
    events, _ = read(b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())
    assert len(events) == 2


def test_a_file_without_a_header_takes_its_names_from_the_mapping(read: Read) -> None:
    layout = '[file]\ncolumns = ["customer", "time", "amount"]'
    events, _ = read(CSV.partition("\n")[2], SHOP + layout)
    assert [event.user_id for event in events] == ["grace", "ada"]


def test_another_encoding_is_read_when_the_mapping_names_it(read: Read) -> None:
    content = CSV.replace("ada", "zoë").encode("latin-1")
    events, _ = read(content, SHOP + '[file]\nencoding = "latin-1"')
    assert events[1].user_id == "zoë"


def test_bytes_that_are_no_text_reject_their_row_only(read: Read) -> None:
    events, rejected = read(CSV.replace("ada", "zoë").encode("latin-1"))
    assert [event.user_id for event in events] == ["grace"]
    assert [(row.line, row.kind) for row in rejected] == [
        (2, "bytes that are not text; set file.encoding in the mapping")
    ]


def test_a_row_with_too_few_or_too_many_cells_is_rejected(read: Read) -> None:
    _, rejected = read(CSV + CSV.partition("\n")[2] + "ada\na,b,c,d\n")
    assert [row.reason for row in rejected] == ["1 cells for 3 columns", "4 cells for 3 columns"]


def test_a_line_that_is_no_json_object_is_rejected(read: Read) -> None:
    _, rejected = read(JSONL + JSONL + '{"customer": \n[1]\n')
    assert [(row.line, row.kind) for row in rejected] == [
        (5, "not a JSON object"),
        (6, "not a JSON object"),
    ]


def test_a_field_of_an_object_in_an_object_has_a_dotted_name(read: Read) -> None:
    line = '{"user": {"id": 7, "tier": {"name": "gold"}}, "time": "2026-01-01", "tags": ["a"]}'
    mapping = SHOP.replace('"customer"', '"user.id"')
    (event,), _ = read(line, mapping)
    assert event.user_id == "7"
    assert event.properties == {"user.tier.name": "gold", "tags": '["a"]'}


def test_numbers_that_parquet_kept_as_floats_make_plain_ids(read: Read) -> None:
    table = pa.table(
        {"customer": [1029.0], "time": [datetime(2026, 1, 1)], "amount": [1], "x": [float("nan")]}
    )
    (event,), _ = read(_table(table))
    assert (event.user_id, event.properties) == ("1029", {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file has no lines"),
        (b'[{"customer": 1}]', "a JSON array; import reads JSON lines"),
        (b"\x00\x01\x02", "neither text nor Parquet"),
        (b"PAR1 and no more", "not readable as Parquet"),
        (b"a,b,a\n1,2,3\n", "the header names the column 'a' twice"),
        (_zipped("a.csv", "b.csv")(b"a"), "has 2 members (a.csv, b.csv)"),
        (gzip.compress(CSV.encode() * 50, mtime=0)[:-20], "damaged or cut off"),
        (bz2.compress(CSV.encode())[:-4], "damaged or cut off"),
        (PARQUET[: len(PARQUET) // 2], "not readable as Parquet"),
    ],
    # Packed files hold the time at which they were: no names for tests.
    ids=[
        "nothing",
        "empty lines",
        "a JSON array",
        "bytes",
        "half a Parquet name",
        "a column twice",
        "two files in a zip",
        "a gzip cut off",
        "a bzip2 cut off",
        "a Parquet cut off",
    ],
)
def test_a_file_that_cannot_be_read_is_said_to_be_so(read: Read, content: bytes, said: str) -> None:
    with pytest.raises(SourceError) as error:
        read(content)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [CSV.encode(), PARQUET])
def test_a_column_that_the_file_lacks_is_named_with_what_it_has(read: Read, content: bytes) -> None:
    with pytest.raises(MappingError) as error:
        read(content, SHOP.replace('"amount"', '"amounts"'))
    assert str(error.value).endswith(
        "no column 'amounts', which the mapping names as amount; did you mean 'amount'? "
        "The file has: customer, time, amount"
    )


def test_a_line_without_an_end_does_not_fill_memory(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "endless.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(CSV.encode())
        file.write(b"x" * 3_000_000)
        file.write(b"\nada,2026-01-03,3\n")
    events, rejected = read(path)
    assert [event.amount for event in events] == [1.0, 2.5, 3.0]
    assert [row.line for row in rejected] == [4]
