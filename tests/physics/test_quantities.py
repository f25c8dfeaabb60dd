"""Spectra, exchange, addition energies and tunnel coupling against what is known exactly."""

import numpy as np
import pytest

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics import (
    Box,
    Estimate,
    addition_energies,
    exchange,
    exchange_models,
    solve,
    spectrum,
    tunnel_coupling,
)

BOX = Box(8.0)
X, Y = BOX.mesh(32)
ROUND = (X - 4) ** 2 / 2 + (Y - 4) ** 2 / 2
OVAL = (X - 4) ** 2 / 2 + 1.3**2 * (Y - 4) ** 2 / 2


def double_dot(half_distance, length=12.0, n_pixels=48):
    """The quartic well of Burkard, Loss and DiVincenzo, omega = 1."""
    box = Box(length)
    x, y = box.mesh(n_pixels)
    x, y = x - length / 2, y - length / 2
    return 0.5 * ((x**2 - half_distance**2) ** 2 / (4 * half_distance**2) + y**2), box


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


def test_exchange_is_that_of_the_solver_and_positive():
    found = exchange(OVAL, BOX)
    assert found.value == solve(OVAL, BOX, 2).exchange
    assert 0 < found.error < 0.01 * found.value


def test_exchange_vanishes_with_the_distance():
    found = [float(exchange(*double_dot(a))) for a in (1.5, 2.0, 2.5)]
    assert found[0] > 3 * found[1] > 9 * found[2] > 0


def test_heitler_london_is_below_hund_mulliken():
    """The triplet is the same; double occupation lowers the singlet."""
    potential, box = double_dot(2.0, length=10.0, n_pixels=40)
    found = exchange_models(potential, box)
    assert found.hund_mulliken > found.heitler_london
    assert 0.5 * found.exact.value > found.hund_mulliken > 0


def test_hund_mulliken_without_interaction_is_twice_the_splitting():
    """J = 2 t of two electrons without interaction: both bonding, or one of each."""
    potential, box = double_dot(1.5)
    found = exchange_models(potential, box, strength=0.0)
    splitting = np.diff(spectrum(potential, box, 1, 2).energies)[0]
    assert found.exact.value == pytest.approx(splitting, rel=1e-3)
    assert found.hund_mulliken == pytest.approx(splitting, rel=0.25)


def test_models_of_exchange_need_two_wells():
    with pytest.raises(PhysicsError, match="minima"):
        exchange_models(OVAL, BOX)


def test_addition_energies_of_a_round_dot():
    dot = addition_energies(ROUND, BOX, 3)
    assert float(dot.energies[2]) == pytest.approx(3.0, abs=5e-4)
    mu = [float(each) for each in dot.chemical_potentials]
    assert mu == sorted(mu)
    assert [float(gap) for gap in dot.gaps] == pytest.approx(np.diff(mu).tolist())
    with pytest.raises(UsageError, match="1 to 6"):
        addition_energies(ROUND, BOX, 0)


def test_tunnel_coupling_of_a_symmetric_double_dot_is_half_the_splitting():
    potential, box = double_dot(2.0)
    crossing = tunnel_coupling(potential, box)
    splitting = np.diff(spectrum(potential, box, 1, 2).energies)[0]
    assert crossing.detuning == pytest.approx(0.0, abs=1e-4)
    assert crossing.coupling.value == pytest.approx(splitting / 2, rel=1e-4)


def test_anticrossing_is_the_two_level_formula():
    potential, box = double_dot(2.0)
    x, _ = box.mesh(len(potential))
    tilt = (x - 6) / 12
    shifted = tunnel_coupling(potential + 0.1 * tilt, box)
    assert shifted.detuning == pytest.approx(-0.1, abs=1e-3)
    for detuning in (0.0, 0.05, 0.15):
        levels = spectrum(potential + detuning * tilt, box, 1, 2).energies
        gap = tunnel_coupling(potential, box).gap(detuning)
        assert np.diff(levels)[0] == pytest.approx(gap, rel=0.01)


def test_tunnel_coupling_needs_a_crossing():
    with pytest.raises(UsageError, match="direction"):
        tunnel_coupling(ROUND, BOX, (0.0, 0.0))


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(0.05134, 4e-4, "0.0513(4)"), (3.0, 0.096, "3.0(1)"), (12.0, float("nan"), "12")],
)
def test_estimates_are_printed_as_in_papers(value, error, text):
    assert str(Estimate(value, error)) == text
