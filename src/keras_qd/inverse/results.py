"""Results of a batch of inversions: their summary, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from keras_qd._files import replacing
from keras_qd.data.fields import Field
from keras_qd.data.store.manifest import checksum
from keras_qd.errors import PhysicsError, UsageError
from keras_qd.inverse._invert import Outcome
from keras_qd.inverse.device import FamilyInversion
from keras_qd.inverse.outcome import EXPLANATIONS, Inversion
from keras_qd.inverse.problem import InverseProblem

Array = NDArray[Any]

OUTPUT_SUFFIXES = (".npz", ".zarr")
#: The reasons in the order of the numbers that stand for them in files.
REASONS = tuple(EXPLANATIONS)

_DENSITY, _ENERGY = "1/a0*^2", "Ha*"
#: Fields with NaN where the solver refused a potential, found one level, or had ended.
_NULLABLE = (
    "residuals",
    "start_residual",
    "gap",
    "duality_gap",
    "density_error",
    "potential_error",
)
_DISTANCE = "integral |density - density_wanted| / N"


@dataclass(frozen=True)
class Found:
    """Outcomes of a batch of targets, by the number of the target."""

    problem: InverseProblem
    title: str
    outcomes: Mapping[int, Outcome]

    @property
    def inversions(self) -> dict[int, Inversion]:
        """The inversions that the solver did not refuse, by number."""
        return {n: each for n, each in self.outcomes.items() if isinstance(each, Inversion)}

    @property
    def shortfall(self) -> str:
        """Why not all targets were reached, as a sentence; empty if they were."""
        reasons = [
            (number, each.explanation if isinstance(each, Inversion) else str(each))
            for number, each in self.outcomes.items()
            if not (isinstance(each, Inversion) and each.converged)
        ]
        if not reasons:
            return ""
        (number, reason), total = reasons[0], len(self.outcomes)
        if total == 1:
            return f"the tolerance {self.problem.tolerance:g} is not met: {reason}"
        return (
            f"{len(reasons)} of {total} targets did not reach the tolerance "
            f"{self.problem.tolerance:g}; target {number}: {reason}"
        )

    def ranked(self) -> dict[str, tuple[int, Inversion]]:
        """Return number and inversion of the best, the median and the worst, each once."""
        ranked = sorted(self.inversions.items(), key=lambda pair: pair[1].residual)
        ranks = {"Best": 0, "Median": len(ranked) // 2, "Worst": len(ranked) - 1}
        labels = {rank: label for label, rank in reversed(ranks.items())}
        return {label: ranked[rank] for rank, label in sorted(labels.items())}

    def results(self) -> Results:
        """Return the inversions as arrays; raise the solver's error if it refused every target."""
        if not self.inversions:
            raise next(each for each in self.outcomes.values() if isinstance(each, PhysicsError))
        return as_fields(self.problem, list(self.inversions.values()), list(self.inversions))

    def summary(self) -> dict[str, Any]:
        """Return the results as plain JSON."""
        return {
            "targets": self.title,
            "problem": self.problem.describe(),
            "n_targets": len(self.outcomes),
            "n_converged": sum(each.converged for each in self.inversions.values()),
            "shortfall": self.shortfall,
            "inversions": [_numbers(number, each) for number, each in self.inversions.items()],
        }


def check_output(path: Path, force: bool) -> None:
    """Raise `UsageError` unless results can be written to `path`."""
    if path.suffix not in OUTPUT_SUFFIXES:
        raise UsageError(f"--out must name a .npz file or a .zarr store, got {path}")
    if path.exists() and not (force and path.suffix == ".npz"):
        advice = ", or replace it with --force" if path.suffix == ".npz" else ""
        raise UsageError(f"{path} exists already; choose another name{advice}")


@dataclass(frozen=True)
class Results:
    """Inversions as arrays by field, with the meaning of each field and the problem."""

    arrays: Mapping[str, Array]
    described: Mapping[str, Field]
    problem: Mapping[str, Any]

    @property
    def n_samples(self) -> int:
        """How many inversions there are."""
        return len(self.arrays["potential"])

    def part(self, samples: range) -> dict[str, Array]:
        """Return some of the inversions."""
        return {name: values[samples.start : samples.stop] for name, values in self.arrays.items()}

    def configuration(self) -> dict[str, Any]:
        """Return the problem, and a checksum of the results, as plain JSON."""
        return {
            "kind": "inverted",
            "command": "keras-qd invert",
            **self.problem,
            "results": checksum(self.arrays).hex(),
        }


def write_inversions(path: Path, results: Results) -> None:
    """Write results, whole or not at all: a store, or an .npz file with a ``description``."""
    if path.suffix == ".zarr":
        from keras_qd.data.store.writer import write_store

        write_store(
            path,
            results.described,
            results.part,
            results.configuration(),
            n_samples=results.n_samples,
            identity="potential",
        )
        return
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary, allow_pickle=False, description=describe(results), **results.arrays
        )


def as_fields(
    problem: InverseProblem, inversions: Sequence[Inversion], numbers: Sequence[int]
) -> Results:
    """Return inversions on one grid as arrays, with a description of each field."""
    fields = {**_fields(inversions), **_parameters(inversions)}
    fields["target"] = (Field((), "", "number of the target", "int64"), np.array(numbers))
    arrays = {
        name: np.ascontiguousarray(values, dtype=field.dtype)
        for name, (field, values) in fields.items()
    }
    described = {name: field for name, (field, _) in fields.items()}
    return Results(arrays=arrays, described=described, problem=problem.describe())


def describe(results: Results) -> Array:
    """Return the problem and the meaning of each field, as JSON in a scalar array."""
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
        "potential": (*mapped, _ENERGY, "confinement potential"),
        "density": (*mapped, _DENSITY, "exact density of its ground state"),
        "density_wanted": (*mapped, _DENSITY, "target, normalised"),
        "potential_error": (*mapped, _ENERGY, "half width of the 90 % interval of the potential"),
        "density_error": (*number, "", "estimated error of the density, per electron"),
        "duality_gap": (*number, _ENERGY, "distance of the dual functional from its maximum"),
        "determined": (shape, "uint8", "", "1 where the density determines the potential"),
        "energy": (*number, _ENERGY, "ground-state energy"),
        "gap": (*number, _ENERGY, "distance to the next energy level"),
        "residual": (*number, "", _DISTANCE),
        "start_residual": (*number, "", "residual of the start"),
        "iterations": ((), "int64", "", "exact solutions after the first"),
        "reason": ((), "uint8", "", f"why the search ended: {reasons}"),
        "residuals": (histories.shape[1:], "float64", "", "residual of each exact solution"),
    }
    gaps = np.array([each.gap for each in inversions])
    dual = np.array([each.duality_gap for each in inversions])
    values = {
        "gap": np.where(np.isfinite(gaps), gaps, np.nan),
        "duality_gap": np.where(np.isfinite(dual), dual, np.nan),
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
    """Return the parameters of potentials of a family, if they are of one."""
    if not isinstance(inversions[0], FamilyInversion):
        return {}
    found = [cast(FamilyInversion, each).parameters for each in inversions]
    names = tuple(found[0])
    meaning = f"parameters of the family {inversions[0].family}: {', '.join(names)}"
    field = Field((len(names),), "a0*, Ha*", meaning, "float64", labels=names)
    return {"parameters": (field, np.array([list(each.values()) for each in found]))}


def _padded(rows: Sequence[Array]) -> Array:
    """Return rows of different lengths as one array, padded with NaN."""
    padded = np.full((len(rows), max(map(len, rows))), np.nan)
    for values, row in zip(padded, rows, strict=True):
        values[: len(row)] = row
    return padded


def _numbers(number: int, inversion: Inversion) -> dict[str, Any]:
    """Return the summary of one inversion."""
    summary: dict[str, Any] = {
        "target": number,
        "converged": inversion.converged,
        "reason": inversion.reason,
        "residual": inversion.residual,
        "nearest": inversion.nearest,
        "start_residual": _finite(inversion.start_residual),
        "iterations": inversion.iterations,
        "energy": inversion.energy,
        "gap": _finite(inversion.gap),
        "density_error": _finite(inversion.density_error),
        "duality_gap": _finite(inversion.duality_gap),
        "duality_bound": _finite(inversion.duality_bound),
        "potential_error": _finite(_error(inversion)),
        "determined": float(np.mean(inversion.determined)),
    }
    if isinstance(inversion, FamilyInversion):
        summary["parameters"] = inversion.parameters
    return summary


def _error(inversion: Inversion) -> float:
    """Root of the mean square error of the potential, weighted with the density."""
    return float(np.sqrt(np.average(inversion.potential_error**2, weights=inversion.target)))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
