"""Spectra of one to four electrons against what is known exactly."""

import numpy as np
import pytest
from tests.physics.three_electrons import ThreeElectrons

from keras_qd.errors import UsageError
from keras_qd.physics import (
    Box,
    many_electrons,
    sample_potentials,
    solve,
    spectrum,
    two_electron_energy,
)

BOX = Box(8.0)
X, Y = BOX.mesh(32)
ROUND = (X - 4) ** 2 / 2 + (Y - 4) ** 2 / 2
OVAL = (X - 4) ** 2 / 2 + 1.3**2 * (Y - 4) ** 2 / 2
WIDE = Box(10.0)
WIDE_OVAL = np.add.outer(1.1**2 * (WIDE.centres(32) - 5) ** 2, (WIDE.centres(32) - 5) ** 2) / 2


@pytest.fixture(scope="module")
def pair_levels():
    return spectrum(OVAL, BOX, 2, 10)


def test_one_electron_levels_of_an_oval_parabola():
    levels = spectrum(OVAL, BOX, 1, 6)
    exact = sorted((i + 0.5) + 1.3 * (k + 0.5) for i in range(6) for k in range(6))[:6]
    np.testing.assert_allclose(levels.energies, exact, atol=5e-4)
    np.testing.assert_array_equal(levels.spin_squared, 0.75)
    area = BOX.pixel_area(32)
    np.testing.assert_allclose(levels.densities.sum(axis=(1, 2)) * area, 1.0, rtol=1e-9)


def test_one_electron_dipoles_of_an_oval_parabola():
    levels = spectrum(OVAL, BOX, 1, 3)
    for level, axis, omega in ((1, 0, 1.0), (2, 1, 1.3)):
        expected = np.zeros(2)
        expected[axis] = np.sqrt(0.5 / omega)
        np.testing.assert_allclose(np.abs(levels.dipoles[0, level]), expected, atol=1e-4)
    np.testing.assert_allclose(levels.dipoles[0, 0], 4.0, atol=1e-6)


def test_kohn_modes(pair_levels):
    """Light excites the centre of mass alone, at the frequencies of the parabola."""
    bright = np.flatnonzero(pair_levels.oscillator_strengths > 0.05)
    np.testing.assert_allclose(pair_levels.excitation_energies[bright], [1.0, 1.3], atol=1e-3)
    np.testing.assert_allclose(pair_levels.oscillator_strengths[bright], 2.0, atol=5e-3)


def test_dipoles_are_a_symmetric_matrix_that_keeps_the_spin(pair_levels):
    dipoles, spins = pair_levels.dipoles, pair_levels.spins
    np.testing.assert_allclose(dipoles, dipoles.swapaxes(0, 1), atol=1e-7)
    assert not dipoles[spins[:, None] != spins].any()
    # <sum r> of a state is the dipole of its density.
    moments = [(density * x).sum() for density in pair_levels.densities for x in (X, Y)]
    np.testing.assert_allclose(
        np.einsum("iik->ik", dipoles).ravel(), np.array(moments) * BOX.pixel_area(32), atol=2e-3
    )


def test_multiplets_of_a_round_dot():
    levels = spectrum(ROUND, BOX, 2, 5)
    assert levels.multiplets == [[0], [1, 2], [3, 4]]
    assert [levels.spins[group[0]] for group in levels.multiplets] == [0, 1, 0]
    errors = np.abs(levels.energies[[0, 3]] - [3.0, 4.0])
    assert (errors < 1e-5 + 3 * levels.energy_errors[[0, 3]]).all()


def test_spectra_of_more_electrons_are_refused():
    with pytest.raises(UsageError, match="1 to 4"):
        spectrum(ROUND, BOX, 7)
    with pytest.raises(UsageError, match="leave n_orbitals out"):
        spectrum(ROUND, BOX, 3, n_orbitals=20)


def taut_levels(omega, n_levels):
    """Energies and spins: relative angular momentum +-m, spin m % 2, and quanta of the centre."""
    levels = [
        (two_electron_energy(omega, momentum) + quanta * omega, momentum % 2)
        for momentum in range(4)
        for quanta in range(3)
        for _ in range((quanta + 1) * (1 if momentum == 0 else 2))
    ]
    return np.array(sorted(levels)[:n_levels]).T


@pytest.mark.parametrize("omega", [1.0, 1 / 6])
def test_levels_of_taut(omega):
    box = Box(9.0 / np.sqrt(omega))
    x, y = box.mesh(40)
    square = (x - box.length / 2) ** 2 + (y - box.length / 2) ** 2
    levels = spectrum(0.5 * omega**2 * square, box, 2, 6)
    energies, spins = taut_levels(omega, 6)
    np.testing.assert_array_equal(levels.spins, spins)
    # A square grid parts the singlets of m = +-2 by the most.
    np.testing.assert_allclose(levels.energies, energies, atol=2e-3 * np.sqrt(omega))
    np.testing.assert_allclose(levels.energies[:5], energies[:5], atol=2e-4 * np.sqrt(omega))
    ratios = np.abs(levels.energies - energies) / levels.energy_errors
    assert np.median(ratios) < 1.5
    assert ratios.max() < 3


@pytest.fixture(scope="module")
def three_levels():
    return spectrum(WIDE_OVAL, WIDE, 3, 9)


def test_kohn_modes_of_three_electrons(three_levels):
    """Both take all of the oscillator strength, N each."""
    bright = np.flatnonzero(three_levels.oscillator_strengths > 0.05)
    np.testing.assert_allclose(three_levels.excitation_energies[bright], [1.0, 1.1], atol=4e-3)
    np.testing.assert_allclose(three_levels.oscillator_strengths[bright], 3.0, atol=0.02)
    errors = three_levels.energy_errors[bright] + three_levels.energy_errors[0]
    assert (np.abs(three_levels.excitation_energies[bright] - [1.0, 1.1]) < errors).all()


@pytest.mark.slow
def test_kohn_mode_of_four_electrons():
    """It lies above the triplets, singlets and the quintet of two shells."""
    levels = spectrum(WIDE_OVAL, WIDE, 4, 17)
    bright = np.flatnonzero(levels.oscillator_strengths > 0.05)
    np.testing.assert_allclose(levels.excitation_energies[bright], [1.0, 1.1], atol=4e-3)
    np.testing.assert_allclose(levels.oscillator_strengths[bright], 4.0, atol=0.03)


def test_spins_and_densities_of_three_electrons(three_levels):
    assert three_levels.spins[:3].tolist() == [0.5, 0.5, 1.5]
    np.testing.assert_allclose(three_levels.spin_squared[:3], [0.75, 0.75, 3.75])
    area = WIDE.pixel_area(32)
    np.testing.assert_allclose(three_levels.densities.sum(axis=(1, 2)) * area, 3.0, rtol=1e-9)
    x, y = WIDE.mesh(32)
    moments = np.einsum("kyx,dyx->kd", three_levels.densities, np.array([x, y])) * area
    np.testing.assert_allclose(np.einsum("iik->ik", three_levels.dipoles), moments, atol=2e-3)
    different = three_levels.spins[:, None] != three_levels.spins
    assert not three_levels.dipoles[different].any()


def test_the_ground_state_of_a_spectrum_is_that_of_the_solver(three_levels):
    dot = solve(WIDE_OVAL, WIDE, 3)
    assert three_levels.energies[0] == pytest.approx(dot.energy, abs=1e-8)
    assert three_levels.excitation_energies[1] == pytest.approx(dot.gap, abs=1e-6)
    assert three_levels.energy_errors[0] == pytest.approx(dot.energy_error, rel=1e-3)
    difference = np.abs(three_levels.densities[0] - dot.density).sum() / dot.density.sum()
    assert difference < 1e-5


def test_multiplets_of_four_electrons_in_a_round_dot():
    """Hund's triplet, the doublet of singlets with two quanta of rotation, and one without."""
    x, y = WIDE.mesh(32)
    levels = spectrum(0.5 * ((x - 5) ** 2 + (y - 5) ** 2), WIDE, 4, 4)
    assert levels.spins.tolist() == [1, 0, 0, 0]
    assert levels.multiplets == [[0], [1, 2], [3]]


@pytest.mark.parametrize(("n_electrons", "n_states"), [(1, 4), (2, 4), (3, 3)])
def test_slopes_of_levels_are_their_densities(n_electrons, n_states):
    """Hellmann-Feynman for every level: dE/dv is the integral of density and gate potential."""
    x, y = WIDE.mesh(32)
    gate, step = -np.exp(-((x - 4) ** 2 + (y - 5.5) ** 2) / 4), 0.02
    ends = [
        spectrum(WIDE_OVAL + sign * step * gate, WIDE, n_electrons, n_states) for sign in (-1, 1)
    ]
    slopes = (ends[1].energies - ends[0].energies) / (2 * step)
    levels = spectrum(WIDE_OVAL, WIDE, n_electrons, n_states)
    levers = (levels.densities * gate).sum(axis=(1, 2)) * WIDE.pixel_area(32)
    np.testing.assert_allclose(slopes, levers, rtol=0.01)


def test_levels_of_three_electrons_against_all_products_of_a_grid(monkeypatch):
    """On one grid: what remains are correlations of three electrons outside few orbitals."""
    monkeypatch.setattr(many_electrons, "_LADDER", (8,))
    monkeypatch.setattr(many_electrons, "_ERROR_OF_SHARE", 0.0)
    potential = sample_potentials(1, WIDE, 32, seed=3, first=4)[0]
    levels = spectrum(potential, WIDE, 3, 4)
    # The products hold one state of each level, quartets included.
    energies, _ = ThreeElectrons(potential, WIDE, 8).solve(n_levels=4)
    np.testing.assert_allclose(levels.energies, energies, atol=1e-2)
    assert (np.abs(levels.energies - energies) < 2 * levels.energy_errors).all()
