"""What users draw: wells with edges, gates, images and donors, for one to three electrons."""

import re
from functools import cache

import numpy as np
import pytest
from scipy.optimize import brentq

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics import Box, Solver, estimate_label_error, pair_states, solve
from keras_qd.physics.fine_basis import WindowOrbitals, fold
from keras_qd.physics.pair_grid import grid_orbitals, pair_grid
from keras_qd.physics.window import whole_box

BOX = Box(10.0)


def finite_well(width, height, length):
    """Ground-state energy in a well between hard walls: k tan(k a / 2) = q coth(q b)."""

    def mismatch(energy):
        k, q = np.sqrt(2 * energy), np.sqrt(2 * (height - energy))
        return k * np.sin(k * width / 2) * np.tanh(q * (length - width) / 2) - q * np.cos(
            k * width / 2
        )

    return brentq(mismatch, 1e-9, min(height, np.pi**2 / (2 * width**2)) * (1 - 1e-12))


def separable(n_pixels, height):
    """Return the sum of a finite well along x and one along y, edges between pixels."""
    x, y = BOX.mesh(n_pixels)
    return height * ((np.abs(x - 5) > 2.5) * 1.0 + (np.abs(y - 5) > 2.5))


def square(n_pixels=64, height=5.0):
    x, y = BOX.mesh(n_pixels)
    return np.where(np.maximum(np.abs(x - 5), np.abs(y - 5)) < 2, 0.0, height)


def disc(n_pixels=64):
    x, y = BOX.mesh(n_pixels)
    return np.where(np.hypot(x - 5, y - 5) < 2.5, 0.0, 5.0)


def split_gate(n_pixels=64):
    x, y = BOX.mesh(n_pixels)
    gates = (np.abs(y - 5) < 0.75) & (np.abs(x - 5) > 0.8)
    return np.where(gates | (np.abs(y - 5) > 3.5), 8.0, 0.0)


def image(n_pixels=64):
    mask = np.ones((16, 16))
    mask[4:12, 3:13] = 0
    mask[6:9, 6:8] = 1
    mask[10:12, 3:6] = 1
    return 4.0 * np.kron(mask, np.ones((n_pixels // 16, n_pixels // 16)))


def donor(n_pixels=64):
    x, y = BOX.mesh(n_pixels)
    return -1 / np.sqrt((x - 5) ** 2 + (y - 5) ** 2 + 0.3**2)


def quick(*draws):
    """Return all that users draw as parameters; those that are not quick run with -m slow."""
    every = (square, disc, split_gate, image, donor)
    return [pytest.param(each, marks=() if each in draws else pytest.mark.slow) for each in every]


@cache
def solved(draw, n_electrons=2, **settings):
    """Solve what is drawn, once for all tests."""
    accuracy = {"accuracy": 2e-3} if n_electrons == 2 else {}
    return solve(draw(), BOX, n_electrons, **{**accuracy, **settings})


@pytest.mark.parametrize("height", [2.0, 5.0])
def test_one_electron_in_finite_wells(height):
    """The error is what the solution says the pixels leave open, and no more."""
    exact = 2 * finite_well(5.0, height, 10.0)
    for n_pixels in (40, 80):
        dot = solve(separable(n_pixels, height), BOX, 1)
        assert dot.energy_error < 1e-4
        # Edges lie between pixels: the potential is constant over each.
        remainder = dot.energy + dot.pixel_error - exact
        assert abs(remainder) < 0.15 * abs(dot.pixel_error) + dot.energy_error


def test_pixels_leave_less_open_as_their_square():
    errors = [solve(separable(n, 5.0), BOX, 1).pixel_error for n in (40, 80)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize("draw", quick(disc, donor))
def test_one_electron_in_what_users_draw(draw):
    dot = solved(draw, 1)
    assert dot.energy_error < 1e-4
    # Independently: the grid of two electrons, in the singlet without interaction.
    free = solve(draw(), BOX, 2, strength=0.0)
    assert free.energy / 2 == pytest.approx(dot.energy, abs=1.5e-4)
    difference = np.abs(dot.density - free.density / 2).sum() * BOX.pixel_area(64)
    assert difference < 2e-3


@pytest.mark.parametrize("draw", quick(square, image, donor))
def test_two_electrons_in_what_users_draw(draw):
    dot = solved(draw)
    assert dot.density_error <= 2e-3
    assert 0 < dot.energy_error < 1e-3
    assert dot.density.sum() * BOX.pixel_area(64) == pytest.approx(2.0)


@pytest.mark.parametrize("draw", quick(square))
def test_errors_of_two_electrons_are_honest(draw):
    dot, better = solved(draw), solved(draw, accuracy=6e-4)
    difference = np.abs(dot.density - better.density).sum() * BOX.pixel_area(64) / 2
    assert 0.2 * dot.density_error < difference < dot.density_error + better.density_error
    assert abs(dot.energy - better.energy) < 2 * dot.energy_error
    assert dot.gap == pytest.approx(better.gap, rel=5e-3)


def test_label_errors_of_a_square_well():
    error = estimate_label_error(Solver(BOX, 2), square())
    assert 1e-5 < error.density < 2e-3
    assert abs(error.energy) < 1e-3


def test_three_electrons_in_a_split_gate():
    dot = solve(split_gate(), BOX, 3)
    assert dot.density.sum() * BOX.pixel_area(64) == pytest.approx(3.0)
    assert dot.density_error < 1e-2
    np.testing.assert_allclose(dot.density, dot.density[:, ::-1], atol=2e-3)


def test_folding_by_products_is_folding_by_matrices():
    potential, window, n_fine = square(40), whole_box(BOX), 30
    fine = WindowOrbitals(potential, window)._fine
    cosines = window.cosines(potential[None], 2 * n_fine + 1)
    grid = pair_grid(10, n_fine)
    dense = grid_orbitals(grid, cosines, 10.0)
    found = fold(grid, fine, float(dense.energies[0, 0]))
    # The dense form folds at an energy found on part of the grid.
    np.testing.assert_allclose(found.energies[0, :6], dense.energies[0, :6], atol=2e-4)
    overlap = found.coefficients[0, :, 0] @ dense.coefficients[0, :, 0]
    assert abs(overlap) == pytest.approx(1.0, abs=1e-5)


def test_blurring_is_reported_and_done():
    x, y = BOX.mesh(64)
    parabola = 0.125 * ((x - 5) ** 2 + (y - 5) ** 2)
    dot = solved(square, smooth=0.4)
    assert dot.smooth == 0.4
    assert dot.pixel_error < solved(square).pixel_error
    assert solved(square).smooth == 0.0
    plain, blurred = solve(parabola, BOX, 1), solve(parabola, BOX, 1, smooth=0.2)
    # A parabola blurred over s rises by 2 * s^2 * omega^2 / 2.
    assert blurred.energy - plain.energy == pytest.approx(0.25 * 0.2**2, rel=1e-2)
    states = pair_states(square(), BOX, 1, smooth=0.4)
    assert states[0].energy == pytest.approx(dot.energy, abs=1e-3)


@pytest.mark.parametrize("smooth", [-0.1, 3.0, np.nan])
def test_lengths_that_make_no_sense_are_refused(smooth):
    with pytest.raises(UsageError, match="smooth is a length in a0"):
        solve(square(), BOX, 2, smooth=smooth)


@pytest.mark.parametrize("n_electrons", [1, 2])
def test_barriers_too_high_for_the_pixels_are_refused_with_advice_that_works(n_electrons):
    with pytest.raises(PhysicsError, match="lower the barriers to about") as caught:
        solve(square(height=1e4), BOX, n_electrons)
    message = str(caught.value)
    height = float(re.search(r"about ([\d.]+) Ha\*, which", message)[1])
    smooth = float(re.search(r"smooth=([\d.]+)", message)[1])
    assert solve(square(height=height), BOX, n_electrons).energy_error < 1e-3
    dot = solve(square(height=200.0), BOX, n_electrons, smooth=smooth)
    assert dot.energy_error < 1e-3


@pytest.mark.parametrize("draw", [square, pytest.param(split_gate, marks=pytest.mark.slow)])
def test_configuration_interaction_refuses_edges_with_advice_that_works(draw):
    with pytest.raises(PhysicsError, match="leave n_orbitals out") as caught:
        solve(draw(), BOX, 2, n_orbitals=8)
    message = str(caught.value)
    smooth = float(re.search(r"smooth=([\d.]+)", message)[1])
    tolerance = float(re.search(r"basis_tolerance=([\d.e-]+)", message)[1])
    blurred = solve(draw(), BOX, 2, n_orbitals=8, smooth=smooth)
    rough = solve(draw(), BOX, 2, n_orbitals=8, basis_tolerance=tolerance)
    assert rough.energy > solved(draw).energy
    assert blurred.smooth == smooth


def test_an_accuracy_out_of_reach_is_refused_with_one_that_works(monkeypatch):
    monkeypatch.setattr("keras_qd.physics.pair_solver._LADDER", (10, 12))
    with pytest.raises(PhysicsError, match="accuracy=1e-06 was asked for") as caught:
        solve(square(32), BOX, 2, accuracy=1e-6)
    accuracy = float(re.search(r"error with accuracy=([\d.e-]+)", str(caught.value))[1])
    assert solve(square(32), BOX, 2, accuracy=accuracy).density_error <= accuracy
