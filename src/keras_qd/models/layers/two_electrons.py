"""Two electrons, nearly solved: what a network then only has to refine."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.models.layers.orbital_pairs import OrbitalPairs
from keras_qd.models.layers.short_waves import ShortWaves
from keras_qd.physics.coulomb import interaction_table
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.sine_basis import SineBasis, cosine_matrix, sine_matrix

Array = NDArray[np.float64]

#: How many of the lowest states have their density told.
STATES = 3


@keras.saving.register_keras_serializable(package="keras_qd")
class TwoElectrons(keras.layers.Layer):
    r"""Lowest singlets of two electrons in a potential, in part by perturbation theory.

    The one-electron Hamiltonian is diagonalised in sine functions, then that of two electrons among
    the symmetric pairs of the lowest orbitals; the pairs of some more orbitals are added to second
    order (:class:`~keras_qd.models.layers.orbital_pairs.OrbitalPairs`). The integrals of the
    interaction are exact. The ground state of two electrons in a real potential is a singlet. Its
    wave function and its density are [1]_

    .. math::

        \Psi_k(r, r') = \sum_{ij} C^k_{ij} \phi_i(r) \phi_j(r'), \qquad
        n_k(r) = 2 \sum_{ij} (C^k C^{k})_{ij} \phi_i(r) \phi_j(r)

    No weight is trained, and no gradient passes: what it gives is data to the layers that follow.

    Parameters
    ----------
    lowest : int
        Orbitals whose pairs are taken exactly.
    orbitals : int
        All orbitals.
    n_max : int
        Half waves of the sine functions along a side. Shorter waves, up to half their length, are
        added to the orbitals to first order.
    box_length : float
        Side of the box, in a0*.
    interaction : str
        Its name, see :class:`~keras_qd.physics.Interaction`.
    strength : float
        Factor on the interaction, not negative.
    **options
        Options of :class:`keras.layers.Layer`.

    Raises
    ------
    UsageError
        If the orbitals are not so many.

    Notes
    -----
    What decides is often whether both electrons are in one well or in two. In few orbitals the
    energy of the first is too high, as they cannot avoid each other there, and some dots come out
    wholly wrong, whatever orbitals of higher levels would add to the density itself.

    References
    ----------
    .. [1] P.-O. Loewdin and H. Shull, "Natural orbitals in the quantum theory of two-electron
       systems", Phys. Rev. 101, 1730 (1956), https://doi.org/10.1103/PhysRev.101.1730

    Examples
    --------
    >>> layer = TwoElectrons(lowest=3, orbitals=6, n_max=4)
    >>> densities, energies = layer(np.zeros((1, 16, 16, 1), "float32"))
    >>> tuple(densities.shape), tuple(energies.shape)
    ((1, 16, 16, 5), (1, 4))
    >>> round(float(ops.sum(densities[0, ..., 0])) * (10 / 16) ** 2, 3)
    2.0
    """

    def __init__(
        self,
        lowest: int = 8,
        orbitals: int = 20,
        n_max: int = 12,
        box_length: float = 10.0,
        interaction: str = "coulomb",
        strength: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **options, "trainable": False})
        self.lowest = lowest
        self.orbitals = orbitals
        self.n_max = n_max
        self.box_length = box_length
        self.interaction = interaction
        self.strength = strength

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Tabulate the sine functions and the interaction for images (n, points, points, 1).

        Raises
        ------
        UsageError
            If the images are not square or too coarse, or there are too few functions.
        """
        _, ny, nx, channels = input_shape
        if ny != nx or channels != 1 or nx <= 2 * self.n_max:
            raise UsageError(
                f"two electrons in sine functions of up to {self.n_max} half waves need square "
                f"potentials of more than {2 * self.n_max} pixels a side, not {ny} x {nx} x "
                f"{channels}"
            )
        basis = SineBasis(self.n_max, nx)
        if not 2 <= self.lowest < self.orbitals <= len(basis.kinetic):
            raise UsageError(
                f"n_max={self.n_max} makes {len(basis.kinetic)} orbitals; give no more, and two or "
                f"more that are lowest, but not all: not {self.lowest} of {self.orbitals}"
            )
        self._tabulate_functions(basis)
        self._repulsion = _single(self._factor())
        self._short_waves = ShortWaves(basis, self.box_length)
        self._pairs = OrbitalPairs(self.lowest, self.orbitals)

    @property
    def _unit(self) -> float:
        """Length in a0* of the unit in which the box is pi long."""
        return float(self.box_length / np.pi)

    def _tabulate_functions(self, basis: SineBasis) -> None:
        """Keep kinetic energies, products for the potential, and values on both grids."""
        self._kinetic = _single(np.diag(basis.kinetic / self._unit**2))
        b, a = basis.half_waves.T - 1
        sines = basis.sines
        products = sines[:, :, None] * sines[:, None, :] * (np.pi / len(sines))
        self._products = _single(products.reshape(len(sines), -1))
        # Where in the table of the products along y and x each pair of functions is.
        along_y, along_x = (each[:, None] * self.n_max + each for each in (b, a))
        self._places = along_y * self.n_max**2 + along_x
        # The fewest points on which all integrals of pairs are exact.
        coarse = sine_matrix(self.n_max, 2 * self.n_max + 1)
        self._fine, self._coarse = (
            _single(np.kron(each, each)[:, b * self.n_max + a] / self._unit)
            for each in (sines, coarse)
        )

    def _factor(self) -> Array:
        """Return F such that n^T F F^T n' is the energy of densities on the coarse grid."""
        interaction = Interaction(self.interaction).scaled(1 / self._unit)
        blocks = interaction_table(interaction, self.n_max)
        n_cosines = 2 * self.n_max + 1
        cosines = cosine_matrix(2 * self.n_max, n_cosines)
        along = cosines * np.where(np.arange(n_cosines) == 0, 1.0, 2.0) / n_cosines
        coefficients = np.kron(along, along)
        parts = [coefficients[:, each.places] @ np.tril(each.factor) for each in blocks]
        return np.asarray(np.concatenate(parts, axis=1) * np.sqrt(self.strength * self._unit**3))

    def call(self, potential: Any) -> tuple[Any, Any]:
        """Solve for two electrons.

        Parameters
        ----------
        potential : tensor, shape (n, points, points, 1)
            In Ha*.

        Returns
        -------
        densities : tensor, shape (n, points, points, 5)
            In 1/a0*^2: of the three lowest singlets, of the lowest among the pairs taken exactly
            alone, and without the interaction.
        energies : tensor, shape (n, 4)
            In Ha*, above that of the lowest singlet: of the same states but that one.
        """
        potential = ops.stop_gradient(ops.cast(potential, self.compute_dtype))[..., 0]
        levels, states = ops.linalg.eigh(ops.add(self._elements(potential), self._kinetic))
        levels, states = levels[:, : self.orbitals], states[..., : self.orbitals]
        repulsion = self._integrals(ops.matmul(self._coarse, states))
        energies, shares, poorer_energy, poorer = self._pairs.solve(levels, repulsion, STATES)
        fine = self._short_waves.added(potential, levels, ops.matmul(self._fine, states))
        shares = ops.concatenate([shares, poorer], axis=-1)
        known = [self._pairs.density(fine, shares[..., state]) for state in range(STATES + 1)]
        known.append(2.0 * ops.square(fine[..., 0]))
        points = potential.shape[1]
        densities = ops.reshape(ops.stack(known, axis=-1), (-1, points, points, STATES + 2))
        lowest = energies[:, :1]
        others = [energies[:, 1:], poorer_energy, 2.0 * levels[:, :1]]
        above = ops.concatenate(others, axis=-1) - lowest
        return ops.stop_gradient(densities), ops.stop_gradient(above)

    def _elements(self, potential: Any) -> Any:
        """Return the potential between all sine functions, shape (n, functions, functions)."""
        half = ops.matmul(potential, self._products)
        table = ops.matmul(ops.transpose(self._products), half)
        return ops.take(ops.reshape(table, (-1, self.n_max**4)), self._places, axis=1)

    def _integrals(self, coarse: Any) -> Any:
        """Return the repulsion between all pairs of orbitals, shape (n, pairs, pairs)."""
        first, second = self._pairs.members
        coarse = ops.transpose(coarse, (0, 2, 1))
        pairs = ops.take(coarse, first, axis=1) * ops.take(coarse, second, axis=1)
        factors = ops.matmul(pairs, self._repulsion)
        return ops.matmul(factors, ops.transpose(factors, (0, 2, 1)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shapes of densities and energies."""
        return (*tuple(input_shape)[:3], STATES + 2), (input_shape[0], STATES + 1)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        names = ("lowest", "orbitals", "n_max", "box_length", "interaction", "strength")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _single(array: Any) -> Any:
    return np.ascontiguousarray(array, dtype="float32")
