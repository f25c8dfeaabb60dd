"""How far a computed energy and density are from their limit in the number of orbitals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]

#: How many times more orbitals the comparison takes, and how much stricter its sine basis is.
_MORE_ORBITALS = 1.5
_STRICTER_BASIS = 0.1


@dataclass(frozen=True)
class LabelError:
    """Estimated errors of a `Solution` against the limit of many orbitals.

    Parameters
    ----------
    energy : float
        Energy minus its limit, in Ha*. It is not negative but for rounding, as the energy is
        variational.
    density : float
        Integral of the absolute error of the density, per electron.

    Examples
    --------
    >>> LabelError(energy=0.012, density=0.02).energy
    0.012
    """

    energy: float
    density: float


def estimate_label_error(
    solver: Solver, potential: Array, n_orbitals: int | None = None
) -> LabelError:
    """Estimate the error of what a solver returns, by solving once more with more orbitals.

    The cusp of the wave function where two electrons meet makes errors fall as 1 / M with the
    number of orbitals M, so the difference from a larger M' is stretched by ``M' / (M' - M)``, as
    in every extrapolation of Richardson's kind [1]_ (E + c / M less E + c / M' is that share of
    c / M). For
    two electrons in random potentials, against M = 56 and 80, energies are met to about 30 % and
    densities to about a factor of two (too large rather than too small). In a parabola, whose
    orbitals come in shells, give full shells both times.

    Parameters
    ----------
    solver : Solver
        The solver to be judged.
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential in Ha*.
    n_orbitals : int, optional
        M'; one and a half times as many as the solver's by default.

    Returns
    -------
    LabelError
        Of the energy and of the density.

    Raises
    ------
    UsageError
        If `n_orbitals` is not larger than the solver's.
    PhysicsError
        If the larger problem is out of reach.

    References
    ----------
    .. [1] L. F. Richardson and J. A. Gaunt, "The deferred approach to the limit", Phil. Trans. R.
       Soc. A 226, 299 (1927), https://doi.org/10.1098/rsta.1927.0008

    Examples
    --------
    >>> from keras_qd.physics import Box
    >>> box = Box(10.0)
    >>> x, y = box.mesh(64)
    >>> error = estimate_label_error(Solver(box, 2), (x - 5) ** 2 / 2 + (y - 5) ** 2 / 2)
    >>> round(error.energy, 3), round(error.density, 2)  # Taut's exact energy says 0.015
    (0.012, 0.02)
    """
    n_given = solver.orbital_count
    n_larger = math.ceil(_MORE_ORBITALS * n_given) if n_orbitals is None else n_orbitals
    if n_larger <= n_given:
        raise UsageError(f"n_orbitals must be more than the solver's {n_given}, got {n_larger}")
    stricter = solver.basis_tolerance * _STRICTER_BASIS
    larger = replace(solver, n_orbitals=n_larger, basis_tolerance=stricter)
    small, large = solver.solve(potential), larger.solve(potential)
    stretch = n_larger / (n_larger - n_given)
    area = solver.box.pixel_area(small.density.shape[0])
    difference = float(np.abs(small.density - large.density).sum()) * area / solver.n_electrons
    return LabelError(stretch * (small.energy - large.energy), stretch * difference)
