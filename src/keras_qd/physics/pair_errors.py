"""Errors of two electrons on a product grid, from two grids.

The error of a grid of spacing h falls as h^p, so that the difference of two grids is that of the
coarser one up to ``1 - (h / h')^p``, as in Richardson's extrapolation [1]_. Measured over six
families of potentials at n = 10 to 18, p is about 6 for densities and 5 for energies.

References
----------
.. [1] L. F. Richardson and J. A. Gaunt, Phil. Trans. R. Soc. A 226, 299 (1927),
   https://doi.org/10.1098/rsta.1927.0008
"""

from __future__ import annotations

from keras_qd.physics.solution import LabelError

#: Powers of the spacing that errors of densities and energies fall with.
DENSITY_ORDER, ENERGY_ORDER = 6, 5

#: How many points more along a side the grid has that a solution is compared with afterwards.
FINER = 4


def extrapolation(n_coarse: int, n_fine: int, order: int) -> float:
    """Error of the finer of two results that differ by 1, on grids of n x n points in one window.

    Examples
    --------
    >>> round(extrapolation(10, 12, 6), 2)
    0.58
    """
    return float(1.0 / (((n_fine + 1) / (n_coarse + 1)) ** order - 1.0))


def error_by_finer(n: int, energy: float, density: float, gap: float) -> LabelError:
    """Errors of a result on a grid of n x n points from differences to n + `FINER` points a side.

    Parameters
    ----------
    n : int
        Points along a side.
    energy, gap : float
        What was found less what the finer grid says, in Ha*.
    density : float
        Integral of the absolute difference of the densities, per electron.

    Returns
    -------
    LabelError
    """
    of_energy = 1.0 + extrapolation(n, n + FINER, ENERGY_ORDER)
    of_density = 1.0 + extrapolation(n, n + FINER, DENSITY_ORDER)
    return LabelError(of_energy * energy, of_density * density, of_energy * gap)
