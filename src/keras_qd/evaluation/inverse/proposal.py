"""What a trained inverse model proposes: a potential at once, to be refined and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.evaluation.inverse.conditions import Conditions
from keras_qd.physics.targets.given import resampled

if TYPE_CHECKING:
    from keras_qd.evaluation.inverse.problem import InverseProblem
    from keras_qd.training.run import Run

Array = NDArray[Any]

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
    from keras_qd.evaluation.prediction import predict
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
