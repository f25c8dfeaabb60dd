"""From what a user asks for to inversions: targets, start, refinement."""

from __future__ import annotations

import json
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from keras_qd._files import replacing
from keras_qd.data.fields import Field
from keras_qd.data.io.images import SUFFIXES, read_image
from keras_qd.data.store.store import checksum, open_store
from keras_qd.errors import DataError, PhysicsError, UsageError
from keras_qd.inverse.device import FamilyInversion
from keras_qd.inverse.outcome import EXPLANATIONS, Inversion, check_wanted
from keras_qd.inverse.proposal import (
    Conditions,
    InverseProblem,
    Outcome,
    conditions_of,
    density_field,
    invert_targets,
    propose,
)
from keras_qd.inverse.targets import (
    DensityTarget,
    density_of_picture,
    density_target,
    density_targets,
    resampled,
)
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.potentials.base import PotentialFamily, potential_family

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Array = NDArray[Any]

OUTPUT_SUFFIXES = (".npz", ".zarr")
#: The numbers that stand for the reasons in files.
REASONS = tuple(EXPLANATIONS)

_DENSITY, _ENERGY = "1/a0*^2", "Ha*"
#: NaN where the solver refused a potential or knows no other level, or an inversion had ended.
_NULLABLE = ("residuals", "start_residual", "gap")
_DISTANCE = "integral |density - density_wanted| / N"


@dataclass(frozen=True)
class Results:
    """Inversions as arrays by field, with what each field is and what was inverted how."""

    arrays: Mapping[str, Array]
    described: Mapping[str, Field]
    problem: Mapping[str, Any]

    @property
    def n_samples(self) -> int:
        """How many inversions there are."""
        return len(self.arrays["potential"])

    def configuration(self) -> dict[str, Any]:
        """Return what was inverted how, and a checksum of the results, as plain JSON."""
        return {
            "kind": "inverted",
            "command": "keras-qd invert",
            **self.problem,
            "results": checksum(self.arrays).hex(),
        }


def as_fields(
    problem: InverseProblem, inversions: Sequence[Inversion], numbers: Sequence[int]
) -> Results:
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
    return Results(arrays=arrays, described=described, problem=problem.describe())


def check_output(path: Path, force: bool) -> None:
    """Raise `UsageError` unless results can be written to `path`."""
    if path.suffix not in OUTPUT_SUFFIXES:
        raise UsageError(f"--out must name a .npz file or a .zarr store, got {path}")
    if path.exists() and not (force and path.suffix == ".npz"):
        way_out = ", or replace it with --force" if path.suffix == ".npz" else ""
        raise UsageError(f"{path} exists already; choose another name{way_out}")


def write_inversions(path: Path, results: Results) -> None:
    """Write results, whole or not at all.

    Parameters
    ----------
    path : Path
        A ``.npz`` file, with an array a field and their ``description`` as JSON; or a ``.zarr``
        store, which `keras_qd.data.open_store` reads.
    results : Results
        What to write.
    """
    if path.suffix == ".zarr":
        from keras_qd.data.store.writer import write_store

        write_store(
            path,
            results.described,
            lambda samples: {
                name: values[samples.start : samples.stop]
                for name, values in results.arrays.items()
            },
            results.configuration(),
            n_samples=results.n_samples,
            identity="potential",
        )
        return
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary, allow_pickle=False, description=describe(results), **results.arrays
        )


def describe(results: Results) -> Array:
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


FIGURES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Found:
    """Inversions of some targets.

    Parameters
    ----------
    problem : InverseProblem
        What was inverted how.
    title : str
        What the targets are.
    outcomes : mapping of int to Inversion or PhysicsError
        What became of each, by its number.
    """

    problem: InverseProblem
    title: str
    outcomes: Mapping[int, Outcome]

    @property
    def inversions(self) -> dict[int, Inversion]:
        """Those that the solver did not refuse, by number."""
        return {n: each for n, each in self.outcomes.items() if isinstance(each, Inversion)}

    @property
    def shortfall(self) -> str:
        """Why not all targets were reached, in a sentence; empty where they were."""
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

    def results(self) -> Results:
        """Return the inversions as arrays, described.

        Raises
        ------
        PhysicsError
            If the solver refused every target.
        """
        if not self.inversions:
            raise next(each for each in self.outcomes.values() if isinstance(each, PhysicsError))
        return as_fields(self.problem, list(self.inversions.values()), list(self.inversions))

    def summary(self) -> dict[str, Any]:
        """Return what was found, as plain JSON."""
        return {
            "targets": self.title,
            "problem": self.problem.describe(),
            "n_targets": len(self.outcomes),
            "n_converged": sum(each.converged for each in self.inversions.values()),
            "shortfall": self.shortfall,
            "inversions": [_numbers(number, each) for number, each in self.inversions.items()],
        }

    def figure(self) -> Figure:
        """Draw the only inversion; or the best, the median and the worst."""
        from keras_qd.report.figures.inversions import inversion_figure, inversions_figure

        length, tolerance = self.problem.box.length, self.problem.tolerance
        if len(self.inversions) == 1:
            (only,) = self.inversions.values()
            return inversion_figure(only, length, tolerance, self.title)
        ranked = sorted(self.inversions.items(), key=lambda pair: pair[1].residual)
        places = {"Best": 0, "Median": len(ranked) // 2, "Worst": len(ranked) - 1}
        shown = {place: label for label, place in reversed(places.items())}
        titles = [f"{label}: target {ranked[place][0]}" for place, label in sorted(shown.items())]
        chosen = [ranked[place][1] for place in sorted(shown)]
        return inversions_figure(chosen, titles, length, tolerance)

    def draw(self, path: Path) -> None:
        """Write the figure as PNG, PDF or SVG, by the suffix."""
        from keras_qd.report.figures.style import DATELESS, drawing

        check_figure(path)
        with drawing(), replacing(path) as temporary:
            metadata = DATELESS[path.suffix.lower().removeprefix(".")]
            self.figure().savefig(temporary, dpi=160, metadata=metadata)


def check_figure(path: Path) -> None:
    """Raise `UsageError` unless a figure can be written to `path`."""
    if path.suffix.lower() not in FIGURES:
        raise UsageError(f"a figure must end in one of {', '.join(FIGURES)}, got {path}")


def _numbers(number: int, inversion: Inversion) -> dict[str, Any]:
    """Return what is told of one inversion."""
    told: dict[str, Any] = {
        "target": number,
        "converged": inversion.converged,
        "reason": inversion.reason,
        "residual": inversion.residual,
        "start_residual": _finite(inversion.start_residual),
        "iterations": inversion.iterations,
        "energy": inversion.energy,
        "gap": _finite(inversion.gap),
        "determined": float(np.mean(inversion.determined)),
    }
    if isinstance(inversion, FamilyInversion):
        told["parameters"] = inversion.parameters
    return told


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


#: Pixels a side where nothing else says how many.
N_PIXELS = 64
#: What makes grey of colours: the luma of ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


class TargetSource(ABC):
    """Somewhere that targets come from.

    Attributes
    ----------
    conditions : Conditions
        What is known of the systems.
    painted : bool
        Whether they come from a brush, which is finer than what a store's solver resolves.
    """

    conditions = Conditions()
    painted: bool = True

    @property
    @abstractmethod
    def title(self) -> str:
        """What the targets are, in a few words."""

    @abstractmethod
    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Return the targets, shape (n, n_pixels, n_pixels), in 1/a0*^2.

        Parameters
        ----------
        box : Box
            The box.
        n_electrons : int
            Number of electrons: for those that are drawn.
        n_pixels : int, optional
            Pixels a side; by default as they come.
        """


@dataclass(frozen=True)
class Drawn(TargetSource):
    """A shape by name."""

    target: DensityTarget

    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Draw the target."""
        return self.target.density(box, n_pixels or N_PIXELS, n_electrons)[None]

    @property
    def title(self) -> str:
        """Name, and the word where it is one."""
        text = getattr(self.target, "text", "")
        return f"{self.target.name} {text}".strip()


@dataclass(frozen=True)
class Picture(TargetSource):
    """An image file, painted."""

    path: Path
    settings: Mapping[str, Any]

    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Paint the image."""
        try:
            values = read_image(self.path).astype(np.float64)
            grey = values @ _LUMA if values.ndim == 3 else values
            size = n_pixels or N_PIXELS
            return density_of_picture(grey, box, size, n_electrons, **self.settings)[None]
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error

    @property
    def title(self) -> str:
        """Name of the file."""
        return self.path.name


@dataclass(frozen=True)
class Arrays(TargetSource):
    """Densities from a file or a store."""

    values: Array
    name: str
    conditions: Conditions
    painted: bool = False

    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Return the densities, on another grid where that is asked for."""
        return np.stack([resampled(each, n_pixels or len(each)) for each in self.values])

    @property
    def title(self) -> str:
        """Name of the file or store, and how many there are of how many."""
        return self.name


def find_source(
    name: str,
    settings: Mapping[str, Any],
    *,
    field: str = "density",
    split: str = "test",
    samples: slice = slice(None),
) -> TargetSource:
    """Return the source that a name or path means.

    Parameters
    ----------
    name : str
        A shape among `keras_qd.inverse.density_targets`; or the path of a ``.npy`` or ``.npz``
        file, an image, or a stored data set.
    settings : mapping
        Of a shape; of an image, ``width``.
    field : str
        Which array of a ``.npz`` file with several, or field of a store.
    split : str
        Which split of a store; ``"all"`` for all samples.
    samples : slice
        Which of the densities.

    Returns
    -------
    TargetSource

    Raises
    ------
    UnknownNameError
        If it is neither a file nor a shape.
    DataError, StoreError
        If a file cannot be used. Nothing is unpickled.
    UsageError
        If there is no such setting.
    """
    path = Path(name)
    is_file = path.exists() or "://" in name or path.suffix
    if name in density_targets() or not is_file:
        return Drawn(density_target(name, **settings))
    if path.suffix.lower() in SUFFIXES:
        _refuse(settings, {"width"}, name)
        return Picture(path, settings)
    _refuse(settings, set(), name)
    if path.suffix in (".npy", ".npz"):
        values, conditions = _read_file(path, field), Conditions()
    else:
        values, conditions = _read_store(name, field, split)
    chosen = _checked_sources(values, name)[samples]
    if not len(chosen):
        raise DataError(f"{name} has {len(values)} densities, and none of those asked for")
    return Arrays(chosen, path.name, conditions)


def _refuse(settings: Mapping[str, Any], known: set[str], name: str) -> None:
    unknown = sorted(set(settings) - known)
    if unknown:
        takes = f"it takes {', '.join(known)}" if known else "only shapes and images have any"
        raise UsageError(f"{name} takes no setting {', '.join(map(repr, unknown))}; {takes}")


def _read_file(path: Path, field: str) -> Array:
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            with found:
                return np.asarray(found[_only(found.files, field, path)])
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as cause:
        if isinstance(cause, DataError):
            raise
        raise DataError(f"{path} cannot be read: {cause}") from cause


def _only(names: list[str], field: str, path: Path) -> str:
    if field in names:
        return field
    if len(names) == 1:
        return names[0]
    raise DataError(f"{path} has no array {field!r}; it has {', '.join(names)}: choose by --field")


def _read_store(name: str, field: str, split: str) -> tuple[Array, Conditions]:
    from keras_qd.data.stored import StoredDataset

    store = open_store(name)
    conditions = Conditions.of_metadata({"configuration": store.configuration}, field)
    if split == "all":
        return store.read(field), conditions
    found = StoredDataset(store).split(split)
    if field not in found:
        raise DataError(f"{name} has no field {field!r}; it has {', '.join(found)}")
    return np.asarray(found[field]), conditions


def _checked_sources(values: Array, name: str) -> Array:
    """Return densities with a leading axis, or say what is wrong with their shape."""
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or values.shape[1] != values.shape[2] or values.dtype.kind not in "fiu":
        raise DataError(
            f"{name} holds {values.dtype} of shape {values.shape}; expected densities "
            "(n_pixels, n_pixels), or (n, n_pixels, n_pixels)"
        )
    return values.astype(np.float64)


#: Side of the box in a0* where nothing else says how long it is.
_LENGTH = 10.0
#: Tolerances of the solver's basis, in Ha*, for what a brush paints, which no solver has made and a
#: coarse basis cannot represent.
_FINE_BASIS = (1e-7, 1e-6, 1e-4)
#: How rough the potentials of painted densities may be.
_FINE_HALF_WAVES = 28


@dataclass(frozen=True)
class Session:
    """Targets that are ready to be inverted.

    Parameters
    ----------
    problem : InverseProblem
        What they are targets of.
    title : str
        What they are.
    targets : ndarray, shape (n, n_pixels, n_pixels)
        The targets, normalised, in 1/a0*^2.
    first : int
        Number of the first among those that they were taken from.
    run : Path, optional
        Run whose model proposes the start.
    """

    problem: InverseProblem
    title: str
    targets: Array
    first: int = 0
    run: Path | None = None

    def invert(
        self, n_workers: int | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Found:
        """Propose, refine and check; see `invert_targets`."""
        starts = None if self.run is None else propose(self.run, self.targets, self.problem)
        outcomes = invert_targets(
            self.problem, self.targets, starts, n_workers=n_workers, progress=progress
        )
        return Found(self.problem, self.title, dict(enumerate(outcomes, self.first)))


def open_session(
    target: str,
    *,
    settings: Mapping[str, Any] | None = None,
    run: str | Path | None = None,
    electrons: int | None = None,
    length: float | None = None,
    points: int | None = None,
    interaction: str | None = None,
    thickness: float | None = None,
    screening_length: float | None = None,
    strength: float | None = None,
    tolerance: float = 1e-4,
    gauge: str = "zero-mean",
    family: str | None = None,
    family_settings: Mapping[str, Any] | None = None,
    field: str | None = None,
    split: str = "test",
    samples: slice = slice(None),
    max_seconds: float | None = None,
    half_waves: int | None = None,
) -> Session:
    """Find the targets, and what they are targets of.

    What is not given is what the targets' own data say, or else the data that the model of `run`
    was trained on, or else a box of 10 a0* and bare Coulomb repulsion; the number of electrons must
    be known.

    Parameters
    ----------
    target, settings, field, split, samples
        Where the targets come from; see `find_source`.
    run : str or Path, optional
        Run whose model proposes the start.
    electrons, length, points
        Number of electrons, side of the box in a0*, pixels a side.
    interaction, thickness, screening_length, strength
        The interaction, its length in a0*, and a factor on it.
    tolerance, gauge
        As for `InverseProblem`.
    family, family_settings
        The family of potentials that a device can be set to, by name.
    max_seconds : float, optional
        Longest time for one target.
    half_waves : int, optional
        How rough the potential may be; see :func:`keras_qd.inverse.invert`. Not with a family. By
        default 20, and 28 for what is painted.

    Raises
    ------
    KerasQDError
        If something does not fit.
    """
    trained = Conditions()
    if run is not None:
        from keras_qd.training.run import Run

        opened = Run.open(run)
        trained, field = conditions_of(opened), field or density_field(opened)
    source = find_source(
        target, settings or {}, field=field or "density", split=split, samples=samples
    )
    known = source.conditions.or_else(trained)
    if electrons is None and known.n_electrons is None:
        raise UsageError(f"nothing says how many electrons {target} shall hold: give --electrons")
    problem = InverseProblem(
        box=Box(length or known.length or _LENGTH),
        n_electrons=electrons or known.n_electrons or 0,
        interaction=_interaction(interaction, thickness, screening_length, known),
        strength=next(each for each in (strength, known.strength, 1.0) if each is not None),
        tolerance=tolerance,
        gauge=gauge,
        family=_family(family, family_settings or {}),
        refinement=_refinement(
            family,
            max_seconds=max_seconds,
            half_waves=half_waves or (_FINE_HALF_WAVES if source.painted and not family else None),
        ),
        basis_tolerances=_FINE_BASIS if source.painted else (),
    )
    densities = source.densities(problem.box, problem.n_electrons, points)
    first = samples.start or 0
    return Session(
        problem,
        source.title,
        _checked(densities, problem, first),
        first,
        None if run is None else Path(run),
    )


def _interaction(
    name: str | None, thickness: float | None, screening_length: float | None, known: Conditions
) -> Interaction:
    if name is None and thickness is None and screening_length is None:
        return known.interaction or Interaction()
    if name is None:
        name = "finite-thickness" if screening_length is None else "screened"
    return Interaction(name, thickness, screening_length)


def _family(name: str | None, settings: Mapping[str, Any]) -> PotentialFamily | None:
    if name is None and settings:
        raise UsageError(f"settings of a family ({', '.join(settings)}) go with --family")
    return None if name is None else potential_family(name, **settings)


def _refinement(family: str | None, **given: float | None) -> dict[str, Any]:
    """Return what was given; how rough a potential may be is not for a family to choose."""
    settings = {name: value for name, value in given.items() if value is not None}
    if family is not None and "half_waves" in settings:
        raise UsageError("potentials of a family are as rough as it makes them: no --half-waves")
    return settings


def _checked(densities: Array, problem: InverseProblem, first: int) -> Array:
    """Normalise all targets, before any work is done."""
    checked = []
    for number, density in enumerate(densities, first):
        try:
            checked.append(check_wanted(density, problem.box, problem.n_electrons))
        except DataError as error:
            where = f"target {number}: " if len(densities) > 1 else ""
            raise DataError(f"{where}{error}") from error
    return np.stack(checked)
