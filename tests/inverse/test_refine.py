"""Inversions of targets from other orbitals, grids and families, and the parts of the search."""

import math

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.inverse import invert
from keras_qd.inverse.refine import LineSearch, QuasiNewton
from keras_qd.physics import Box, Solver, sample_potentials, solve

BOX = Box(10.0)


def parabola(n_pixels=32, omega=1.0, centre=5.0):
    x, y = BOX.mesh(n_pixels)
    return 0.5 * omega**2 * ((x - centre) ** 2 + 1.7 * (y - 5.0) ** 2)


def distance(found, density):
    n_electrons = density.sum() * BOX.pixel_area(density.shape[0])
    return np.abs(density - found.density).sum() * BOX.pixel_area(density.shape[0]) / n_electrons


def on_grid(density, n_pixels):
    """A density on another grid, by splines that vanish at the walls, normalised again."""
    old, new = BOX.centres(density.shape[0]), BOX.centres(n_pixels)
    root = np.pad(np.sqrt(np.maximum(density, 0)), 1)
    old = np.concatenate([[0.0], old, [BOX.length]])
    fine = RectBivariateSpline(old, old, root)(new, new) ** 2
    n_electrons = density.sum() * BOX.pixel_area(density.shape[0])
    return fine * (n_electrons / (fine.sum() * BOX.pixel_area(n_pixels)))


def misfit(found, potential):
    """Density-weighted difference of potentials up to a constant."""
    weights = found.target / found.target.sum()
    difference = found.potential - potential
    return np.sqrt(weights.ravel() @ (difference - (weights * difference).sum()).ravel() ** 2)


def test_closed_form_for_one_electron():
    """V - E = 1/2 lap(sqrt n) / sqrt n: no step of refinement is needed."""
    for potential in sample_potentials(2, BOX, 64, seed=5):
        found = invert(Solver(BOX, 1, basis_tolerance=1e-10).solve(potential).density, BOX, 1)
        assert found.converged
        assert found.iterations == 0
        assert misfit(found, potential) < 5e-3


def test_one_electron_from_a_formula():
    """The oscillator's density is a Gaussian, whatever solver there is."""
    x, y = BOX.mesh(48)
    target = np.exp(-((x - 5) ** 2) - (y - 5) ** 2) / np.pi
    found = invert(target, BOX, 1)
    assert found.converged
    assert misfit(found, ((x - 5) ** 2 + (y - 5) ** 2) / 2) < 0.02


def test_one_electron_on_few_pixels():
    """They hold no basis as large as that of finer grids."""
    assert invert(solve(parabola(24), BOX, 1).density, BOX, 1).converged


@pytest.mark.parametrize("strength", [0.0, 1.0, 4.0])
def test_two_electrons(strength):
    """The target is made in more orbitals and on a finer grid than the refinement has."""
    fine = sample_potentials(1, BOX, 64, seed=21)[0]
    solver = Solver(BOX, 2, n_orbitals=30, strength=strength, basis_tolerance=1e-6)
    target = on_grid(solver.solve(fine).density, 48)
    found = invert(target, BOX, 2, strength=strength, tolerance=1e-3)
    assert found.converged
    assert distance(found, target) == pytest.approx(found.residual, rel=1e-6)
    assert found.residual < 1e-3
    # Without interaction the one orbital of the model is exact: it starts where it should end.
    assert (found.start_residual < 1e-3) == (strength == 0)
    check = solve(found.potential, BOX, 2, n_orbitals=20, strength=strength)
    np.testing.assert_allclose(check.density, found.density, atol=1e-5)
    assert check.energy == pytest.approx(found.energy, abs=1e-5)


@pytest.mark.slow
def test_the_complete_response_goes_on_where_mixed_steps_stand_still(monkeypatch):
    target = Solver(BOX, 2, n_orbitals=10).solve(sample_potentials(1, BOX, 32, seed=36)[0]).density
    settings = {"n_orbitals": 10, "max_iterations": 150}
    assert invert(target, BOX, 2, **settings).converged
    monkeypatch.setattr("keras_qd.inverse.newton.has_singlet_response", lambda solver: False)
    assert not invert(target, BOX, 2, **settings).converged


def test_three_electrons():
    target = Solver(BOX, 3, n_orbitals=12).solve(parabola()).density
    found = invert(target, BOX, 3, n_orbitals=10, tolerance=5e-3)
    assert found.converged


def test_four_electrons():
    target = Solver(BOX, 4, n_orbitals=10).solve(parabola()).density
    found = invert(target, BOX, 4, n_orbitals=9, tolerance=1e-2)
    assert found.converged


@pytest.mark.parametrize(
    ("n_pixels", "n_orbitals", "tolerance"),
    [(24, 12, 1e-2), pytest.param(48, 26, 1e-3, marks=pytest.mark.slow)],
)
def test_another_family_and_interaction(n_pixels, n_orbitals, tolerance):
    potential = sample_potentials(1, BOX, n_pixels, family="gaussian-wells", seed=3)[0]
    target = solve(potential, BOX, 2, "finite-thickness", n_orbitals=n_orbitals).density
    settings = {"interaction": "finite-thickness", "n_orbitals": n_orbitals - 4}
    assert invert(target, BOX, 2, tolerance, **settings).converged


@pytest.mark.parametrize("noise", [0.01, pytest.param(0.05, marks=pytest.mark.slow)])
def test_noise(noise):
    """A noisy target is approached to within the noise and reported as not reached."""
    clean = solve(parabola(), BOX, 2, n_orbitals=20).density
    factors = 1 + noise * np.random.default_rng(0).standard_normal(clean.shape)
    target = clean * factors
    target *= clean.sum() / target.sum()
    found = invert(target, BOX, 2, max_iterations=12)
    size = np.abs(target - clean).sum() / clean.sum()
    assert not found.converged
    assert found.reason in {"stagnated", "level-crossing", "iterations"}
    assert found.residual < 1.1 * size
    assert distance(found, clean) < size


def test_a_start_is_used():
    potential = sample_potentials(1, BOX, 48, seed=8)[0]
    target = solve(potential, BOX, 2, n_orbitals=20).density
    found = invert(target, BOX, 2, start=potential)
    assert found.converged
    assert found.iterations == 0
    assert found.residuals.shape == (1,)


def test_gauge_band_and_mask():
    solver = Solver(BOX, 1, basis_tolerance=1e-8)
    target = solver.solve(parabola()).density
    centred = invert(target, BOX, 1)
    cornered = invert(target, BOX, 1, gauge="zero-at-lowest-density", half_waves=12)
    assert centred.potential.mean() == pytest.approx(0, abs=1e-12)
    assert cornered.potential.flat[target.argmin()] == 0
    for found in (centred, cornered):
        energy = solver.solve(found.potential).energy
        assert found.energy == pytest.approx(energy, abs=1e-9)
        assert found.determined.any()
        assert (target[found.determined].min() > target[~found.determined].max()).all()
    spectrum = np.abs(
        np.fft.fft2(
            np.block(
                [
                    [cornered.potential, cornered.potential[:, ::-1]],
                    [cornered.potential[::-1], cornered.potential[::-1, ::-1]],
                ]
            )
        )
    )
    order = np.minimum(np.arange(64), 64 - np.arange(64))
    outside = np.add.outer(order**2, order**2) > 12**2
    assert spectrum[outside].max() < 1e-9 * spectrum.max()


def test_what_no_ground_state_has():
    """Two sharp blocks: the nearest potential is returned with its residual and a reason."""
    target = np.zeros((24, 24))
    target[5:8, 5:8] = target[15:19, 15:19] = 1.0
    target *= 2 / (target.sum() * BOX.pixel_area(24))
    found = invert(target, BOX, 2, max_iterations=3)
    assert not found.converged
    assert found.residual == pytest.approx(distance(found, target), rel=1e-6)
    assert found.residual <= found.start_residual
    assert f"{found.residual:.2g}" in found.explanation


def test_limits():
    target = solve(sample_potentials(1, BOX, 32, seed=3)[0], BOX, 2, n_orbitals=20).density
    assert invert(target, BOX, 2, max_iterations=2).reason == "iterations"
    assert invert(target, BOX, 2, max_iterations=2).iterations == 2
    assert invert(target, BOX, 2, max_seconds=1e-9).reason == "time"


def test_a_little_charge_too_much_is_scaled():
    target = solve(parabola(), BOX, 1).density
    found = invert(1.01 * target, BOX, 1)
    assert found.converged
    np.testing.assert_allclose(found.target, target, rtol=1e-9)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda n: np.where(n > n.mean(), np.nan, n), "not finite"),
        (lambda n: n - 0.5 * n.max(), "negative"),
        (lambda n: 1.1 * n, "electrons"),
        (lambda n: 0 * n, "negative"),
        (lambda n: n[:-1], "square"),
        (lambda n: n[None], "square"),
    ],
)
def test_densities_that_cannot_be_used(spoil, message):
    target = solve(parabola(), BOX, 1).density
    with pytest.raises(DataError, match=message):
        invert(spoil(target), BOX, 1)


@pytest.mark.parametrize(
    "setting",
    [
        {"tolerance": 0},
        {"tolerance": np.nan},
        {"max_iterations": -1},
        {"max_seconds": 0},
        {"half_waves": 0},
        {"gauge": "floating"},
        {"n_electrons": 5},
    ],
)
def test_settings_that_make_no_sense(setting):
    target = solve(parabola(), BOX, 1).density
    with pytest.raises(UsageError):
        invert(target, BOX, **{"n_electrons": 1, **setting})


def test_starts_and_names_that_cannot_be_used():
    target = solve(parabola(), BOX, 1).density
    with pytest.raises(DataError, match="grid"):
        invert(target, BOX, 1, start=np.zeros((16, 16)))
    with pytest.raises(DataError, match="finite"):
        invert(target, BOX, 1, start=np.full((32, 32), np.inf))
    with pytest.raises(UnknownNameError):
        invert(target, BOX, 1, interaction="gravity")


def test_two_wells_that_hardly_touch():
    """No linear response holds here; maximising the concave functional converges."""
    potential = sample_potentials(1, BOX, 32, seed=123, first=13)[0]
    found = invert(solve(potential, BOX, 2, n_orbitals=20).density, BOX, 2)
    assert found.converged


def climb(slope_at, n_steps=40):
    """Go up from zero along a line; return the length that the search accepts."""
    line = LineSearch(slope_at(0.0), 1.0)
    for _ in range(n_steps):
        if line.accepts(slope_at(line.length)):
            return line.length
    return None


@pytest.mark.parametrize("top", [0.01, 0.3, 1.0, 7.0, 100.0])
def test_a_line_search_ends_where_it_is_flatter(top):
    """Nothing moves up to the top and much beyond it: the slope falls like a step."""

    def slope(length):
        return -math.tanh(20 * (length / top - 1))

    assert abs(slope(climb(slope))) <= 0.7 * slope(0.0)


def test_a_step_that_cannot_be_evaluated_is_shortened():
    line = LineSearch(1.0, 1.0)
    assert not line.accepts(-math.inf)
    assert 0 < line.length < 1


def test_quasi_newton_learns_a_quadratic_function():
    generator = np.random.default_rng(0)
    root = generator.normal(size=(6, 6))
    curvature = root @ root.T + np.eye(6)
    top, position = generator.normal(size=6), np.zeros(6)
    memory = QuasiNewton(lambda gradient: gradient / 10)
    for _ in range(7):
        gradient = curvature @ (top - position)
        direction = memory.direction(gradient)
        move = direction * (gradient @ direction) / (direction @ curvature @ direction)
        memory.learn(move, curvature @ move)
        position = position + move
    np.testing.assert_allclose(position, top, atol=1e-8)


def test_a_rise_of_the_gradient_is_not_learnt():
    memory = QuasiNewton(lambda gradient: 2 * gradient)
    memory.learn(np.array([1.0, 0.0]), np.array([-1.0, 0.0]))
    np.testing.assert_array_equal(memory.direction(np.array([1.0, 3.0])), [2.0, 6.0])


def test_the_limit_of_time_is_processor_time(monkeypatch):
    """Whether a search converges does not depend on what else the machine does."""
    monkeypatch.setattr("time.monotonic", lambda: 1e9)  # as if a year passed between two calls
    target = solve(parabola(24), BOX, 1).density
    assert invert(target, BOX, 1, tolerance=1e-2, max_seconds=100.0).reason == "converged"
    stopped = invert(target, BOX, 1, tolerance=1e-9, max_iterations=3)
    assert (stopped.reason, stopped.iterations) == ("iterations", 3)
