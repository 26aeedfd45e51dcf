"""The script as it is served."""

from __future__ import annotations

import gzip
import hashlib

from streams.collect.tracker import compressed, etag, script
from tests.streams.collect.tracker.street import SOURCE


def test_it_is_below_4_kb_compressed() -> None:
    assert len(gzip.compress(script())) < 4_096
    assert len(compressed()) < 4_096
    assert gzip.decompress(compressed()) == script()


def test_it_was_made_of_its_source() -> None:
    made_of = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    assert script().startswith(f"/*! ebb.js of {made_of},".encode()), "run: make tracker"


def test_its_tag_is_of_its_content() -> None:
    assert etag() == f'"{hashlib.sha256(script()).hexdigest()[:16]}"'
