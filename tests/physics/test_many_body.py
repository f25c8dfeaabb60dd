"""Spin sectors and their lowest levels against second quantisation and against PySCF."""

from functools import cache, reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd.physics import Box, Solver, sample_potentials
from keras_qd.physics.determinants import spin_sector
from keras_qd.physics.full_ci import SectorHamiltonian, lowest_levels
from keras_qd.physics.integrals import (
    PairInteraction,
    pair_interaction,
    singlet_pairs,
    triplet_pairs,
)
from keras_qd.physics.interactions import Interaction

BOX = Box(10.0)


def random_problem(n_orbitals, seed=0):
    """Orbital energies and integrals (ij|kl) of no origin, with the symmetries of real ones."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((6, n_orbitals, n_orbitals))
    factors = factors + factors.transpose(0, 2, 1)
    integrals = np.einsum("pij,pkl->ijkl", factors, factors) / 20
    return np.sort(rng.standard_normal(n_orbitals)), integrals


def as_pairs(integrals):
    n_orbitals = integrals.shape[0]
    matrices = []
    for symmetry, (i, k) in ((1, singlet_pairs(n_orbitals)), (-1, triplet_pairs(n_orbitals))):
        direct = integrals[i[:, None], i, k[:, None], k]
        exchange = integrals[i[:, None], k, k[:, None], i]
        norms = np.where(i == k, np.sqrt(0.5), 1)
        matrices.append((direct + symmetry * exchange) * np.outer(norms, norms))
    return PairInteraction(*matrices)


def as_integrals(pairs, n_orbitals):
    """Undo `as_pairs`."""
    pair_index = np.zeros((n_orbitals, n_orbitals), dtype=int)
    pair_index[singlet_pairs(n_orbitals)] = np.arange(pairs.singlet.shape[0])
    pair_index = np.maximum(pair_index, pair_index.T)
    i, j, k, ell = np.indices((n_orbitals,) * 4)
    norms = np.where(i == k, np.sqrt(2), 1) * np.where(j == ell, np.sqrt(2), 1)
    symmetric = pairs.singlet[pair_index[i, k], pair_index[j, ell]] * norms
    pair_index = np.zeros((n_orbitals, n_orbitals), dtype=int)
    pair_index[triplet_pairs(n_orbitals)] = np.arange(pairs.triplet.shape[0])
    pair_index = np.maximum(pair_index, pair_index.T)
    signs = np.sign(i - k) * np.sign(j - ell)
    antisymmetric = pairs.triplet[pair_index[i, k], pair_index[j, ell]] * signs
    return (symmetric + antisymmetric) / 2


@cache
def annihilators(n_modes):
    """Matrices of all annihilation operators in Fock space (Jordan and Wigner)."""
    one, parity, lower = np.eye(2), np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [0.0, 0.0]])
    return [
        reduce(np.kron, [parity] * mode + [lower] + [one] * (n_modes - mode - 1))
        for mode in range(n_modes)
    ]


def fock_space_levels(energies, integrals, n_electrons):
    """Energies and S^2 of all states of n electrons, by matrices in the whole Fock space."""
    n = energies.size
    up, down = annihilators(2 * n)[:n], annihilators(2 * n)[n:]
    number = np.rint(sum(np.diag(a.T @ a) for a in (*up, *down))).astype(int)
    kept = np.ix_(*[np.flatnonzero(number == n_electrons)] * 2)
    hop = [[(up[i].T @ up[j] + down[i].T @ down[j])[kept] for j in range(n)] for i in range(n)]
    hamiltonian = sum(energies[i] * hop[i][i] for i in range(n))
    for i, j, k, ell in np.ndindex((n,) * 4):
        pair = hop[i][j] @ hop[k][ell] - (hop[i][ell] if k == j else 0)
        hamiltonian = hamiltonian + 0.5 * integrals[i, j, k, ell] * pair
    raising = sum((u.T @ d)[kept] for u, d in zip(up, down, strict=True))
    spin_z = 0.5 * sum((u.T @ u - d.T @ d)[kept] for u, d in zip(up, down, strict=True))
    spin_squared = raising.T @ raising + spin_z @ spin_z + spin_z
    values, vectors = np.linalg.eigh(hamiltonian)
    return values, np.einsum("ij,ik,kj->j", vectors, spin_squared, vectors)


@pytest.mark.parametrize("n_electrons", [2, 3, 4, 5, 6])
def test_all_sectors_against_fock_space(n_electrons):
    energies, integrals = random_problem(4, seed=n_electrons)
    exact, spin_squared = fock_space_levels(energies, integrals, n_electrons)
    found = []
    for n_up in range((n_electrons + 1) // 2, min(n_electrons, 4) + 1):
        sector = spin_sector(4, n_up, n_electrons - n_up)
        hamiltonian = SectorHamiltonian(sector, energies, as_pairs(integrals))
        values, vectors = np.linalg.eigh(hamiltonian.dense())
        for value, vector in zip(values, vectors.T, strict=True):
            close = np.abs(exact - value) < 1e-5
            assert close.any()
            assert sector.spin_squared(vector) == pytest.approx(spin_squared[close][0], abs=1e-4)
        found.append(values)
    # The lowest projections hold everything: even spins in the first sector, odd ones in the next.
    lowest = np.concatenate(found[:2] if n_electrons % 2 == 0 else found[:1])
    assert all(np.abs(lowest - value).min() < 1e-5 for value in exact)


@pytest.mark.parametrize(("n_up", "n_down"), [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 0)])
def test_apply_and_diagonal_are_the_dense_matrix(n_up, n_down):
    energies, integrals = random_problem(5)
    hamiltonian = SectorHamiltonian(spin_sector(5, n_up, n_down), energies, as_pairs(integrals))
    dense = hamiltonian.dense()
    np.testing.assert_allclose(hamiltonian.apply(np.eye(dense.shape[0])), dense, atol=1e-12)
    np.testing.assert_allclose(dense, dense.T, atol=1e-12)
    if n_up != n_down:
        np.testing.assert_allclose(hamiltonian.diagonal(), np.diag(dense), atol=1e-12)


@pytest.mark.parametrize(("n_up", "n_down"), [(1, 0), (1, 1), (2, 1), (2, 2), (3, 1), (3, 3)])
def test_density_matrices_give_the_one_body_energy(n_up, n_down):
    sector = spin_sector(6, n_up, n_down)
    vector = np.random.default_rng(1).standard_normal(sector.dimension)
    vector /= np.linalg.norm(vector)
    up, down = sector.density_matrices(vector)
    assert np.trace(up) == pytest.approx(n_up)
    assert np.trace(down) == pytest.approx(n_down)
    np.testing.assert_allclose(np.diag(up + down), vector**2 @ sector.occupations, atol=1e-12)
    assert np.linalg.eigvalsh(up).min() > -1e-12
    assert np.linalg.eigvalsh(up).max() < 1 + 1e-12


def test_embedding_keeps_states():
    for n_up, n_down in [(2, 1), (2, 2), (3, 0)]:
        small, large = spin_sector(5, n_up, n_down), spin_sector(7, n_up, n_down)
        vector = np.random.default_rng(2).standard_normal((1, small.dimension))
        embedded = large.embed(vector, small)[0]
        np.testing.assert_allclose(
            large.density_matrices(embedded)[0][:5, :5], small.density_matrices(vector[0])[0]
        )


def dot_problem(potential, box, n_orbitals):
    orbitals = Solver(box, 2, n_orbitals=n_orbitals, basis_tolerance=1.0).solve_orbitals(potential)
    return orbitals.energies, pair_interaction(orbitals, Interaction())


def test_kohn_mode():
    """The centre of mass of a parabolic dot moves by itself: one quantum omega above the ground."""
    x, y = BOX.mesh(64)
    energies, pairs = dot_problem(((x - 5) ** 2 + (y - 5) ** 2) / 2, BOX, 36)
    levels = np.linalg.eigvalsh(SectorHamiltonian(spin_sector(36, 1, 1), energies, pairs).dense())
    np.testing.assert_allclose(levels[1:3] - levels[0], 1.0, atol=4e-3)


def assert_no_wrong_roots(n_systems, n_electrons, n_orbitals, length, first=0):
    """Strongly correlated systems: the lowest two levels are those of the dense matrices."""
    box = Box(length)
    for potential in sample_potentials(n_systems, box, 48, seed=3, first=first):
        energies, pairs = dot_problem(potential / length, box, n_orbitals)
        levels = lowest_levels(energies, pairs, n_electrons)
        sectors = [
            spin_sector(n_orbitals, n_up, n_electrons - n_up)
            for n_up in range((n_electrons + 1) // 2, n_electrons + 1)
        ]
        exact = np.concatenate(
            [
                np.linalg.eigvalsh(SectorHamiltonian(sector, energies, pairs).dense())[:4]
                for sector in sectors
            ]
        )
        assert levels[0].energy == pytest.approx(exact.min(), abs=1e-9)
        # A level shows itself in several sectors: the gap is to the next value that is not a copy.
        assert np.abs(exact - levels[1].energy).min() < 1e-5
        assert not ((exact > exact.min() + 1e-4) & (exact < levels[1].energy - 1e-4)).any()


@pytest.mark.parametrize(("n_electrons", "n_orbitals"), [(3, 10), (4, 8)])
def test_no_wrong_roots(n_electrons, n_orbitals):
    assert_no_wrong_roots(4, n_electrons, n_orbitals, 20.0)


def test_states_behind_a_barrier_are_found():
    """A level whose electrons sit elsewhere than in the lowest orbitals, hidden below another."""
    box = Box(20.0)
    potential = sample_potentials(1, box, 64, seed=78, first=10)[0] / 2
    energies, pairs = dot_problem(potential, box, 20)
    levels = lowest_levels(energies, pairs, 3)
    assert levels[1].energy == pytest.approx(-2.184023, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("length", [20.0, 40.0])
@pytest.mark.parametrize(("n_electrons", "n_orbitals"), [(3, 10), (4, 9)])
def test_no_wrong_roots_in_many_systems(n_electrons, n_orbitals, length):
    assert_no_wrong_roots(200, n_electrons, n_orbitals, length, first=100)


@pytest.mark.parametrize("n_electrons", [2, 3, 4, 5])
def test_against_pyscf(n_electrons):
    """The same integrals in PySCF's full configuration interaction, every spin projection."""
    direct_spin1 = pytest.importorskip("pyscf.fci.direct_spin1")
    n_orbitals = 7
    potential = sample_potentials(1, BOX, 48, seed=21)[0]
    energies, pairs = dot_problem(potential, BOX, n_orbitals)
    integrals = as_integrals(pairs, n_orbitals)
    solver = direct_spin1.FCISolver()
    solver.conv_tol, solver.pspace_size = 1e-13, 2000
    values = []
    for n_up in range((n_electrons + 1) // 2, n_electrons + 1):
        electrons = (n_up, n_electrons - n_up)
        energy, vector = solver.kernel(np.diag(energies), integrals, n_orbitals, electrons)
        values.append((energy, electrons, vector))
    energy, electrons, vector = min(values, key=lambda value: value[0] - 1e-9 * value[1][0])
    lowest = lowest_levels(energies, pairs, n_electrons)[0]
    assert lowest.energy == pytest.approx(energy, abs=1e-9)
    assert (lowest.sector.n_up, lowest.sector.n_down) == electrons
    matrix = solver.make_rdm1(vector, n_orbitals, electrons)
    np.testing.assert_allclose(
        sum(lowest.sector.density_matrices(lowest.vector)), matrix, atol=1e-5
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), n_electrons=st.integers(1, 4), strength=st.floats(0, 3))
def test_what_holds_for_every_potential(seed, n_electrons, strength):
    potential = sample_potentials(1, BOX, 40, seed=seed)[0]
    solver = Solver(BOX, n_electrons, n_orbitals=8, strength=strength, basis_tolerance=1e-2)
    dot, without = solver.solve_both(potential)
    assert dot.energy >= without.energy - 1e-9
    assert dot.gap >= 0
    assert dot.interaction_energy >= -1e-9
    assert dot.density.sum() * BOX.pixel_area(40) == pytest.approx(n_electrons, rel=1e-9)
    assert dot.density.min() > -1e-12
    if dot.n_states == 1:  # a mixture of degenerate levels has no spin of its own
        spin = (dot.sector[0] - dot.sector[1]) / 2
        assert dot.spin_squared == pytest.approx(spin * (spin + 1), abs=1e-5)
    assert dot.occupations.max() < 2 + 1e-9
    assert dot.occupations.min() > -1e-9
    shifted = solver.solve(potential + 0.7)
    assert shifted.energy == pytest.approx(dot.energy + 0.7 * n_electrons, abs=1e-8)
