r"""The interaction as two matrices: between singlet pairs and between triplet pairs of electrons.

Two electrons in orbitals i, k have the spatial states ``(|ik> + |ki>) / sqrt 2`` (``|ii>`` where
i = k) when their spins form a singlet, and ``(|ik> - |ki>) / sqrt 2`` when they form a triplet. The
interaction does not mix the two kinds:

.. math:: W^\pm_{ik,jl} = n_{ik} n_{jl} [(ij|kl) \pm (il|kj)],
   \quad n_{ik} = 1,\; n_{ii} = 1/\sqrt 2 .

For two electrons these matrices and the orbital energies are the Hamiltonian; for more, every pair
of electrons is acted on by them (see `reductions`). The integrals (ij|kl) are in the chemists'
order, as in A. Szabo and N. S. Ostlund, "Modern Quantum Chemistry" (Dover, 1996), section 2.3,
ISBN 978-0-486-69186-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.coulomb import pair_integrals
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.one_body import Orbitals

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class PairInteraction:
    """Interaction between the pair states of a set of orbitals, in Ha*.

    Parameters
    ----------
    singlet : ndarray, shape (m (m + 1) / 2, m (m + 1) / 2)
        Between symmetric pairs, in the order of `singlet_pairs`.
    triplet : ndarray, shape (m (m - 1) / 2, m (m - 1) / 2)
        Between antisymmetric pairs, in the order of `triplet_pairs`.
    """

    singlet: Array
    triplet: Array


def singlet_pairs(n_orbitals: int) -> tuple[Places, Places]:
    """Orbitals i >= k of each symmetric pair; the first pairs are those of the lowest orbitals."""
    return np.tril_indices(n_orbitals)


def triplet_pairs(n_orbitals: int) -> tuple[Places, Places]:
    """Orbitals i > k of each antisymmetric pair, in the same order."""
    return np.tril_indices(n_orbitals, -1)


def pair_interaction(
    orbitals: Orbitals, interaction: Interaction, strength: float = 1.0
) -> PairInteraction:
    """Matrix elements of an interaction between all pairs of orbitals.

    Parameters
    ----------
    orbitals : Orbitals
        The orbitals.
    interaction : Interaction
        The interaction, lengths in a0*.
    strength : float, default 1
        Factor on it.

    Returns
    -------
    PairInteraction
    """
    unit = np.pi / orbitals.box.length
    squares = orbitals.basis.as_grids(orbitals.coefficients)
    integrals = pair_integrals(squares, interaction.scaled(unit)).ravel(order="F")
    integrals *= strength * unit
    direct, exchange, weights = _singlet_places(orbitals.energies.size)
    singlet = (integrals[direct] + integrals[exchange]) * weights
    direct, exchange = _triplet_places(orbitals.energies.size)
    return PairInteraction(singlet, integrals[direct] - integrals[exchange])


@lru_cache(maxsize=8)
def _singlet_places(n_orbitals: int) -> tuple[Places, Places, Array]:
    pairs = singlet_pairs(n_orbitals)
    norms = np.where(pairs[0] == pairs[1], np.sqrt(0.5), 1.0)
    return *_integral_places(pairs), np.outer(norms, norms)


@lru_cache(maxsize=8)
def _triplet_places(n_orbitals: int) -> tuple[Places, Places]:
    return _integral_places(triplet_pairs(n_orbitals))


def _integral_places(pairs: tuple[Places, Places]) -> tuple[Places, Places]:
    """Flat places of (ij|kl) and (il|kj) in the upper triangle, for rows ik and columns jl."""
    i, k = (row[:, None] for row in pairs)
    j, ell = pairs
    n_pairs = int(max(i.max(initial=0), 0)) + 1
    n_pairs = n_pairs * (n_pairs + 1) // 2
    return _flat_place(i, j, k, ell, n_pairs), _flat_place(i, ell, k, j, n_pairs)


def _flat_place(i: Places, j: Places, k: Places, ell: Places, n_pairs: int) -> Places:
    first = np.maximum(i, j) * (np.maximum(i, j) + 1) // 2 + np.minimum(i, j)
    second = np.maximum(k, ell) * (np.maximum(k, ell) + 1) // 2 + np.minimum(k, ell)
    return np.asarray(np.minimum(first, second) + n_pairs * np.maximum(first, second))
