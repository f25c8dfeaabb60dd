"""Checks of a data set: description, splits without leaks, repeatable loading."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_qd import registry
from keras_qd.data.dataset import SPLITS, Dataset
from keras_qd.errors import UnknownNameError
from keras_qd.registry import components
from keras_qd.testing.findings import Findings, find_registered, survives_json

_OTHER_SEED = 20_231_107


def check_dataset(
    name: str,
    *,
    config: Mapping[str, Any] | None = None,
    identity: str | None = None,
) -> None:
    """Check a registered data set.

    It must be found by its name; every split must have every field, with the shape, type and limits
    that its description says, and finite values; no sample may be in two splits; loaded again it
    must be the same, with another ``seed`` (where it takes one) another; and read piece by piece it
    must be what it is as a whole. Data sets run on no backend, so there is none to choose.

    Parameters
    ----------
    name : str
        The registered name.
    config : mapping, optional
        Settings of the data set, such as a small number of samples.
    identity : str, optional
        The field by which samples are distinguished; by default the one with the most values.

    Raises
    ------
    ConformanceError
        If anything is wrong; it lists all that is.

    Examples
    --------
    >>> from keras_qd.testing import check_dataset
    >>> check_dataset("mnist", config={"subset": True})
    """
    config = dict(config or {})
    found = Findings(f"the data set {name!r}")
    if find_registered(found, "datasets", name) is not None:
        dataset = found.attempt("loading it", registry.load, name, **config)
        if dataset is not None:
            _check_loaded(found, dataset, name, config, identity)
    found.raise_if_any()


def _check_loaded(
    found: Findings, dataset: Dataset, name: str, config: dict[str, Any], identity: str | None
) -> None:
    found.attempt("reading its metadata", _check_metadata, found, dataset)
    splits = found.attempt("reading its splits", _read, dataset)
    if splits is None:
        return
    if _check_fields(found, dataset, splits):
        found.attempt("comparing its splits", _check_disjoint, found, splits, identity)
        found.attempt("reading it in pieces", _check_pieces, found, dataset, splits)
    found.attempt("asking for an unknown split", _check_unknown_split, found, dataset)
    found.attempt("loading it again", _check_seeds, found, splits, name, config)
    if "memory_budget" in inspect.signature(components("datasets").get(name)).parameters:
        found.attempt("streaming it", _check_streaming, found, splits, name, config)


def _read(dataset: Dataset) -> dict[str, dict[str, np.ndarray]]:
    return {
        split: {field: np.asarray(values) for field, values in dataset.split(split).items()}
        for split in SPLITS
    }


def _check_metadata(found: Findings, dataset: Dataset) -> None:
    metadata = dataset.metadata
    found.require(
        survives_json(metadata), "its metadata hold what JSON cannot", "keep to plain values"
    )
    found.require(
        isinstance(metadata.get("digest"), str),
        "its metadata have no digest",
        "add a text that differs for every other content: runs distinguish data sets by it",
    )


def _check_fields(found: Findings, dataset: Dataset, splits: Mapping[str, Any]) -> bool:
    before = len(found.errors)
    for split, arrays in splits.items():
        if found.require(
            set(arrays) == set(dataset.fields),
            f"the {split} split has the fields {', '.join(sorted(arrays))}, described are "
            f"{', '.join(sorted(dataset.fields))}",
            "describe every field, and give it in every split",
        ):
            for name, values in arrays.items():
                _check_array(found, f"{name} of the {split} split", values, dataset.fields[name])
            lengths = {len(values) for values in arrays.values()}
            found.require(
                len(lengths) == 1,
                f"the fields of the {split} split have {sorted(lengths)} samples",
                "give every field of every sample",
            )
            found.require(
                split == "validation" or max(lengths, default=0) > 0,
                f"the {split} split is empty",
                "keep samples for it: without them nothing can be trained or evaluated",
            )
    return len(found.errors) == before


def _check_array(found: Findings, what: str, values: np.ndarray, field: Any) -> None:
    found.require(
        values.shape[1:] == tuple(field.shape),
        f"samples of {what} have shape {values.shape[1:]}, described as {tuple(field.shape)}",
        "give every sample the shape of its Field",
    )
    found.require(
        values.dtype == np.dtype(field.dtype),
        f"{what} is {values.dtype}, described as {field.dtype}",
        "cast the array, or change the dtype of its Field",
    )
    if field.nullable or not len(values):
        return
    finite = np.isfinite(values)
    found.require(
        bool(finite.all()),
        f"{what} holds NaN or infinity{_first(~finite)}",
        "remove those samples, or make the field nullable",
    )
    if finite.all() and field.limits is not None:
        low, high = float(values.min()), float(values.max())
        outside = (values < field.limits[0]) | (values > field.limits[1])
        found.require(
            not outside.any(),
            f"{what} goes from {low:g} to {high:g}, its limits are {field.limits}{_first(outside)}",
            "limits are what can occur at all; scalings rely on them",
        )


def _first(wrong: np.ndarray) -> str:
    """Name the first sample that has something wrong."""
    rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
    return f", first in sample {rows[0]}" if rows.size else ""


def _check_disjoint(found: Findings, splits: Mapping[str, Any], identity: str | None) -> None:
    training = splits["train"]
    key = identity or max(training, key=lambda name: training[name][:1].size)
    prints = {split: {row.tobytes() for row in arrays[key]} for split, arrays in splits.items()}
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        shared = len(prints[first] & prints[second])
        found.require(
            not shared,
            f"{shared} samples are in the {first} and in the {second} split, by their {key}",
            "put samples that are equal in what goes in on one side, as "
            "keras_qd.data.split_rows does",
        )


def _check_pieces(found: Findings, dataset: Dataset, splits: Mapping[str, Any]) -> None:
    for name, values in dataset.split("train").items():
        whole = splits["train"][name]
        size = max(1, len(whole) // 3)
        pieces = [np.asarray(values[i : i + size]) for i in range(0, len(whole), size)]
        rows = [len(whole) - 1, 0]
        found.require(
            np.array_equal(np.concatenate(pieces), whole, equal_nan=whole.dtype.kind == "f")
            and np.array_equal(np.asarray(values[rows]), whole[rows], equal_nan=True),
            f"slices or rows of {name} are not what they are in the whole",
            "return arrays, or what slices and lists of rows give arrays of",
        )


def _check_unknown_split(found: Findings, dataset: Dataset) -> None:
    try:
        dataset.split("no-such-split")
    except UnknownNameError:
        return
    found.add("it has a split called 'no-such-split'", "raise UnknownNameError for unknown names")


def _check_seeds(
    found: Findings, splits: Mapping[str, Any], name: str, config: dict[str, Any]
) -> None:
    again = registry.load(name, **config)
    found.require(
        _equal(splits, _read(again)),
        "loaded again with the same settings it holds other values",
        "draw from numpy.random.default_rng(seed), with seed a setting that has a default",
    )
    digest = registry.load(name, **config).metadata.get("digest")
    found.require(
        digest == again.metadata.get("digest"),
        "loaded again it has another digest",
        "let the digest depend on the content alone: a run cannot be resumed otherwise",
    )
    if "seed" in inspect.signature(components("datasets").get(name)).parameters:
        other = registry.load(name, **{**config, "seed": _OTHER_SEED})
        found.require(
            not _equal(splits, _read(other)) and other.metadata.get("digest") != digest,
            "another seed leaves values or digest as they were",
            "draw everything that is random from the seed",
        )


def _check_streaming(
    found: Findings, splits: Mapping[str, Any], name: str, config: dict[str, Any]
) -> None:
    streamed = registry.load(name, **{**config, "memory_budget": 1})
    found.require(
        _equal(splits, _read(streamed)),
        "with memory_budget=1, so that it is read in pieces, it holds other values",
        "let the budget decide how it is read, and nothing else",
    )


def _equal(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two sets of splits hold the same values."""
    pairs: Sequence[tuple[Any, Any]] = [(first[split], second[split]) for split in SPLITS]
    return all(
        set(a) == set(b)
        and all(np.array_equal(a[n], b[n], equal_nan=a[n].dtype.kind == "f") for n in a)
        for a, b in pairs
    )
