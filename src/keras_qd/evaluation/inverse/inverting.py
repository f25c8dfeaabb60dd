"""From a wanted density to a potential with its proof, with or without a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from keras_qd.evaluation.inverse.conditions import Conditions
from keras_qd.evaluation.inverse.problem import InverseProblem
from keras_qd.evaluation.inverse.proposal import conditions_of, propose
from keras_qd.physics import Box, Interaction, Inversion
from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.inversion.wanted_density import check_wanted
from keras_qd.physics.potentials.family import PotentialFamily

if TYPE_CHECKING:
    from keras_qd.training.run import Run


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
        :func:`keras_qd.physics.invert_in_family`.
    **refinement
        More keywords of :func:`keras_qd.physics.invert`, such as ``max_iterations``, or of
        :func:`keras_qd.physics.invert_in_family`.

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
    >>> wanted = keras_qd.physics.density_target("two-lobes").density(box, 32, n_electrons=1)
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
