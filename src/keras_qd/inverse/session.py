"""A session of ``keras-qd invert``: targets from their sources, their problem, their inversion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.io.arrays import open_arrays
from keras_qd.data.io.images import SUFFIXES, read_image
from keras_qd.data.store.store import open_store
from keras_qd.errors import DataError, UsageError
from keras_qd.inverse._invert import Proposals, invert_targets, open_proposals
from keras_qd.inverse.outcome import Callback, check_wanted
from keras_qd.inverse.problem import Conditions, InverseProblem
from keras_qd.inverse.results import Found
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

Array = NDArray[Any]

#: Default side of the box in a0*.
_LENGTH = 10.0
#: Half waves in the potentials of painted densities.
_FINE_HALF_WAVES = 28


@dataclass(frozen=True)
class Session:
    """Normalised targets and the problem to solve for each."""

    problem: InverseProblem
    title: str
    #: Shape (n, n_pixels, n_pixels), in 1/a0*^2.
    targets: Array
    #: Number of the first target in its source.
    first: int = 0
    #: Of the model that proposes the starts.
    proposals: Proposals | None = None

    def invert(
        self,
        n_workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        callback: Callback | None = None,
    ) -> Found:
        """Invert all targets; see `invert_targets`, and `callback` for a single one."""
        proposals = self.proposals
        starts = None if proposals is None else proposals.propose(self.targets, self.problem)
        outcomes = invert_targets(
            self.problem,
            self.targets,
            starts,
            n_workers=n_workers,
            progress=progress,
            callback=callback,
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
    gate_distance: float | None = None,
    strength: float | None = None,
    tolerance: float = 1e-4,
    gauge: str = "zero-mean",
    family: str | None = None,
    family_settings: Mapping[str, Any] | None = None,
    field: str | None = None,
    split: str = "test",
    samples: slice = slice(None),
    max_iterations: int | None = None,
    max_seconds: float | None = None,
    half_waves: int | None = None,
    noise: float | Array | None = None,
) -> Session:
    """Find the targets and the problem, from the options of the command line."""
    # Defaults: the data of the targets, else the data that the model of `run` was trained on, else
    # a box of 10 a0* and bare Coulomb repulsion. Painted targets allow rougher potentials.
    trained, proposals = Conditions(), None
    if run is not None:
        proposals = open_proposals(run)
        trained, field = proposals.conditions, field or proposals.field
    source = find_source(
        target, settings or {}, field=field or "density", split=split, samples=samples
    )
    known = source.conditions.or_else(trained)
    if electrons is None and known.n_electrons is None:
        raise UsageError(f"the number of electrons of {target} is not set; pass --electrons N")
    problem = InverseProblem(
        box=Box(length or known.length or _LENGTH),
        n_electrons=electrons or known.n_electrons or 0,
        interaction=_interaction(interaction, (thickness, screening_length, gate_distance), known),
        strength=next(each for each in (strength, known.strength, 1.0) if each is not None),
        tolerance=tolerance,
        gauge=gauge,
        family=_family(family, family_settings or {}),
        refinement=_refinement(
            family,
            max_iterations=max_iterations,
            max_seconds=max_seconds,
            noise=noise,
            half_waves=half_waves or (_FINE_HALF_WAVES if source.painted and not family else None),
        ),
    )
    densities = source.densities(problem.box, problem.n_electrons, points)
    first = samples.start or 0
    return Session(
        problem,
        source.title,
        _checked(densities, problem, first),
        first,
        proposals,
    )


#: Interactions by the length that is theirs alone: thickness, screening length, gate distance.
_OF_LENGTHS = ("finite-thickness", "screened", "image-charge")


def _interaction(
    name: str | None, lengths: tuple[float | None, float | None, float | None], known: Conditions
) -> Interaction:
    """Return the interaction of a name, or that of which a length is given, or the known one."""
    if name is None:
        given = (kind for kind, each in zip(_OF_LENGTHS, lengths, strict=True) if each is not None)
        name = next(given, None)
    if name is None:
        return known.interaction or Interaction()
    return Interaction(name, *lengths)


def _family(name: str | None, settings: Mapping[str, Any]) -> PotentialFamily | None:
    if name is None and settings:
        raise UsageError(f"settings of a family ({', '.join(settings)}) need --family")
    return None if name is None else potential_family(name, **settings)


def _refinement(family: str | None, **given: float | Array | None) -> dict[str, Any]:
    """Return the settings that are given; the roughness of a family's potentials is its own."""
    settings = {name: value for name, value in given.items() if value is not None}
    if family is not None and "half_waves" in settings:
        raise UsageError(
            "--half-waves cannot be used with --family, which sets the roughness itself"
        )
    if family is not None and "noise" in settings:
        raise UsageError("--noise cannot be used with --family; leave one of them out")
    return settings


def _checked(densities: Array, problem: InverseProblem, first: int) -> Array:
    """Normalise all targets."""
    checked = []
    for number, density in enumerate(densities, first):
        try:
            checked.append(check_wanted(density, problem.box, problem.n_electrons))
        except DataError as error:
            where = f"target {number}: " if len(densities) > 1 else ""
            raise DataError(f"{where}{error}") from error
    return np.stack(checked)


#: Default number of pixels a side.
N_PIXELS = 64
#: Weights of red, green and blue in grey: the luma of ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


class TargetSource(ABC):
    """A source of targets."""

    #: What is known of the systems.
    conditions = Conditions()
    #: Whether the targets are painted, and so finer than what the solver of a data set resolves.
    painted: bool = True

    @property
    @abstractmethod
    def title(self) -> str:
        """Title of the targets."""

    @abstractmethod
    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Return the targets, shape (n, n_pixels, n_pixels), in 1/a0*^2; None: their own grid."""


@dataclass(frozen=True)
class Drawn(TargetSource):
    """A shape by name."""

    target: DensityTarget

    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Draw the target."""
        return self.target.density(box, n_pixels or N_PIXELS, n_electrons)[None]

    @property
    def title(self) -> str:
        """Name, and the text if there is one."""
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
        """Return the densities, resampled if n_pixels is given."""
        return np.stack([resampled(each, n_pixels or len(each)) for each in self.values])

    @property
    def title(self) -> str:
        """Name of the file or store."""
        return self.name


def find_source(
    name: str,
    settings: Mapping[str, Any],
    *,
    field: str = "density",
    split: str = "test",
    samples: slice = slice(None),
) -> TargetSource:
    """Return the source of a shape's name, or of the path of an array file, image or store."""
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
        raise DataError(f"{name} has {len(values)} densities, none of them in --samples")
    return Arrays(chosen, path.name, conditions)


def _refuse(settings: Mapping[str, Any], known: set[str], name: str) -> None:
    unknown = sorted(set(settings) - known)
    if unknown:
        takes = f"it has {', '.join(known)}" if known else "only shapes and images have settings"
        raise UsageError(f"{name} has no setting {', '.join(map(repr, unknown))}; {takes}")


def _read_file(path: Path, field: str) -> Array:
    if not path.exists():
        raise DataError(f"{path} does not exist")
    found = {each.key: each.values for each in open_arrays(path)}
    return np.asarray(found[""] if "" in found else found[_only(list(found), field, path)])


def _only(names: list[str], field: str, path: Path) -> str:
    if field in names:
        return field
    if len(names) == 1:
        return names[0]
    raise DataError(
        f"{path} has no array {field!r}; it has {', '.join(names)}; choose one with --field"
    )


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
    """Return densities with a leading axis, or raise `DataError` for their shape."""
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or values.shape[1] != values.shape[2] or values.dtype.kind not in "fiu":
        raise DataError(
            f"{name} holds {values.dtype} of shape {values.shape}; expected densities "
            "(n_pixels, n_pixels), or (n, n_pixels, n_pixels)"
        )
    return values.astype(np.float64)
