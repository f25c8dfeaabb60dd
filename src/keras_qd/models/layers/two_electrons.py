"""Two electrons, nearly solved: what a network then only has to refine."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.integrals import interaction_table
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.sine_basis import SineBasis, cosine_matrix, sine_matrix

#: In Ha*: the pairs left to perturbation theory lie so far above the ground state, or are taken to.
_LEAST_DISTANCE = 0.2


class OrbitalPairs:
    """The singlets of two electrons, exact among the lowest orbitals, approximate among more."""

    # Pairs P of the lowest orbitals are taken exactly; of all others, Q, the coupling to these, but
    # not that among themselves: H_eff = H_PP + H_PQ (E - D_Q)^-1 H_QP and C_Q = (E - D_Q)^-1 H_QP
    # C_P, with the diagonal D of H and the energy E of the ground state to second order: Z.
    # Gershgorn and I. Shavitt, Int. J. Quantum Chem. 2, 751 (1968), doi:10.1002/qua.560020603.
    # Integrals in the chemists' order: A. Szabo and N. S. Ostlund, "Modern Quantum Chemistry"
    # (Dover, 1996), section 2.3.

    def __init__(self, lowest: int, orbitals: int) -> None:
        first, second = np.triu_indices(orbitals)
        order = np.argsort(second >= lowest, kind="stable")
        self._n_exact = lowest * (lowest + 1) // 2
        self.members = first[order], second[order]
        self._index = _indices_of_pairs(orbitals, self.members)
        exact, others = np.split(np.arange(len(first)), [self._n_exact])
        self._among_exact = self._coupling(exact[:, None], exact)
        self._to_others = self._coupling(exact[:, None], others)
        self._within_others = self._coupling(others, others)
        self._one = np.eye(self._n_exact, dtype="float32")
        same = self.members[0] == self.members[1]
        self._share = np.where(same, 1.0, np.sqrt(0.5)).astype("float32")

    def _coupling(self, rows: Any, columns: Any) -> tuple[Any, Any, Any]:
        """Return where the two integrals between pairs are, and their weights."""
        first, second = self.members
        i, j, k, m = first[rows], second[rows], first[columns], second[columns]
        index, n_pairs = self._index, len(first)
        direct = index[i, k] * n_pairs + index[j, m]
        exchanged = index[i, m] * n_pairs + index[j, k]
        once = np.where(first == second, np.sqrt(0.5), 1.0)
        return direct, exchanged, (once[rows] * once[columns]).astype("float32")

    def solve(self, levels: Any, integrals: Any, n_states: int) -> tuple[Any, Any, Any, Any]:
        """Return energies (n, states), shares of pairs, and both for the lowest pairs alone."""
        # `levels` (n, orbitals) ascending, `integrals` (ij|kl) (n, pairs, pairs) in the order of
        # `members`.
        exact, coupling, others = self._blocks(levels, integrals)
        energies, states = ops.linalg.eigh(exact)
        ground, poorer = energies[:, :1], states[:, :, :1]
        followed = _followed(coupling, others - ground, poorer)
        energies, states = ops.linalg.eigh(exact + ops.matmul(coupling, followed))
        states = states[:, :, :n_states]
        shares = ops.concatenate([states, ops.matmul(followed, states)], axis=1)
        shares = shares / ops.sqrt(ops.sum(ops.square(shares), axis=1, keepdims=True))
        nothing = ops.zeros_like(shares[:, self._n_exact :, :1])
        poorer = ops.concatenate([poorer, nothing], axis=1)
        return energies[:, :n_states], shares, ground, poorer

    def _blocks(self, levels: Any, integrals: Any) -> tuple[Any, Any, Any]:
        """Return H among P, H between P and Q, and the diagonal of H among Q."""
        first, second = self.members
        alone = ops.take(levels, first, axis=1) + ops.take(levels, second, axis=1)
        flat = ops.reshape(integrals, (-1, len(first) ** 2))
        exact = _table(flat, self._among_exact)
        exact = exact + ops.multiply(alone[:, None, : self._n_exact], self._one)
        others = _table(flat, self._within_others) + alone[:, self._n_exact :]
        return exact, _table(flat, self._to_others), others

    def density(self, orbitals: Any, shares: Any) -> Any:
        """Return the density of a singlet (n, points) from orbitals on a grid and pairs' shares."""
        matrix = ops.take(ops.multiply(shares, self._share), self._index, axis=1)
        # The amplitude of one electron where the other is in orbital j.
        return 2.0 * ops.sum(ops.square(ops.matmul(orbitals, matrix)), axis=-1)


def _followed(coupling: Any, above: Any, ground: Any) -> Any:
    """Return what each pair in P brings along in Q, shape (n, others, exact)."""
    # `coupling` (n, exact, others) of P and Q; `above` (n, others) the diagonal of Q above the
    # energy of the ground state in P, `ground` (n, exact, 1).
    coupling = ops.transpose(coupling, (0, 2, 1))
    response = ops.matmul(coupling, ground)[..., 0]
    distance = ops.maximum(above, _LEAST_DISTANCE)
    gained = ops.sum(ops.square(response) / distance, axis=-1, keepdims=True)
    return -coupling / (distance + gained)[..., None]


def _indices_of_pairs(orbitals: int, members: tuple[Any, Any]) -> Any:
    """Return where each pair of orbitals, in either order, is among the pairs."""
    first, second = members
    index = np.zeros((orbitals, orbitals), dtype="int64")
    index[first, second] = index[second, first] = np.arange(len(first))
    return index


def _table(integrals: Any, coupling: tuple[Any, Any, Any]) -> Any:
    direct, exchanged, weights = coupling
    both = ops.take(integrals, direct, axis=1) + ops.take(integrals, exchanged, axis=1)
    return ops.multiply(both, weights)


#: In Ha*: the waves left out lie so far above the orbitals, or are taken to.
_LEAST_DISTANCE_SHORT_WAVES = 1.0


class ShortWaves:
    """Add to orbitals the waves up to half as long as the shortest of their basis."""

    # What is left out is coupled to the orbitals to first order, with the mean of the potential for
    # that of each wave: P.-O. Loewdin, J. Chem. Phys. 19, 1396 (1951), doi:10.1063/1.1748067.

    def __init__(self, basis: SineBasis, box_length: float) -> None:
        self._points = basis.n_pixels
        self._area = (box_length / basis.n_pixels) ** 2
        order = np.arange(1, 2 * basis.n_max + 1)
        # Orthonormal on the pixels.
        waves = np.sqrt(np.pi / basis.n_pixels) * sine_matrix(2 * basis.n_max, basis.n_pixels)
        self._waves = waves.astype("float32")
        squares = (np.pi / box_length * order) ** 2
        self._kinetic = (0.5 * (squares[:, None] + squares)).astype("float32")
        self._left_out = np.ones_like(self._kinetic)
        b, a = basis.half_waves.T - 1
        self._left_out[b, a] = 0.0

    def added(self, potential: Any, levels: Any, orbitals: Any) -> Any:
        """Return orbitals (n, points^2, m) with their shorter waves, normalised."""
        m, points = levels.shape[1], self._points
        images = ops.reshape(ops.transpose(orbitals, (0, 2, 1)), (-1, m, points, points))
        driven = ops.matmul(potential[:, None] * images, self._waves)
        driven = ops.matmul(ops.transpose(self._waves), driven)
        mean = ops.mean(potential, axis=(1, 2))[:, None, None, None]
        distance = ops.add(mean - levels[:, :, None, None], self._kinetic)
        shares = -ops.multiply(driven, self._left_out) / ops.maximum(
            distance, _LEAST_DISTANCE_SHORT_WAVES
        )
        size = ops.sqrt(1.0 + self._area * ops.sum(ops.square(shares), axis=(2, 3)))
        more = ops.matmul(ops.matmul(self._waves, shares), ops.transpose(self._waves))
        more = ops.transpose(ops.reshape(more, (-1, m, points**2)), (0, 2, 1))
        return (orbitals + more) / size[:, None]


Array = NDArray[np.float64]

#: How many of the lowest states have their densities returned.
STATES = 3


@keras.saving.register_keras_serializable(package="keras_qd")
class TwoElectrons(keras.layers.Layer):
    """Lowest singlets of two electrons in a potential, in part by perturbation theory."""

    # The one-electron Hamiltonian is diagonalised in sine functions, then that of two electrons
    # among the symmetric pairs of the lowest orbitals; the pairs of some more are added to second
    # order. The ground state of two electrons in a real potential is a singlet; its density from
    # the shares C of pairs is n(r) = 2 sum_ij (C C)_ij phi_i(r) phi_j(r): P.-O. Loewdin and H.
    # Shull, Phys. Rev. 101, 1730 (1956), doi:10.1103/PhysRev.101.1730. No weight is trained and no
    # gradient passes. In few orbitals the energy of two electrons in one well is too high, and some
    # dots come out wholly wrong.

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
        """Tabulate the sine functions and the interaction for images (n, points, points, 1)."""
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
        parts = [coefficients[:, each.indices] @ np.tril(each.factor) for each in blocks]
        return np.asarray(np.concatenate(parts, axis=1) * np.sqrt(self.strength * self._unit**3))

    def call(self, potential: Any) -> tuple[Any, Any]:
        """Return densities (n, points, points, 5) in 1/a0*^2 and energies (n, 4) in Ha*."""
        # Densities of the three lowest singlets, of the lowest one among the pairs taken exactly,
        # and without the interaction; energies of the same states but the first, above that of the
        # first.
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
