"""The tracker: the script that a shop's pages load, and that tells the collector of shoppers."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files

__all__ = ["compressed", "etag", "script"]


@cache
def script() -> bytes:
    """Return the tracker as it is served at ``/ebb.js``: JavaScript in UTF-8, read once.

    Examples
    --------
    >>> script().startswith(b"/*! ebb.js")
    True
    """
    return (files(__name__) / "ebb.min.js").read_bytes()


@cache
def compressed() -> bytes:
    """Return the tracker compressed with gzip, for browsers that accept it: below 4 KB.

    Examples
    --------
    >>> len(compressed()) < 4096
    True
    """
    return gzip.compress(script(), 9, mtime=0)


@cache
def etag() -> str:
    """Return the version of the tracker as an entity tag, in its quotes.

    It changes with the content only, so a browser that asks again is told that nothing is new.

    Examples
    --------
    >>> etag()[0], len(etag())
    ('"', 18)
    """
    return f'"{hashlib.sha256(script()).hexdigest()[:16]}"'
