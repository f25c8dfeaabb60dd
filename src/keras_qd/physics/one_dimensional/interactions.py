"""Interactions of two electrons on a line, by name.

The bare 1/r keeps two electrons on a line apart altogether; what is left of three dimensions in
a real wire softens it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError, UsageError

#: Name -> interaction in Ha* at a distance and with a softening length, both in a0*.
INTERACTIONS: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.float64]]] = {
    "none": lambda distance, softening: np.zeros_like(distance),
    "soft-coulomb": lambda distance, softening: 1.0 / np.sqrt(distance**2 + softening**2),
    "cusp-coulomb": lambda distance, softening: 1.0 / (distance + softening),
}


def interaction_matrix(
    name: str, n_points: int, length: float, softening: float, strength: float
) -> NDArray[np.float64]:
    """Interaction of an electron at each node with one at each node.

    Parameters
    ----------
    name : str
        ``"soft-coulomb"``: 1/sqrt(d^2 + a^2); ``"cusp-coulomb"``: 1/(d + a); ``"none"``; for
        their sources see `keras_qd.physics.solve_1d`.
    n_points : int
        Number of interior nodes.
    length : float
        Distance of the walls in a0*.
    softening : float
        The length a in a0*.
    strength : float
        Factor of the interaction.

    Returns
    -------
    ndarray, shape (n_points, n_points)
        In Ha*.

    Raises
    ------
    UnknownNameError
        No interaction of that name.
    UsageError
        A softening that is not positive, or a strength that is negative.
    """
    if name not in INTERACTIONS:
        raise UnknownNameError("one-dimensional interaction", name, INTERACTIONS)
    if not (softening > 0 and strength >= 0):
        raise UsageError(
            f"softening={softening!r} must be positive and strength={strength!r} not negative"
        )
    nodes = np.arange(1, n_points + 1) * (length / (n_points + 1))
    return strength * INTERACTIONS[name](np.abs(nodes[:, None] - nodes), softening)
