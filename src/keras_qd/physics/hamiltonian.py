"""The Hamiltonian of several electrons among the determinants of one spin sector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.pairs import PairInteraction
from keras_qd.physics.reductions import Reduction
from keras_qd.physics.spin_sector import SpinSector, spin_sector

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SectorHamiltonian:
    """``sum_i e_i n_i`` and the interaction between every pair of electrons, see `reductions`.

    Parameters
    ----------
    sector : SpinSector
        The determinants.
    energies : ndarray, shape (n_orbitals,)
        Orbital energies, in Ha*.
    pairs : PairInteraction
        The interaction between pairs of electrons.
    """

    sector: SpinSector
    energies: Array
    pairs: PairInteraction

    def apply(self, rows: Array) -> Array:
        """Apply the Hamiltonian to each row, shape (k, dimension)."""
        result = rows * self._one_body
        for reduction, interaction in self._terms:
            amplitudes = np.stack([reduction.matrix @ row for row in rows])
            acted = amplitudes.reshape(-1, interaction.shape[0]) @ interaction
            for row, part in zip(result, acted.reshape(amplitudes.shape), strict=True):
                row += reduction.transpose @ part
        return result

    def diagonal(self) -> Array:
        """Diagonal elements, but for the coupling of a determinant to its own spin flip."""
        diagonal = self._one_body.copy()
        for reduction, interaction in self._terms:
            n_spectators = reduction.matrix.shape[0] // interaction.shape[0]
            diagonal += reduction.transpose.power(2) @ np.tile(interaction.diagonal(), n_spectators)
        return diagonal

    def dense(self) -> Array:
        """Return the whole matrix, shape (dimension, dimension)."""
        matrix = np.diag(self._one_body)
        if self.sector.n_electrons == 2:
            # The pair is all there is: both reductions are the identity.
            return matrix + (self.pairs.singlet if self.sector.is_even else self.pairs.triplet)
        for reduction, interaction in self._terms:
            amplitudes = reduction.dense.reshape(-1, interaction.shape[0], matrix.shape[0])
            matrix += reduction.transpose @ (interaction @ amplitudes).reshape(
                reduction.dense.shape
            )
        return matrix

    @cached_property
    def _one_body(self) -> Array:
        return self.sector.occupations @ self.energies

    @cached_property
    def _terms(self) -> list[tuple[Reduction, Array]]:
        """Reduction and pair interaction, of singlets and of triplets."""
        terms = [
            (self.sector.singlet_reduction, self.pairs.singlet),
            (self.sector.triplet_reduction, self.pairs.triplet),
        ]
        return [term for term in terms if term[0].matrix.shape[0]]

    def leading(self, n_orbitals: int) -> SectorHamiltonian:
        """Return the Hamiltonian of the same electrons in the lowest `n_orbitals` orbitals."""
        sector = self.sector
        small = spin_sector(n_orbitals, sector.n_up, sector.n_down)
        n_triplets, n_singlets = (n_orbitals * (n_orbitals + s) // 2 for s in (-1, 1))
        pairs = PairInteraction(
            self.pairs.singlet[:n_singlets, :n_singlets],
            self.pairs.triplet[:n_triplets, :n_triplets],
        )
        return SectorHamiltonian(small, self.energies[:n_orbitals], pairs)
