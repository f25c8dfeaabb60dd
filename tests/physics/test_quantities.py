"""Exchange, addition energies and tunnel coupling against what is known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics import (
    Box,
    Estimate,
    addition_energies,
    exchange,
    exchange_models,
    sample_potentials,
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
