"""Exchange, addition energies, tunnel coupling and spectra against what is known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.physics.three_electrons import ThreeElectrons

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics import (
    Box,
    Estimate,
    addition_energies,
    exchange,
    exchange_models,
    many_electrons,
    sample_potentials,
    solve,
    spectrum,
    tunnel_coupling,
    two_electron_energy,
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


def test_exchange_is_that_of_the_solver_and_positive():
    found = exchange(OVAL, BOX)
    assert found.value == solve(OVAL, BOX, 2).exchange
    assert 0 < found.error < 0.01 * found.value


def test_exchange_vanishes_with_the_distance():
    found = [exchange(*double_dot(a)) for a in (1.5, 2.0, 2.5, 3.0)]
    values = [float(j) for j in found]
    assert values[0] > 3 * values[1] > 9 * values[2] > 90 * values[3] > 0
    far = exchange(*double_dot(4.0, length=17.0, n_pixels=64))
    assert abs(far.value) < 1e-6 + 3 * far.error
    assert far.error < 1e-5


@settings(max_examples=6, deadline=None)
@given(
    family=st.sampled_from(["gaussian-wells", "double-dot", "random-fourier"]),
    seed=st.integers(0, 10**6),
    strength=st.floats(0.0, 3.0),
)
def test_the_singlet_is_never_above_the_triplet(family, seed, strength):
    """Without a magnetic field the lowest wave function of two electrons has no node."""
    potential = sample_potentials(1, BOX, 32, family=family, seed=seed)[0]
    j = exchange(potential, BOX, strength=strength)
    assert j.value >= -3 * j.error


def far_dots(shift=0.0, distance=8.0):
    """Two parabolas, omega = 1, the left one lower by a shift."""
    box = Box(distance + 8.0)
    x, y = box.mesh(64)
    left, right = ((x - centre) ** 2 / 2 for centre in (4.0, 4.0 + distance))
    return np.minimum(left - shift, right) + (y - box.length / 2) ** 2 / 2, box


def test_far_dots_repel_as_charges():
    """The constant-interaction limit: charging energies of each dot, and 1 / d between them."""
    # <1/r> of two round Gaussians in a plane is 1/d + 1/(2 omega d^3) + ...
    mutual = 1 / 8 + 1 / (2 * 8**3)
    energies = []
    for shift in (0.0, 0.2):
        dot = solve(*far_dots(shift), 2)
        assert dot.energy == pytest.approx(2.0 - shift + mutual, abs=1e-3)
        assert abs(dot.exchange) < 1e-4
        energies.append(dot.energy)
    # The chemical potential of the second electron shifts with its own dot alone.
    assert energies[0] - energies[1] == pytest.approx(0.2, abs=1e-4)


def test_three_electrons_in_far_dots():
    """Two of them are Taut's pair at omega = 1, and each repels the third."""
    dot = solve(*far_dots(1.5), 3)
    assert dot.energy == pytest.approx(3.0 + 1.0 - 2 * 1.5 + 2 / 8, abs=0.02)
    assert dot.spin_squared == pytest.approx(0.75, abs=1e-3)


def test_heitler_london_is_below_hund_mulliken():
    """The triplet is the same; double occupation lowers the singlet."""
    potential, box = double_dot(2.0, length=10.0, n_pixels=40)
    found = exchange_models(potential, box)
    assert found.hund_mulliken > found.heitler_london
    assert 0.5 * found.exact.value > found.hund_mulliken > 0


def test_models_of_exchange_do_not_depend_on_the_pixels():
    found = [exchange_models(*double_dot(1.5, n_pixels=n)) for n in (48, 52, 60)]
    for name in ("hund_mulliken", "heitler_london"):
        values = [getattr(each, name) for each in found]
        assert np.ptp(values) < 5e-3 * abs(values[-1])


def test_without_interaction_exchange_is_the_splitting_of_one_electron():
    """J of two electrons without interaction: both bonding, or one of each."""
    a = 1.5
    potential, box = double_dot(a)
    found = exchange_models(potential, box, strength=0.0)
    splitting = np.diff(spectrum(potential, box, 1, 2).energies)[0]
    assert found.exact.value == pytest.approx(splitting, rel=1e-3)
    # Between exp(-(x -+ a)^2 / 2) the moments of x are those of Gaussians: the quartic well in
    # closed form, within one well and between both.
    overlap = np.exp(-(a**2))
    inside = 1 / 4 + (3 * a**2 + 0.75) / (8 * a**2) - 1 / 8 + a**2 / 8 + a**2 / 8 - a**2 / 4
    between = overlap * (1 / 4 - a**2 / 2 + 0.75 / (8 * a**2) - 1 / 8 + a**2 / 8)
    bonding, antibonding = (
        (inside + sign * between) / (1 + sign * overlap) for sign in (1.0, -1.0)
    )
    assert found.hund_mulliken == pytest.approx(antibonding - bonding, rel=1e-3)


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


def test_tunnel_coupling_of_narrow_wells_does_not_depend_on_the_pixels():
    box, found = Box(10.0), []
    for n_pixels in (64, 96):
        x, y = box.mesh(n_pixels)
        wells = [np.exp(-((x - 5 - s) ** 2 + (y - 5) ** 2) / 0.18) for s in (-0.8, 0.8)]
        found.append(tunnel_coupling(-40.0 * sum(wells), box).coupling.value)
    assert found[0] == pytest.approx(found[1], rel=1e-4)


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
