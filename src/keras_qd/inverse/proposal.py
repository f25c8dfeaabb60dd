"""What a trained inverse model proposes: a potential at once, to be refined and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd._parallel import map_in_processes, usable_cores
from keras_qd.errors import PhysicsError, UnknownNameError, UsageError
from keras_qd.evaluation.case import box_length
from keras_qd.inverse._refine import Gauge, refine_potential
from keras_qd.inverse.device import invert_in_family
from keras_qd.inverse.outcome import Inversion, check_wanted
from keras_qd.inverse.targets import resampled
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.potentials.base import PotentialFamily

if TYPE_CHECKING:
    from keras_qd.training.run import Run


#: What the constant in a potential is fixed by: a mean of zero over the box, or zero where the
#: target is lowest.
GAUGES: tuple[str, ...] = get_args(Gauge)


@dataclass(frozen=True, kw_only=True)
class InverseProblem:
    """A kind of inversion.

    Parameters
    ----------
    box : Box
        The box.
    n_electrons : int
        Number of electrons.
    interaction : Interaction
        Between them.
    strength : float
        Factor on the interaction.
    tolerance : float
        Largest ``integral |dn| / N`` with which a target counts as reached.
    gauge : str
        One of :data:`GAUGES`; a family has the constant that its parameters give it.
    family : PotentialFamily, optional
        The only potentials that a device can be set to; any smooth one by default.
    refinement : mapping
        More keywords of :func:`keras_qd.inverse.invert`, or `invert_in_family`.
    basis_tolerances : tuple of float
        Of the exact solver, the finest first: the next is tried where it refuses the start. By
        default that of data sets, and for one electron, whose density it would leave uncertain, a
        finer one.

    Raises
    ------
    UnknownNameError
        If there is no such gauge.
    """

    box: Box
    n_electrons: int = 2
    interaction: Interaction = field(default_factory=Interaction)
    strength: float = 1.0
    tolerance: float = 1e-4
    gauge: str = "zero-mean"
    family: PotentialFamily | None = None
    refinement: Mapping[str, Any] = field(default_factory=dict)
    basis_tolerances: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.gauge not in GAUGES:
            raise UnknownNameError("gauge", self.gauge, GAUGES)
        if not self.basis_tolerances:
            finest = (1e-8,) if self.n_electrons == 1 else ()
            object.__setattr__(self, "basis_tolerances", (*finest, 1e-4))

    def solve(self, density: Array, start: Array | None = None) -> Inversion:
        """Invert one target.

        Parameters
        ----------
        density : ndarray, shape (n_pixels, n_pixels)
            The target, in 1/a0*^2.
        start : ndarray, shape (n_pixels, n_pixels), optional
            A proposed potential, in Ha*.

        Returns
        -------
        Inversion

        Raises
        ------
        PhysicsError
            If the solver refuses the start with every tolerance of its basis.
        """
        for basis_tolerance in self.basis_tolerances[:-1]:
            with suppress(PhysicsError):
                return self._solve(density, start, basis_tolerance)
        return self._solve(density, start, self.basis_tolerances[-1])

    def _solve(self, density: Array, start: Array | None, basis_tolerance: float) -> Inversion:
        settings: dict[str, Any] = {
            "basis_tolerance": basis_tolerance,
            "tolerance": self.tolerance,
            "interaction": self.interaction,
            "strength": self.strength,
            "start": start,
            **self.refinement,
        }
        if self.family is None:
            settings["gauge"] = self.gauge
            return refine_potential(density, self.box, self.n_electrons, **settings)
        return invert_in_family(density, self.box, self.n_electrons, self.family, **settings)

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain JSON."""
        family = self.family
        return {
            "box_length": self.box.length,
            "n_electrons": self.n_electrons,
            "interaction": self.interaction.name,
            "thickness": self.interaction.thickness,
            "screening_length": self.interaction.screening_length,
            "strength": self.strength,
            "tolerance": self.tolerance,
            "gauge": self.gauge if family is None else "of the family",
            "family": None if family is None else family.name,
            "family_settings": None if family is None else family.configuration(),
            "refinement": dict(self.refinement),
            "basis_tolerances": list(self.basis_tolerances),
        }


Array = NDArray[np.float64]

#: What became of a target: its inversion, or why the solver refused it.
Outcome = Inversion | PhysicsError


def invert_targets(
    problem: InverseProblem,
    densities: Sequence[Array] | Array,
    starts: Sequence[Array] | Array | None = None,
    *,
    n_workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Invert targets, each by one process with one thread.

    Parameters
    ----------
    problem : InverseProblem
        What they are targets of.
    densities : sequence of ndarray, shape (n_pixels, n_pixels)
        The targets, in 1/a0*^2.
    starts : sequence of ndarray, optional
        Proposed potentials, one a target.
    n_workers : int, optional
        Processes; by default as many as there are usable cores. One, or one target, is done in this
        process.
    progress : callable, optional
        Called with the number of targets done and of all.

    Returns
    -------
    list of Inversion or PhysicsError
        In the order of the targets. One that the solver refuses does not stop the others.

    Raises
    ------
    KerasQDError
        What else is wrong with a target or the problem.
    """
    given = [None] * len(densities) if starts is None else starts
    return map_in_processes(
        partial(_attempt, problem),
        densities,
        given,
        n_workers=n_workers or usable_cores(),
        progress=progress,
    )


def _attempt(problem: InverseProblem, density: Array, start: Array | None) -> Outcome:
    try:
        return problem.solve(density, start)
    except PhysicsError as refusal:
        return PhysicsError(str(refusal))  # without its traceback, which no process can send


#: Relative difference of two box lengths, or strengths, that is rounding alone.
_ROUNDING = 1e-6
#: The field of electrons without interaction.
NONINTERACTING = "density_noninteracting"


@dataclass(frozen=True)
class Conditions:
    """What is known of the systems behind some densities; None where nothing is.

    Parameters
    ----------
    length : float, optional
        Side of the box, in a0*.
    n_electrons : int, optional
        Number of electrons.
    interaction : Interaction, optional
        Between them.
    strength : float, optional
        Factor on the interaction.
    """

    length: float | None = None
    n_electrons: int | None = None
    interaction: Interaction | None = None
    strength: float | None = None

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, Any], density: str) -> Conditions:
        """Read what the metadata of a data set say.

        Parameters
        ----------
        metadata : mapping
            Of a data set, with its ``configuration``.
        density : str
            The field that is looked at: that of electrons without interaction has none.

        Examples
        --------
        >>> made = {"configuration": {"box_length": 10, "n_electrons": 2, "interaction": "coulomb"}}
        >>> Conditions.of_metadata(made, "density_noninteracting").interaction
        Interaction(name='none', thickness=None, screening_length=None)
        """
        made = metadata.get("configuration")
        made = made if isinstance(made, Mapping) else {}
        n_electrons, name, strength = (
            made.get(key) for key in ("n_electrons", "interaction", "strength")
        )
        if density == NONINTERACTING:
            interaction, strength = Interaction("none"), None
        elif name is None:
            interaction = None
        else:
            lengths = (made.get("thickness"), made.get("screening_length"))
            interaction = Interaction(name, *lengths)
        return cls(box_length(metadata), n_electrons, interaction, strength)

    def or_else(self, other: Conditions) -> Conditions:
        """Return these, and where nothing is known those of another."""
        known = {
            name: value if value is not None else getattr(other, name)
            for name, value in vars(self).items()
        }
        return Conditions(**known)

    def require(self, problem: InverseProblem, whose: str) -> None:
        """Raise `UsageError` where a problem is another one.

        Parameters
        ----------
        problem : InverseProblem
            What is asked for.
        whose : str
            What these conditions are those of, for the message.
        """
        asked = {
            "electrons": (self.n_electrons, problem.n_electrons),
            "a box of side": (self.length, problem.box.length),
            "the interaction": (self.interaction, problem.interaction),
        }
        if problem.interaction.name != "none":
            asked["interaction strength"] = (self.strength, problem.strength)
        for what, (known, given) in asked.items():
            if known is not None and not _same(known, given):
                raise UsageError(
                    f"{whose} stands for {what} {_say(known)}, but {_say(given)} is asked for; "
                    "ask for what it stands for, or leave it out"
                )


def _same(known: Any, given: Any) -> bool:
    if isinstance(known, Interaction):
        return bool(known == given)
    return bool(abs(known - given) <= _ROUNDING * abs(known))


def _say(value: Any) -> str:
    if not isinstance(value, Interaction):
        return f"{value:g}"
    return value.name if value.length is None else f"{value.name} of length {value.length:g} a0*"


_POTENTIAL = "potential"


def propose(
    run: Run | str | Path, densities: Array, problem: InverseProblem, *, batch_size: int = 64
) -> Array:
    """Apply the inverse model of a run to targets.

    A target on another grid than the model was trained on is brought there, and the proposal back:
    densities and potentials are smooth.

    Parameters
    ----------
    run : Run or path
        A finished run of a task from a density to the potential.
    densities : ndarray, shape (n, n_pixels, n_pixels)
        The targets, in 1/a0*^2.
    problem : InverseProblem
        What they are targets of; the model must have been trained on the same.
    batch_size : int
        Targets that go through the model at a time.

    Returns
    -------
    ndarray, shape (n, n_pixels, n_pixels)
        Proposed potentials, in Ha*, up to a constant.

    Raises
    ------
    RunError
        If the run has no trained model.
    UsageError
        If it was trained on another map, box, number of electrons or interaction.
    """
    from keras_qd.prediction._predict import predict
    from keras_qd.training.run import Run

    run = run if isinstance(run, Run) else Run.open(run)
    density = density_field(run)
    conditions_of(run).require(problem, f"the model of {run.path}")
    n_pixels = run.pipeline().inputs[density][-1]
    there = np.stack([resampled(each, n_pixels) for each in densities])
    potentials = predict(run, {density: there}, batch_size=batch_size)[_POTENTIAL]
    back = densities.shape[-1]
    return np.stack([resampled(each.astype(np.float64), back) for each in potentials])


def density_field(run: Run) -> str:
    """Return the name of the density that a run's model takes.

    Raises
    ------
    UsageError
        If it is no map from one square density to the potential.
    """
    pipeline = run.pipeline()
    inputs, targets = list(pipeline.inputs), list(pipeline.targets)
    shapes = [*pipeline.inputs.values(), *pipeline.targets.values()]
    if targets != [_POTENTIAL] or len(inputs) != 1 or not inputs[0].startswith("density"):
        raise UsageError(
            f"{run.path} maps {', '.join(inputs)} to {', '.join(targets)}; a proposal takes a run "
            "of density-to-potential or noninteracting-density-to-potential"
        )
    if any(len(shape) != 2 or shape[0] != shape[1] for shape in shapes):
        raise UsageError(f"{run.path} maps fields of shape {shapes[0]}; expected square maps")
    return inputs[0]


def conditions_of(run: Run) -> Conditions:
    """Return what the data were that a run's model was trained on."""
    return Conditions.of_metadata(run.config["data"], density_field(run))


def invert(
    density: ArrayLike,
    box: Box,
    n_electrons: int,
    tolerance: float = 1e-4,
    run: Run | str | Path | None = None,
    *,
    interaction: str | Interaction | None = None,
    strength: float | None = None,
    gauge: str = "zero-mean",
    family: PotentialFamily | None = None,
    **refinement: Any,
) -> Inversion:
    """Find a potential whose exact ground state has a wanted density.

    A trained inverse model, where there is one, proposes a potential; the exact solver computes its
    density; and refinement goes on until that agrees with the target, or says why it cannot. What
    comes back holds the proof: the potential, its exact density, and how far that is from the
    target.

    Parameters
    ----------
    density : array_like, shape (n_pixels, n_pixels)
        Target at the pixel centres, in 1/a0*^2.
    box : Box
        The box.
    n_electrons : int
        Number of electrons.
    tolerance : float
        Largest ``integral |dn| / N`` with which the target counts as reached.
    run : Run or path, optional
        A finished run of ``density-to-potential`` or ``noninteracting-density-to-potential``, whose
        model proposes the start. Without it keras is not imported.
    interaction : str or Interaction, optional
        By default that which `run` was trained on, or bare Coulomb repulsion.
    strength : float, optional
        Factor on the interaction, by default as in the data behind `run`, or 1.
    gauge : str
        What fixes the constant of the potential: ``"zero-mean"`` or ``"zero-at-lowest-density"``.
    family : PotentialFamily, optional
        The only potentials that a device can be set to; see
        :func:`keras_qd.inverse.invert_in_family`.
    **refinement
        More keywords of :func:`keras_qd.inverse.invert`, such as ``max_iterations``, or of
        :func:`keras_qd.inverse.invert_in_family`.

    Returns
    -------
    Inversion
        The nearest that was found; ``converged`` tells whether it is near enough, ``explanation``
        why not.

    Raises
    ------
    DataError
        If the target is no density of so many electrons.
    UsageError
        If an argument makes no sense, or the model was trained on other systems.
    RunError
        If the run has no trained model.

    Examples
    --------
    >>> import keras_qd
    >>> box = keras_qd.physics.Box(10.0)
    >>> wanted = keras_qd.inverse.density_target("two-lobes").density(box, 32, n_electrons=1)
    >>> found = keras_qd.invert(wanted, box, 1, tolerance=1e-3)
    >>> found.converged
    True
    """
    trained = _conditions(run)
    problem = InverseProblem(
        box=box,
        n_electrons=n_electrons,
        interaction=as_interaction(interaction or trained.interaction or Interaction()),
        strength=next(each for each in (strength, trained.strength, 1.0) if each is not None),
        tolerance=tolerance,
        gauge=gauge,
        family=family,
        refinement=refinement,
    )
    target = check_wanted(np.asarray(density), box, n_electrons)
    start = None if run is None else propose(run, target[None], problem)[0]
    return problem.solve(target, start)


def _conditions(run: Run | str | Path | None) -> Conditions:
    """Return what a run was trained on, as far as that is known."""
    if run is None:
        return Conditions()
    from keras_qd.training.run import Run

    return conditions_of(run if isinstance(run, Run) else Run.open(run))
