"""Inversions as described arrays, and as files that say what they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.field import Field
from keras_qd.data.inverted import Inverted
from keras_qd.errors import UsageError
from keras_qd.evaluation.inverse.problem import InverseProblem
from keras_qd.files import replacing
from keras_qd.physics import FamilyInversion, Inversion
from keras_qd.physics.inversion.outcome import EXPLANATIONS

Array = NDArray[Any]

SUFFIXES = (".npz", ".zarr")
#: The numbers that stand for the reasons in files.
REASONS = tuple(EXPLANATIONS)

_DENSITY, _ENERGY = "1/a0*^2", "Ha*"
#: NaN where the solver refused a potential or knows no other level, or an inversion had ended.
_NULLABLE = ("residuals", "start_residual", "gap")
_DISTANCE = "integral |density - density_wanted| / N"


def as_fields(
    problem: InverseProblem, inversions: Sequence[Inversion], numbers: Sequence[int]
) -> Inverted:
    """Return inversions as arrays by field, described.

    Parameters
    ----------
    problem : InverseProblem
        What they are inversions of.
    inversions : sequence of Inversion
        At least one, all on the same grid.
    numbers : sequence of int
        Which target each is of.
    """
    fields = {**_fields(inversions), **_parameters(inversions)}
    fields["target"] = (Field((), "", "number of the target", "int64"), np.array(numbers))
    arrays = {
        name: np.ascontiguousarray(values, dtype=field.dtype)
        for name, (field, values) in fields.items()
    }
    described = {name: field for name, (field, _) in fields.items()}
    return Inverted(arrays=arrays, described=described, problem=problem.describe())


def check_output(path: Path, force: bool) -> None:
    """Raise `UsageError` unless results can be written to `path`."""
    if path.suffix not in SUFFIXES:
        raise UsageError(f"--out must name a .npz file or a .zarr store, got {path}")
    if path.exists() and not (force and path.suffix == ".npz"):
        way_out = ", or replace it with --force" if path.suffix == ".npz" else ""
        raise UsageError(f"{path} exists already; choose another name{way_out}")


def write_inversions(path: Path, results: Inverted) -> None:
    """Write results, whole or not at all.

    Parameters
    ----------
    path : Path
        A ``.npz`` file, with an array a field and their ``description`` as JSON; or a ``.zarr``
        store, which `keras_qd.data.open_store` reads.
    results : Inverted
        What to write.
    """
    if path.suffix == ".zarr":
        from keras_qd.data import write_store

        write_store(path, results, results.n_samples)
        return
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary, allow_pickle=False, description=describe(results), **results.arrays
        )


def describe(results: Inverted) -> Array:
    """Return what was inverted how and what each field is, as JSON in an array of no dimensions."""
    fields = {name: field.attributes() for name, field in results.described.items()}
    return np.array(json.dumps({"configuration": results.configuration(), "fields": fields}))


def _fields(inversions: Sequence[Inversion]) -> dict[str, tuple[Field, Array]]:
    """Return the fields that every inversion has."""
    shape = inversions[0].potential.shape
    reasons = ", ".join(f"{number} {reason}" for number, reason in enumerate(REASONS))
    histories = _padded([each.residuals for each in inversions])
    mapped = (shape, "float64")
    number = ((), "float64")
    table = {
        "potential": (*mapped, _ENERGY, "confinement potential that was found"),
        "density": (*mapped, _DENSITY, "exact density of its ground state"),
        "density_wanted": (*mapped, _DENSITY, "target, normalised"),
        "determined": (shape, "uint8", "", "1 where the density determines the potential"),
        "energy": (*number, _ENERGY, "ground-state energy"),
        "gap": (*number, _ENERGY, "distance to the next energy level"),
        "residual": (*number, "", _DISTANCE),
        "start_residual": (*number, "", "the same before refinement"),
        "iterations": ((), "int64", "", "exact solutions after the first"),
        "reason": ((), "uint8", "", f"why it ended: {reasons}"),
        "residuals": (histories.shape[1:], "float64", "", "residual of each exact solution"),
    }
    gaps = np.array([each.gap for each in inversions])
    values = {
        "gap": np.where(np.isfinite(gaps), gaps, np.nan),
        "density_wanted": [each.target for each in inversions],
        "reason": [REASONS.index(each.reason) for each in inversions],
        "residuals": histories,
    }
    fields = {}
    for name, (size, dtype, unit, meaning) in table.items():
        field = Field(size, unit, meaning, dtype, nullable=name in _NULLABLE)
        found = values[name] if name in values else [getattr(each, name) for each in inversions]
        fields[name] = (field, np.asarray(found))
    return fields


def _parameters(inversions: Sequence[Inversion]) -> Mapping[str, tuple[Field, Array]]:
    """Return the parameters of potentials of a family; nothing for those of none."""
    if not isinstance(inversions[0], FamilyInversion):
        return {}
    found = [cast(FamilyInversion, each).parameters for each in inversions]
    names = tuple(found[0])
    meaning = f"set in the family {inversions[0].family}: {', '.join(names)}"
    field = Field((len(names),), "a0*, Ha*", meaning, "float64", labels=names)
    return {"parameters": (field, np.array([list(each.values()) for each in found]))}


def _padded(rows: Sequence[Array]) -> Array:
    """Return rows of different lengths as one array, NaN where they have ended."""
    padded = np.full((len(rows), max(map(len, rows))), np.nan)
    for place, row in zip(padded, rows, strict=True):
        place[: len(row)] = row
    return padded
