"""River's trees written down as plain data, and read again.

Only the classes listed here are written or made; what is read names nothing else, so that a
snapshot cannot have anything done. An object is made without calling its class, and given its
attributes. What is shared stays shared.

Drift detectors are the exception: River keeps them in compiled code, and they are started anew
where a model is read again. A model with detectors so forgets, at a restart, how its errors went
of late; everything else goes on as if it had never stopped.

Notes
-----
A value is itself if it is None, a truth, a number or a text. All else is a list whose first member
says what it is::

    ["float", text]                      one that is not finite
    ["list", ...]   ["tuple", ...]   ["set", ...]   ["dict", key, value, ...]
    ["counts", kind, key, value, ...]    a defaultdict; kind names what is missing
    ["object", shape, value, ...]        attributes in the order of the shape
    ["detector", shape, value, ...]      its settings
    ["chance", version, state, gauss]    a `random.Random`
    ["same", number]                     the number-th container or object, again

The first member of a shape is the name of a class, the rest are names of attributes.
"""

from __future__ import annotations

import base64
import random
from collections import defaultdict
from functools import partial
from math import isfinite
from typing import Any, Final

import numpy as np
from river import drift, forest, metrics, proba, stats, tree
from river.forest.adaptive_random_forest import BaseTreeClassifier
from river.metrics.confusion import ConfusionMatrix
from river.tree.nodes.arf_htc_nodes import RandomLeafMajorityClass
from river.tree.nodes.branch import NumericBinaryBranch
from river.tree.nodes.hatc_nodes import AdaLeafClassifier, AdaNumBinaryBranchClass
from river.tree.nodes.htc_nodes import LeafMajorityClass
from river.tree.splitter import GaussianSplitter

_CLASSES: Final[dict[str, Any]] = {
    each.__name__: each
    for each in (
        tree.HoeffdingTreeClassifier,
        tree.HoeffdingAdaptiveTreeClassifier,
        forest.ARFClassifier,
        BaseTreeClassifier,
        LeafMajorityClass,
        AdaLeafClassifier,
        RandomLeafMajorityClass,
        NumericBinaryBranch,
        AdaNumBinaryBranchClass,
        GaussianSplitter,
        proba.Gaussian,
        stats.Var,
        stats.Mean,
        metrics.Accuracy,
        ConfusionMatrix,
    )
}
_DETECTORS: Final[dict[str, Any]] = {"ADWIN": drift.ADWIN}
#: What a detector is made with; the rest of it is compiled.
_SETTINGS: Final = ("delta", "clock", "max_buckets", "min_window_length", "grace_period")
#: A bell draws its samples with it; nothing here draws any.
_LEFT_OUT: Final = {"Gaussian": {"_rng"}}
_MISSING: Final[dict[str, Any]] = {
    "int": int,
    "float": float,
    "floats": partial(defaultdict, float),
}
_PLAIN: Final = (str, bool, int, float, type(None))


def _write_missing(factory: Any) -> str:
    for name, known in _MISSING.items():
        if factory is known or (
            isinstance(factory, partial)
            and isinstance(known, partial)
            and (factory.func, factory.args) == (known.func, known.args)
        ):
            return name
    raise ValueError(f"no way to write a defaultdict of {factory!r}")


class _Writer:
    def __init__(self) -> None:
        self.shapes: list[list[str]] = []
        self._places: dict[tuple[str, ...], int] = {}
        self._seen: dict[int, int] = {}
        # Whoever is seen must live as long as its id stands for it.
        self._kept: list[Any] = []

    def _shape(self, *names: str) -> int:
        place = self._places.get(names)
        if place is None:
            place = self._places[names] = len(self.shapes)
            self.shapes.append(list(names))
        return place

    def write(self, value: Any) -> Any:
        if type(value) is float and not isfinite(value):
            return ["float", str(value)]
        if type(value) in _PLAIN:
            return value
        if isinstance(value, np.generic):
            return self.write(value.item())
        if id(value) in self._seen:
            return ["same", self._seen[id(value)]]
        self._seen[id(value)] = len(self._kept)
        self._kept.append(value)
        kind, write = type(value), self.write
        if kind in (list, tuple):
            return [kind.__name__, *map(write, value)]
        if kind is set:
            return ["set", *map(write, sorted(value, key=repr))]
        if kind is dict:
            return ["dict", *self._pairs(value)]
        if kind is defaultdict:
            return ["counts", _write_missing(value.default_factory), *self._pairs(value)]
        if kind is random.Random:
            version, state, gauss = value.getstate()
            text = base64.b64encode(np.array(state, dtype="<u4").tobytes()).decode("ascii")
            return ["chance", version, text, gauss]
        return self._object(value, kind.__name__)

    def _pairs(self, value: dict[Any, Any]) -> list[Any]:
        return [self.write(each) for pair in value.items() for each in pair]

    def _object(self, value: Any, name: str) -> list[Any]:
        if _DETECTORS.get(name) is type(value):
            settings = [getattr(value, setting) for setting in _SETTINGS]
            return ["detector", self._shape(name, *_SETTINGS), *settings]
        if _CLASSES.get(name) is not type(value):
            raise ValueError(f"no way to write a {name}")
        left_out = _LEFT_OUT.get(name, ())
        kept = {key: each for key, each in vars(value).items() if key not in left_out}
        return ["object", self._shape(name, *kept), *map(self.write, kept.values())]


class _Reader:
    def __init__(self, shapes: list[list[str]]) -> None:
        self._shapes = shapes
        self._seen: list[Any] = []

    def read(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        kind, *parts = value
        if kind == "float":
            return float(parts[0])
        if kind == "same":
            return self._seen[parts[0]]
        place = len(self._seen)
        self._seen.append(None)
        made = self._make(kind, parts, place)
        self._seen[place] = made
        return made

    def _make(self, kind: str, parts: list[Any], place: int) -> Any:
        if kind == "object":
            return self._object(parts, place)
        if kind == "detector":
            shape = self._shapes[parts[0]]
            known = _DETECTORS[shape[0]]
            return known(**dict(zip(_SETTINGS, parts[1:], strict=True)))
        if kind == "chance":
            made = random.Random(0)
            version, text, gauss = parts
            state = np.frombuffer(base64.b64decode(text), dtype="<u4").tolist()
            made.setstate((version, tuple(state), gauss))
            return made
        if kind == "tuple":
            return tuple(map(self.read, parts))
        if kind == "set":
            return set(map(self.read, parts))
        if kind == "list":
            listed: list[Any] = []
            self._seen[place] = listed
            listed.extend(map(self.read, parts))
            return listed
        found: dict[Any, Any] = {}
        if kind == "counts":
            found = defaultdict(_MISSING[parts[0]])
            parts = parts[1:]
        elif kind != "dict":
            raise ValueError(f"nothing is called {kind!r}")
        self._seen[place] = found
        for key, each in zip(parts[::2], parts[1::2], strict=True):
            found[self.read(key)] = self.read(each)
        return found

    def _object(self, parts: list[Any], place: int) -> Any:
        name, *attributes = self._shapes[parts[0]]
        if name not in _CLASSES:
            raise ValueError(f"a {name} is none of the things that a snapshot may hold")
        made = object.__new__(_CLASSES[name])
        self._seen[place] = made
        values = map(self.read, parts[1:])
        given = dict(zip(attributes, values, strict=True))
        vars(made).update(given | dict.fromkeys(_LEFT_OUT.get(name, ())))
        return made


def write(model: Any) -> dict[str, Any]:
    """Return a tree or a forest of River as plain data.

    Raises
    ------
    ValueError
        If there is something in it that is not on the list.

    Examples
    --------
    >>> model = tree.HoeffdingTreeClassifier(leaf_prediction="mc")
    >>> model.learn_one({"silence": 9.0}, True)
    >>> read(write(model)).predict_proba_one({"silence": 9.0})
    {True: 1.0}
    """
    writer = _Writer()
    root = writer.write(model)
    return {"shapes": writer.shapes, "root": root}


def read(data: dict[str, Any]) -> Any:
    """Return what `write` wrote.

    Raises
    ------
    ValueError
        If the data names anything that is not on the list, or makes no sense.
    """
    try:
        return _Reader(data["shapes"]).read(data["root"])
    except ValueError as error:
        raise ValueError(f"the model cannot be read: {error}") from None
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"the model cannot be read: {type(error).__name__} {error}") from None
