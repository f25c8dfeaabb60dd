"""Targets that the refinement did not make itself: other orbitals, other grids, other families."""

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.inverse._refine import refine_potential
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
    """Density-weighted difference of potentials but for a constant."""
    weights = found.target / found.target.sum()
    difference = found.potential - potential
    return np.sqrt(weights.ravel() @ (difference - (weights * difference).sum()).ravel() ** 2)


def test_closed_form_for_one_electron():
    """V - E = 1/2 lap(sqrt n) / sqrt n: no step of refinement is needed."""
    for potential in sample_potentials(2, BOX, 64, seed=5):
        found = refine_potential(
            Solver(BOX, 1, basis_tolerance=1e-10).solve(potential).density, BOX, 1
        )
        assert found.converged
        assert found.iterations == 0
        assert misfit(found, potential) < 5e-3


def test_one_electron_from_a_formula():
    """The oscillator's density is a Gaussian, whatever solver there is."""
    x, y = BOX.mesh(48)
    target = np.exp(-((x - 5) ** 2) - (y - 5) ** 2) / np.pi
    found = refine_potential(target, BOX, 1)
    assert found.converged
    assert misfit(found, ((x - 5) ** 2 + (y - 5) ** 2) / 2) < 0.02


def test_one_electron_on_few_pixels():
    """They hold no basis as large as that of finer grids."""
    assert refine_potential(solve(parabola(24), BOX, 1).density, BOX, 1).converged


@pytest.mark.parametrize("strength", [0.0, 1.0, 4.0])
def test_two_electrons(strength):
    """The target is made in more orbitals and on a finer grid than the refinement has."""
    fine = sample_potentials(1, BOX, 64, seed=21)[0]
    solver = Solver(BOX, 2, n_orbitals=30, strength=strength, basis_tolerance=1e-6)
    target = on_grid(solver.solve(fine).density, 48)
    found = refine_potential(target, BOX, 2, strength=strength, tolerance=1e-3)
    assert found.converged
    assert distance(found, target) == pytest.approx(found.residual, rel=1e-6)
    assert found.residual < 1e-3
    # Without interaction the one orbital of the model is exact: it starts where it should end.
    assert (found.start_residual < 1e-3) == (strength == 0)
    check = solve(found.potential, BOX, 2, strength=strength)
    np.testing.assert_allclose(check.density, found.density, atol=1e-5)
    assert check.energy == pytest.approx(found.energy, abs=1e-5)


def test_the_complete_response_goes_on_where_mixed_steps_stand_still(monkeypatch):
    target = Solver(BOX, 2, n_orbitals=10).solve(sample_potentials(1, BOX, 32, seed=36)[0]).density
    settings = {"n_orbitals": 10, "max_iterations": 150}
    assert refine_potential(target, BOX, 2, **settings).converged
    monkeypatch.setattr("keras_qd.inverse.newton.has_singlet_response", lambda solver: False)
    assert not refine_potential(target, BOX, 2, **settings).converged


def test_three_electrons():
    target = Solver(BOX, 3, n_orbitals=12).solve(parabola()).density
    found = refine_potential(target, BOX, 3, n_orbitals=10, tolerance=5e-3)
    assert found.converged


def test_four_electrons():
    target = Solver(BOX, 4, n_orbitals=10).solve(parabola()).density
    found = refine_potential(target, BOX, 4, n_orbitals=9, tolerance=1e-2)
    assert found.converged


def test_another_family_and_interaction():
    potential = sample_potentials(1, BOX, 48, family="gaussian-wells", seed=2)[0]
    target = solve(potential, BOX, 2, "finite-thickness", n_orbitals=26).density
    found = refine_potential(target, BOX, 2, interaction="finite-thickness", tolerance=1e-3)
    assert found.converged


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_noise(noise):
    """What cannot be met is approached as far as the noise allows, and said so."""
    clean = solve(parabola(), BOX, 2).density
    factors = 1 + noise * np.random.default_rng(0).standard_normal(clean.shape)
    target = clean * factors
    target *= clean.sum() / target.sum()
    found = refine_potential(target, BOX, 2, max_iterations=12)
    size = np.abs(target - clean).sum() / clean.sum()
    assert not found.converged
    assert found.reason in {"stagnated", "level-crossing", "iterations"}
    assert found.residual < 1.1 * size
    assert distance(found, clean) < size


def test_a_start_is_used():
    potential = sample_potentials(1, BOX, 48, seed=8)[0]
    target = solve(potential, BOX, 2).density
    found = refine_potential(target, BOX, 2, start=potential)
    assert found.converged
    assert found.iterations == 0
    assert found.residuals.shape == (1,)


def test_gauge_band_and_mask():
    solver = Solver(BOX, 1, basis_tolerance=1e-8)
    target = solver.solve(parabola()).density
    centred = refine_potential(target, BOX, 1)
    cornered = refine_potential(target, BOX, 1, gauge="zero-at-lowest-density", half_waves=12)
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
    """Two sharp blocks: the nearest comes back with its distance and a reason."""
    target = np.zeros((32, 32))
    target[6:10, 6:10] = target[20:26, 20:26] = 1.0
    target *= 2 / (target.sum() * BOX.pixel_area(32))
    found = refine_potential(target, BOX, 2, max_iterations=6)
    assert not found.converged
    assert found.residual == pytest.approx(distance(found, target), rel=1e-6)
    assert found.residual <= found.start_residual
    assert f"{found.residual:.2g}" in found.explanation


def test_limits():
    target = solve(sample_potentials(1, BOX, 32, seed=3)[0], BOX, 2).density
    assert refine_potential(target, BOX, 2, max_iterations=2).reason == "iterations"
    assert refine_potential(target, BOX, 2, max_iterations=2).iterations == 2
    assert refine_potential(target, BOX, 2, max_seconds=1e-9).reason == "time"


def test_a_little_charge_too_much_is_scaled():
    target = solve(parabola(), BOX, 1).density
    found = refine_potential(1.01 * target, BOX, 1)
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
        refine_potential(spoil(target), BOX, 1)


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
        refine_potential(target, BOX, **{"n_electrons": 1, **setting})


def test_starts_and_names_that_cannot_be_used():
    target = solve(parabola(), BOX, 1).density
    with pytest.raises(DataError, match="grid"):
        refine_potential(target, BOX, 1, start=np.zeros((16, 16)))
    with pytest.raises(DataError, match="finite"):
        refine_potential(target, BOX, 1, start=np.full((32, 32), np.inf))
    with pytest.raises(UnknownNameError):
        refine_potential(target, BOX, 1, interaction="gravity")


def test_two_wells_that_hardly_touch():
    """No linear response holds here; climbing the concave functional gets there."""
    potential = sample_potentials(1, BOX, 64, seed=123, first=13)[0]
    found = refine_potential(solve(potential, BOX, 2).density, BOX, 2)
    assert found.converged
