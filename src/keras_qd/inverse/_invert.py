"""Inversion of densities, from the closed form or from the potential that a model proposes."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd._parallel import map_in_processes, usable_cores
from keras_qd.errors import PhysicsError, UsageError
from keras_qd.inverse.outcome import Callback, Inversion, check_wanted
from keras_qd.inverse.problem import Conditions, InverseProblem
from keras_qd.inverse.targets import resampled
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.potentials.base import PotentialFamily

if TYPE_CHECKING:
    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.training.run import Run
    from keras_qd.weights import Pretrained


Array = NDArray[np.float64]

#: The result for one target: its inversion, or the error of the solver that refused it.
Outcome = Inversion | PhysicsError


def invert(
    density: ArrayLike,
    box: Box,
    n_electrons: int = 2,
    tolerance: float = 1e-4,
    run: Run | str | Path | None = None,
    *,
    start: ArrayLike | None = None,
    interaction: str | Interaction | None = None,
    strength: float | None = None,
    gauge: str = "zero-mean",
    family: PotentialFamily | None = None,
    callback: Callback | None = None,
    **refinement: Any,
) -> Inversion:
    """Find a potential whose exact ground state has a wanted density.

    The search starts from a closed form, or from the potential that a trained model proposes. The
    exact solver computes the density of each potential on the way, so that the result comes with
    its proof: the potential, its exact density, and the distance of that from the target.

    Parameters
    ----------
    density : array_like, shape (n_pixels, n_pixels)
        Target at the pixel centres in 1/a0*^2, y first. It may hold up to 2 % more or fewer
        electrons, and is then normalised; negative values of up to 5 % of the largest count as
        zero.
    box : Box
        The box with hard walls.
    n_electrons : int, default 2
        One to four.
    tolerance : float, default 1e-4
        Largest ``integral |dn| / N`` at which the target counts as reached.
    run : Run or path, optional
        A finished run of ``density-to-potential`` or ``noninteracting-density-to-potential``, or
        ``"density-to-potential"``, the pretrained network: its model proposes the start. Without
        it keras is not imported.
    start : array_like, shape (n_pixels, n_pixels), optional
        A potential to start from, in Ha*, in place of a model's.
    interaction : str or Interaction, optional
        By default that of the data that `run` was trained on, or bare Coulomb repulsion.
    strength : float, optional
        Factor on the interaction, by default as in the data of `run`, or 1.
    gauge : str, default "zero-mean"
        What fixes the constant of the potential: ``"zero-mean"`` over the box, or
        ``"zero-at-lowest-density"`` of the target.
    family : PotentialFamily, optional
        The only potentials that are allowed: those of a device; see `invert_in_family`, whose
        keywords can then be given.
    callback : callable, optional
        Called with the `Iteration` of each exact solution: its number, residual, potential and
        density. What it raises ends the search.
    **refinement
        Without a family: ``half_waves`` (20), the largest number of half waves along a side in the
        potential; ``noise``, the standard deviation of the noise of the target, relative to it as a
        number, or in 1/a0*^2 at each pixel as an array: the density then comes as near to the
        target as the noise allows; ``max_iterations`` (200), the limit of exact solutions after the
        first; ``max_seconds`` (60), the limit of processor time; and ``spin`` of the exact
        `Solver`.

    Returns
    -------
    Inversion
        The nearest potential that was found; ``converged`` says whether it is near enough, and
        ``explanation`` why not.

    Raises
    ------
    DataError
        If the target is not a density of so many electrons, or the start does not fit it.
    UsageError
        If an argument is out of range, or the model was trained on other systems.
    UnknownNameError
        If there is no such interaction or gauge.
    RunError
        If the run has no trained model.
    PhysicsError
        If the solver refuses the potential of the start.

    Examples
    --------
    >>> import keras_qd
    >>> box = keras_qd.physics.Box(10.0)
    >>> wanted = keras_qd.inverse.density_target("two-lobes").density(box, 32, n_electrons=1)
    >>> found = keras_qd.invert(wanted, box, 1, tolerance=1e-3)
    >>> found.converged
    True
    """
    (found,) = invert_many(
        [np.asarray(density)],
        box,
        n_electrons,
        tolerance,
        run,
        starts=None if start is None else [start],
        interaction=interaction,
        strength=strength,
        gauge=gauge,
        family=family,
        callback=callback,
        **refinement,
    )
    return found


def invert_many(
    densities: Sequence[ArrayLike] | Array,
    box: Box,
    n_electrons: int = 2,
    tolerance: float = 1e-4,
    run: Run | str | Path | None = None,
    *,
    starts: Sequence[ArrayLike | None] | Array | None = None,
    interaction: str | Interaction | None = None,
    strength: float | None = None,
    gauge: str = "zero-mean",
    family: PotentialFamily | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    callback: Callback | None = None,
    **refinement: Any,
) -> list[Inversion]:
    """Find potentials for many densities; see `invert`.

    Parameters
    ----------
    densities : sequence of array_like, shape (n_targets, n_pixels, n_pixels)
        Targets, in 1/a0*^2.
    box, n_electrons, tolerance, run : see invert
        The same for all targets.
    starts : sequence of array_like, optional
        A potential to start from for each target, None for the default.
    interaction, strength, gauge, family : see invert
        The same for all targets.
    workers : int, default 1
        Number of processes, with one thread each. With more than one, a script must guard its main
        part with ``if __name__ == "__main__"``.
    progress : callable, optional
        Called with the number of targets that are done and of all.
    callback : callable, optional
        As for `invert`; for a single density.
    **refinement
        Other keywords of `invert`.

    Returns
    -------
    list of Inversion
        In the order of the densities. They do not depend on the number of workers unless the limit
        of processor time is reached.

    Raises
    ------
    UsageError
        If the number of starts is not that of the densities, or there are no workers.
    KerasQDError
        The errors of `invert`, of the first target that has one.

    Examples
    --------
    >>> from keras_qd import physics
    >>> box = physics.Box(10.0)
    >>> potentials = physics.sample_potentials(2, box, 32)
    >>> wanted = [physics.solve(potential, box, 1).density for potential in potentials]
    >>> [found.converged for found in invert_many(wanted, box, 1, tolerance=1e-3)]
    [True, True]
    """
    if workers < 1:
        raise UsageError(f"workers must be at least 1, got {workers!r}")
    if callback is not None and len(densities) != 1:
        raise UsageError(f"a callback follows a single density, got {len(densities)} of them")
    if starts is not None and len(starts) != len(densities):
        raise UsageError(f"{len(densities)} densities need as many starts, got {len(starts)}")
    proposals = None if run is None else open_proposals(run)
    trained = Conditions() if proposals is None else proposals.conditions
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
    targets = [check_wanted(np.asarray(each), box, n_electrons) for each in densities]
    if starts is None and proposals is not None:
        starts = proposals.propose(np.stack(targets), problem)
    outcomes = invert_targets(
        problem, targets, starts, n_workers=workers, progress=progress, callback=callback
    )
    return [_unless_refused(outcome) for outcome in outcomes]


def invert_targets(
    problem: InverseProblem,
    densities: Sequence[Array] | Array,
    starts: Sequence[ArrayLike | None] | Array | None = None,
    *,
    n_workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    callback: Callback | None = None,
) -> list[Outcome]:
    """Invert targets in processes; return the error of a target that the solver refuses."""
    given = [None] * len(densities) if starts is None else list(starts)
    if len(densities) == 1:
        only = _attempt(problem, densities[0], given[0], callback)
        if progress is not None:
            progress(1, 1)
        return [only]
    return map_in_processes(
        partial(_attempt, problem),
        densities,
        given,
        n_workers=n_workers or usable_cores(),
        progress=progress,
    )


def _attempt(
    problem: InverseProblem,
    density: Array,
    start: Array | None,
    callback: Callback | None = None,
) -> Outcome:
    try:
        return problem.solve(density, start, callback)
    except PhysicsError as refusal:
        return PhysicsError(str(refusal))  # without its traceback, which cannot be pickled


def _unless_refused(outcome: Outcome) -> Inversion:
    if isinstance(outcome, PhysicsError):
        raise outcome
    return outcome


_POTENTIAL = "potential"


class Proposals(ABC):
    """Proposes potentials for densities like those that its model was trained on."""

    #: What the model is called in messages.
    name: str
    #: Name of the density that the model takes.
    field: str
    #: Of the data that the model was trained on.
    conditions: Conditions
    n_pixels: int

    def propose(self, densities: Array, problem: InverseProblem) -> Array:
        """Return potentials in Ha*, up to constants, on the grid of the densities."""
        self.conditions.require(problem, f"the model of {self.name}")
        there = np.stack([resampled(each, self.n_pixels) for each in densities])
        back = densities.shape[-1]
        found = [each.astype(np.float64) for each in self._predicted(there, problem)]
        return np.stack([resampled(each, back) for each in found])

    @abstractmethod
    def _predicted(self, densities: Array, problem: InverseProblem) -> Array:
        """Return what the model predicts for densities on its own grid."""


class _OfRun(Proposals):
    """The model of a run of ``density-to-potential`` or one like it."""

    def __init__(self, run: Run) -> None:
        self._run, self.name = run, str(run.path)
        self.field = _density(self.name, run.pipeline)
        self.conditions = Conditions.of_metadata(run.config["data"], self.field)
        self.n_pixels = run.pipeline.inputs[self.field][-1]

    def _predicted(self, densities: Array, problem: InverseProblem) -> Array:
        from keras_qd.prediction import predict

        return predict(self._run, {self.field: densities})[_POTENTIAL]


class _OfPretrained(Proposals):
    """A pretrained network, which knows several numbers of electrons and strengths."""

    def __init__(self, network: Pretrained) -> None:
        self._network, self.name = network, network.name
        self.field = _density(self.name, network.pipeline, "strength")
        trained = {"configuration": network.card["data"]["configuration"]}
        # Lengths scale: the box may have any side.
        self.conditions = dataclasses.replace(
            Conditions.of_metadata(trained, self.field), length=None
        )
        self.n_pixels = network.pipeline.inputs[self.field][-1]

    def _predicted(self, densities: Array, problem: InverseProblem) -> Array:
        model: Any = self._network.load_model()
        found: Array = model.potentials(densities, problem.strength, problem.box.length)[_POTENTIAL]
        return found


def open_proposals(model: Run | str | Path) -> Proposals:
    """Return the proposals of a run, of its directory, or of a pretrained network by its name."""
    from keras_qd.training.run import Run
    from keras_qd.weights._pretrained import find_pretrained

    if isinstance(model, Run):
        return _OfRun(model)
    network = find_pretrained(model)
    return _OfRun(Run.open(model)) if network is None else _OfPretrained(network)


def _density(name: str, pipeline: Pipeline, *others: str) -> str:
    """Return the density that a model takes; raise unless it maps one, and `others`, so."""
    inputs, targets = list(pipeline.inputs), list(pipeline.targets)
    shapes = [pipeline.inputs[inputs[0]], *pipeline.targets.values()]
    if (
        targets != [_POTENTIAL]
        or tuple(inputs[1:]) != others
        or not inputs[0].startswith("density")
    ):
        raise UsageError(
            f"{name} maps {', '.join(inputs)} to {', '.join(targets)}; give a run of "
            "density-to-potential or noninteracting-density-to-potential, or the pretrained "
            "density-to-potential"
        )
    if any(len(shape) != 2 or shape[0] != shape[1] for shape in shapes):
        raise UsageError(f"{name} maps fields of shape {shapes[0]}; expected square maps")
    return inputs[0]
