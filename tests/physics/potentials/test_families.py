"""Every family keeps what its formula promises."""

import math

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.physics.potentials.gate_array import gate_shares
from keras_qd.physics.potentials.random_fourier import count_cosines, field_functions

BOX = physics.Box(10.0)


def draw(family, n_pixels=101, index=0, **parameters):
    """One potential on a grid whose middle cell has its centre in the middle of the box."""
    built = physics.potential_family(family, **parameters)
    return built.sample(physics.sample_generator(3, index), BOX, n_pixels)


def test_random_fourier_has_unit_variance_and_a_gaussian_correlation():
    functions, _ = field_functions(0.15, 41, count_cosines(0.15))
    correlation = functions.T @ functions  # of two points on a line along an axis
    np.testing.assert_allclose(np.diag(correlation), 1.0, atol=1e-12)
    distance = np.arange(-10, 11) / 41
    np.testing.assert_allclose(
        correlation[20, 10:31], np.exp(-0.5 * (distance / 0.15) ** 2), atol=2e-3
    )


def test_random_fourier_has_the_mean_and_deviation_asked_for():
    fields = physics.sample_potentials(1000, BOX, 16, seed=9, offset=0.7, amplitude=2.0)
    np.testing.assert_allclose(fields.mean(axis=(1, 2)), 0.7, atol=1e-5)
    _, means = field_functions(0.15, 16, count_cosines(0.15))
    # Taking the mean of each sample away takes its variance from the average over the box.
    expected = 2.0**2 * (1.0 - np.sum(means**2) ** 2)
    assert np.mean(fields.var(axis=0)) == pytest.approx(expected, rel=0.03)
    assert np.abs(fields.mean(axis=0) - 0.7).max() < 0.3  # 5 standard errors


def test_random_fourier_is_band_limited():
    from scipy.fft import dctn

    fields = physics.sample_potentials(20, BOX, 64, seed=5)
    coefficients = np.abs(dctn(fields, axes=(1, 2), norm="forward"))
    assert coefficients[:, 32:].max() < 1e-6
    assert coefficients[:, :, 32:].max() < 1e-6


def test_gaussian_wells_is_the_sum_of_what_was_drawn():
    values, drawn = draw("gaussian-wells", fewest=2, most=3)
    x, y = BOX.mesh(101)
    expected = np.zeros_like(values)
    for i in range(3):
        square = (x - drawn[f"well_{i}_x"]) ** 2 + (y - drawn[f"well_{i}_y"]) ** 2
        depth, width = drawn[f"well_{i}_depth"], drawn[f"well_{i}_width"]
        expected -= depth * np.exp(-square / (2 * width**2))
    np.testing.assert_allclose(values, expected, atol=1e-12)
    present = sum(drawn[f"well_{i}_depth"] > 0 for i in range(3))
    assert drawn["n_wells"] == present


def test_gaussian_wells_keep_clear_of_the_walls():
    for index in range(20):
        _, drawn = draw("gaussian-wells", n_pixels=4, index=index, most=2, centre=(0.3, 0.7))
        for i in range(2):
            assert 3.0 <= drawn[f"well_{i}_x"] <= 7.0


def test_parabola_has_its_frequencies_along_its_axes():
    values, _ = draw("parabolic", omega=0.8, ratio=1.44, angle=0.0, shift=0.0, disorder=0.0)
    h = BOX.length / 101
    curvature_x = (values[50, 51] - 2 * values[50, 50] + values[50, 49]) / h**2
    curvature_y = (values[51, 50] - 2 * values[50, 50] + values[49, 50]) / h**2
    assert curvature_x == pytest.approx(0.8**2 * 1.44)
    assert curvature_y == pytest.approx(0.8**2 / 1.44)


def test_turning_the_parabola_by_a_right_angle_swaps_the_axes():
    along_x, _ = draw("parabolic", omega=0.8, ratio=1.4, angle=0.0, shift=0.0, disorder=0.0)
    along_y, _ = draw("parabolic", omega=0.8, ratio=1.4, angle=math.pi / 2, shift=0.0, disorder=0.0)
    np.testing.assert_allclose(along_x, along_y.T, atol=1e-12)


@pytest.mark.parametrize("rounding", [0.3, 1.0, 50.0])
def test_double_dot_has_its_minima_barrier_and_curvature(rounding):
    omega, half = 0.9, 2.0
    values, _ = draw(
        "double-dot",
        n_pixels=1001,
        omega=omega,
        separation=2 * half / BOX.length,
        rounding=rounding,
        detuning=0.0,
        angle=0.0,
    )
    x, _ = BOX.mesh(1001)
    middle = values[500]
    near = np.argmin(np.abs(x[500] - 5.0 - half))
    assert middle[near] == pytest.approx(0.0, abs=2e-5)
    curvature = (middle[near + 5] - 2 * middle[near] + middle[near - 5]) / (5 * 0.00999) ** 2
    assert curvature == pytest.approx(omega**2, rel=0.02)
    stretch = math.sqrt(1 + rounding**2)
    barrier = 0.5 * omega**2 * half**2 * (stretch * (stretch - rounding)) ** 2
    assert middle[500] == pytest.approx(barrier)
    if rounding == 50.0:
        assert barrier == pytest.approx(omega**2 * half**2 / 8, rel=1e-3)


def test_detuning_lifts_one_minimum_above_the_other():
    level, _ = draw("double-dot", separation=0.4, detuning=0.0, angle=0.0)
    tilted, _ = draw("double-dot", separation=0.4, detuning=0.6, angle=0.0)
    lift = (tilted - level)[50]
    x = BOX.mesh(101)[0][50]
    np.testing.assert_allclose(lift, 0.6 * (x - 5.0) / 4.0, atol=1e-12)


def test_gate_shares_obey_electrostatics():
    shares = gate_shares(3, 0.1, 30)
    assert shares.min() > 0.0
    assert shares.sum(axis=(0, 1)).max() < 1.0
    # Far above the gates' own plane a gate weighs as its solid angle over 2 pi.
    far = gate_shares(1, 30.0, 1)[0, 0, 0, 0]
    assert far == pytest.approx(1 / (2 * math.pi * 30.0**2), rel=1e-3)
    # Near the plane the potential is the gate's own.
    near = gate_shares(1, 0.001, 1)[0, 0, 0, 0]
    assert near == pytest.approx(1.0, abs=3e-3)


def test_equal_gates_and_surroundings_give_a_flat_potential():
    values, _ = draw("gate-array", gate_energy=1.5, outer_energy=1.5)
    np.testing.assert_allclose(values, 1.5, atol=1e-12)


def test_mixture_draws_all_its_components():
    built = physics.potential_family(
        "random-mixture", components=["parabolic", {"family": "double-dot", "omega": 0.7}]
    )
    drawn = [built.sample(physics.sample_generator(0, i), BOX, 8)[1] for i in range(30)]
    assert {d["component"] for d in drawn} == {0, 1}
    for parameters in drawn:
        if parameters["component"] == 1:
            assert parameters["double-dot.omega"] == 0.7
            assert math.isnan(parameters["parabolic.omega"])
