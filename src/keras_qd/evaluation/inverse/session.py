"""From what a user asks for to inversions: targets, start, refinement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError, UsageError
from keras_qd.evaluation.inverse.batch import invert_targets
from keras_qd.evaluation.inverse.conditions import Conditions
from keras_qd.evaluation.inverse.found import Found
from keras_qd.evaluation.inverse.problem import InverseProblem
from keras_qd.evaluation.inverse.proposal import conditions_of, density_field, propose
from keras_qd.evaluation.inverse.sources import find_source
from keras_qd.physics import Box, Interaction, potential_family
from keras_qd.physics.inversion.wanted_density import check_wanted
from keras_qd.physics.potentials.family import PotentialFamily

Array = NDArray[np.float64]

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
        How rough the potential may be; see :func:`keras_qd.physics.invert`. Not with a family. By
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
