"""Two electrons with every interaction, in deep wells and large boxes, and hidden states."""

import numpy as np
import pytest

from keras_qd.physics import Box, sample_potentials, solve, solve_batch
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.pair_grid import grid_orbitals, pair_grid
from keras_qd.physics.two_electrons import SINGLET, TRIPLET, lowest_pair_states
from keras_qd.physics.window import whole_box

BOX = Box(10.0)


@pytest.mark.parametrize(
    ("interaction", "strength"),
    [
        (Interaction("finite-thickness", thickness=0.1), 1.0),
        (Interaction("finite-thickness", thickness=2.0), 1.0),
        (Interaction("screened", screening_length=0.5), 1.0),
        (Interaction("coulomb"), 0.3),
        (Interaction("coulomb"), 3.0),
    ],
    ids=str,
)
def test_interactions_against_a_finer_grid(interaction, strength):
    potential = sample_potentials(1, BOX, 32, seed=8)
    settings = {"interaction": interaction, "strength": strength}
    dot = solve(potential[0], BOX, **settings)
    best = solve_batch(potential, BOX, n_grid=16, steps=8, **settings)
    assert dot.energy == pytest.approx(best.energy[0], abs=1.5e-4)
    assert dot.gap == pytest.approx(best.gap[0], abs=1.5e-4)
    difference = np.abs(dot.density - best.density[0]).sum() * BOX.pixel_area(32) / 2
    assert difference < 1e-3


def wells(box, n_pixels, centres, depth, width):
    x, y = box.mesh(n_pixels)
    squares = [(x - x0) ** 2 + (y - y0) ** 2 for x0, y0 in centres]
    return -depth * sum(np.exp(-square / (2 * width**2)) for square in squares)


def test_deep_well_does_not_depend_on_the_box():
    """A well of -50 Ha*: an oscillator of 14 Ha* that the wide box resolves through its window."""
    wide = solve(wells(BOX, 128, [(4.0, 6.0)], 50.0, 0.5), BOX)
    narrow = solve(wells(Box(5.0), 64, [(2.5, 2.5)], 50.0, 0.5), Box(5.0))
    assert wide.pair.window.side < 5.0
    assert wide.energy == pytest.approx(narrow.energy, abs=5e-4)
    assert wide.gap == pytest.approx(narrow.gap, abs=2e-3)
    assert -100 < wide.energy < -100 + 3 * np.sqrt(50.0) / 0.5


def test_separate_dots_in_a_large_box():
    """Two electrons 10 apart: twice the energy of one, and 1 / distance but for a quadrupole."""
    box = Box(20.0)
    both = wells(box, 48, [(5.0, 10.0), (15.0, 10.0)], 2.0, 1.5)
    one = solve(wells(box, 48, [(5.0, 10.0)], 2.0, 1.5), box, n_electrons=1)
    dot = solve(both, box, accuracy=5e-3)
    assert dot.energy == pytest.approx(2 * one.energy + 1 / 10, abs=2e-3)
    assert dot.is_degenerate
    assert dot.exchange == pytest.approx(0.0, abs=1e-5)
    assert dot.pair.mean_distance == pytest.approx(10.0, abs=0.2)
    np.testing.assert_allclose(dot.occupations[:2], 1.0, atol=1e-2)


@pytest.mark.parametrize("length", [5.0, 20.0, 40.0])
def test_no_wrong_roots(length):
    """Lowest singlets and triplets of 67 potentials against dense diagonalisation."""
    box, grid = Box(length), pair_grid(4)
    potentials = sample_potentials(67, box, 16, seed=3)
    cosines = whole_box(box).cosines(potentials, 2 * grid.n_fine + 1)
    orbitals = grid_orbitals(grid, cosines, length)
    between = grid.interaction(length, Interaction("coulomb"), 1.0)
    found = lowest_pair_states(orbitals, between, n_roots=2, steps=30, dtype=np.float64)
    for row in range(len(potentials)):
        exact = dense_levels(orbitals.energies[row], orbitals.points[row], between)
        for spin in (SINGLET, TRIPLET):
            np.testing.assert_allclose(found.energies[spin, row, :2], exact[spin], atol=1e-8)


def dense_levels(energies, points, between):
    """Two lowest levels of either spin of all products of orbitals."""
    size = len(energies)
    products = np.kron(points, points)
    matrix = products.T @ (between.ravel()[:, None] * products)
    matrix += np.diag(np.add.outer(energies, energies).ravel())
    i, k = np.triu_indices(size, 1)
    units = np.eye(size**2).reshape(size, size, -1)
    symmetric = np.concatenate([units[i, k] + units[k, i], np.sqrt(2) * units.diagonal().T])
    levels = []
    for basis in (symmetric, units[i, k] - units[k, i]):
        basis = basis / np.sqrt(2)
        levels.append(np.linalg.eigvalsh(basis @ matrix @ basis.T)[:2])
    return levels


def test_density_matrix_of_a_state():
    state = solve(sample_potentials(1, BOX, 32, seed=8)[0], BOX).pair
    matrix = state.one_body_density_matrix
    assert np.trace(matrix) == pytest.approx(2.0)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix)[::-1], state.occupations, atol=1e-12)
    # Every eigenvalue of a singlet's amplitudes, squared and twice: both spins share its orbital.
    amplitudes = np.linalg.eigvalsh(state.wave_function)
    np.testing.assert_allclose(np.sort(2 * amplitudes**2)[::-1], state.occupations, atol=1e-12)
