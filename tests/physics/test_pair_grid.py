"""The one-electron half of the product grid, the contact and the window."""

import numpy as np
import pytest

from keras_qd.physics import Box, sample_potentials, two_electron_energy
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.pair_grid import (
    contact_values,
    density_of,
    grid_orbitals,
    pair_grid,
    relative_energy,
    square_coefficients,
)
from keras_qd.physics.references import separated_energy
from keras_qd.physics.sine_basis import sine_basis, solve_orbitals
from keras_qd.physics.window import find_window, whole_box

BOX = Box(10.0)
COULOMB = Interaction("coulomb")

#: Minus the regularised sum of 1/|n| over the integer points of the plane, -4 zeta(1/2) beta(1/2)
#: (Borwein et al., Lattice Sums Then and Now, 2013).
LATTICE = 3.900264920001956


@pytest.mark.parametrize("omega", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("angular_momentum", [0, 1])
def test_relative_energy_of_the_bare_interaction(omega, angular_momentum):
    found = relative_energy(COULOMB, 1.0, omega, angular_momentum)
    assert found + omega == pytest.approx(
        two_electron_energy(omega, angular_momentum), rel=1e-10, abs=1e-10
    )


@pytest.mark.parametrize(
    "interaction",
    [Interaction("finite-thickness", thickness=0.1), Interaction("screened", screening_length=0.5)],
)
def test_relative_energy_of_other_interactions(interaction):
    exact = separated_energy(0.5, lambda distance: float(interaction(np.array(distance))))
    assert relative_energy(interaction, 1.0, 0.5, 0) + 0.5 == pytest.approx(exact, abs=1e-7)


def test_contact_tends_to_the_lattice_constant():
    a, c = [], []
    for spacing in (0.4, 0.3):
        on_site, neighbour = contact_values(COULOMB, 1.0, spacing, 0.5)
        a.append(neighbour * spacing - 1.0)
        c.append((LATTICE - 4 * a[-1]) / spacing - on_site)
    assert a == pytest.approx([0.05, 0.05], abs=0.005)
    # What is left is a constant: no part of it grows as 1 / spacing.
    assert c == pytest.approx([0.15, 0.15], abs=0.02)


def test_contact_scales():
    """Lengths twice as large and half the strength: energies four times smaller."""
    one = contact_values(COULOMB, 1.0, 0.7, 0.5)
    other = contact_values(COULOMB, 0.5, 1.4, 0.125)
    assert np.multiply(other, 4) == pytest.approx(one, rel=1e-9)


def test_thick_layers_need_no_contact_on_a_fine_grid():
    thick = Interaction("finite-thickness", thickness=2.0)
    on_site, neighbour = contact_values(thick, 1.0, 0.5, 0.5)
    assert (on_site, neighbour) == pytest.approx(tuple(thick(np.array([0.0, 0.5]))), abs=2e-4)


def orbitals_on(n, potentials, window=None):
    grid, window = pair_grid(n), window or whole_box(BOX)
    cosines = window.cosines(potentials, 2 * grid.n_fine + 1)
    return grid_orbitals(grid, cosines, window.side)


@pytest.fixture(scope="module")
def potentials():
    return sample_potentials(3, BOX, 48, seed=11)


def test_folding_keeps_the_energies_of_the_finer_basis(potentials):
    orbitals = orbitals_on(10, potentials)
    for energies, potential in zip(orbitals.energies, potentials, strict=True):
        exact = solve_orbitals(potential, BOX, sine_basis(26, 48), 4).energies
        # To second order in the distance from the lowest level.
        assert energies[0] == pytest.approx(exact[0], abs=2e-5)
        assert energies[1:4] == pytest.approx(exact[1:], abs=2e-3)


def test_orbitals_are_orthonormal(potentials):
    orbitals = orbitals_on(10, potentials)
    unit = np.broadcast_to(np.eye(100), (3, 100, 100))
    for vectors in (orbitals.points, orbitals.coefficients):
        np.testing.assert_allclose(np.swapaxes(vectors, 1, 2) @ vectors, unit, atol=1e-10)


def test_density_of_the_lowest_orbital(potentials):
    orbitals = orbitals_on(12, potentials)
    lowest = square_coefficients(orbitals)[:, :, :1]
    sines = whole_box(BOX).sines(48, orbitals.grid.n_fine)
    exact = solve_orbitals(potentials[1], BOX, sine_basis(26, 48), 1).values()[0] ** 2
    difference = np.abs(density_of(lowest, *sines)[1] - exact).sum() * BOX.pixel_area(48)
    assert difference < 5e-4


def test_batches_do_not_mix(potentials):
    together, alone = orbitals_on(8, potentials), orbitals_on(8, potentials[1:2])
    np.testing.assert_allclose(together.energies[1], alone.energies[0], atol=1e-12)


def well(x0, y0, depth, width, n_pixels=128):
    x, y = BOX.mesh(n_pixels)
    return -depth * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * width**2))


def test_window_holds_a_deep_narrow_well():
    window = find_window(well(4.0, 7.0, 50.0, 0.3), BOX, COULOMB, 1.0)
    assert window.side < 5.0
    assert window.x + window.side / 2 == pytest.approx(4.0, abs=0.1)
    assert window.y + window.side / 2 == pytest.approx(7.0, abs=0.1)


def test_window_holds_both_of_two_wells():
    potential = well(2.5, 2.5, 20.0, 0.5) + well(6.5, 5.5, 20.0, 0.5)
    window = find_window(potential, BOX, COULOMB, 1.0)
    assert window.x < 1.5
    assert window.y < 1.5
    assert window.x + window.side > 7.5


def test_window_of_an_empty_box_is_the_box():
    assert find_window(np.zeros((32, 32)), BOX, COULOMB, 1.0) == whole_box(BOX)


def test_one_electron_in_a_window():
    potential = well(4.0, 7.0, 50.0, 0.3)
    window = find_window(potential, BOX, COULOMB, 1.0)
    orbitals = orbitals_on(16, potential[None], window)
    exact = orbitals_on(22, potential[None], window)
    assert orbitals.energies[0, 0] == pytest.approx(exact.energies[0, 0], abs=1e-3)
    # An oscillator at the bottom, less what the well is shallower outside.
    assert -50.0 < exact.energies[0, 0] < -50.0 + np.sqrt(50.0) / 0.3
