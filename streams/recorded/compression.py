"""Take the wrapping off a file: gzip, bzip2, xz, zip with one member, zstandard, or none."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\x00"
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_DAMAGE: Final = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError, UnicodeError)


class SourceError(ValueError):
    """The file cannot be read; says which and why."""


@contextmanager
def damage_as_source_error(path: Path) -> Iterator[None]:
    """Say it in one line when the file, or its compression, breaks off in the middle."""
    try:
        yield
    except _DAMAGE as error:
        raise SourceError(f"{path}: damaged or cut off: {error}") from None


def open_decompressed(path: Path) -> tuple[IO[bytes], io.BufferedReader]:
    """Open a file and undo its compression, recognised by its first bytes.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    tuple
        The file on disk, whose ``tell`` says how far reading has come, and its content.

    Raises
    ------
    SourceError
        If the file cannot be opened, or its compression is not supported.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
    stream = _unwrap(raw, path)
    if stream is not raw and stream.peek(4).startswith(b"PAR1"):
        # Parquet is read from its end; a compressed stream has none to go to.
        content = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(stream, content)
        content.seek(0)
        stream = io.BufferedReader(cast(Any, content))
    return raw, stream


def _unwrap(raw: io.BufferedReader, path: Path) -> io.BufferedReader:
    head = raw.peek(6)
    opened: Any
    if head.startswith(_GZIP):
        opened = gzip.GzipFile(fileobj=raw)
    elif head.startswith(_BZIP2):
        opened = bz2.BZ2File(raw)
    elif head.startswith(_XZ):
        opened = lzma.LZMAFile(raw)  # noqa: SIM115 - the caller closes it
    elif head.startswith((_ZIP, _EMPTY_ZIP)):
        opened = _only_member(raw, path)
    elif head.startswith(_ZSTD):
        opened = _zstandard(raw, path)
    else:
        return raw
    return io.BufferedReader(opened, 256 * 1024)


def _only_member(raw: IO[bytes], path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(raw)
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:10])
        raise SourceError(
            f"{path}: has {len(members)} members ({names}); import reads a zip with one: unpack it"
        )
    try:
        return archive.open(members[0])
    except (RuntimeError, NotImplementedError) as error:
        raise SourceError(f"{path}: {error}; unpack it first") from None


def _zstandard(raw: IO[bytes], path: Path) -> Any:
    try:
        import pyarrow as pa
    except ImportError:
        raise SourceError(
            f'{path}: reading .zst needs an extra: pip install "ebbtide[parquet]"; or unpack it'
        ) from None
    return pa.CompressedInputStream(raw, "zstd")
