"""Inversions of targets from other orbitals, grids and families, and the parts of the search."""

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.inverse import invert
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


@pytest.mark.parametrize("strength", [0.0, pytest.param(1.0, marks=pytest.mark.slow), 4.0])
def test_two_electrons(strength):
    """The target is made in a fitted window and on other pixels than the search has."""
    fine = sample_potentials(1, BOX, 64, seed=21)[0]
    target = on_grid(Solver(BOX, 2, strength=strength).solve(fine).density, 48)
    found = invert(target, BOX, 2, strength=strength, tolerance=1e-3)
    assert found.converged
    assert distance(found, target) == pytest.approx(found.residual, rel=1e-6)
    assert found.residual < 1e-3
    # Without interaction the one orbital of the model is exact: it starts where it should end.
    assert (found.start_residual < 1e-3) == (strength == 0)
    check = solve(found.potential, BOX, 2, strength=strength)
    # The solver's own accuracy where nothing else is asked for.
    assert distance(found, check.density) < 1e-3
    assert check.energy == pytest.approx(found.energy, abs=1e-3 + 2 * check.energy_error)


def test_three_electrons():
    target = Solver(BOX, 3).solve(parabola(16)).density
    found = invert(target, BOX, 3, tolerance=1e-3)
    assert found.converged
    assert np.isfinite(found.potential_error).all()


@pytest.mark.slow
def test_four_electrons():
    target = Solver(BOX, 4).solve(parabola()).density
    assert invert(target, BOX, 4, tolerance=1e-2).converged


def test_a_triplet():
    target = Solver(BOX, 2, spin=1, accuracy=1e-2).solve(parabola(16)).density
    assert invert(target, BOX, 2, tolerance=1e-2, spin=1).converged


def test_another_family_and_interaction():
    potential = sample_potentials(1, BOX, 32, family="gaussian-wells", seed=3)[0]
    target = solve(potential, BOX, 2, "finite-thickness").density
    assert invert(target, BOX, 2, 1e-3, interaction="finite-thickness").converged


@pytest.mark.parametrize("noise", [pytest.param(0.01, marks=pytest.mark.slow), 0.05])
def test_noise_is_approached_and_not_followed(noise):
    """The search stops where the noise accounts for the rest, nearer to the truth than that."""
    potential = parabola()
    clean = solve(potential, BOX, 2).density
    factors = 1 + noise * np.random.default_rng(0).standard_normal(clean.shape)
    target = clean * factors
    target *= clean.sum() / target.sum()
    found = invert(target, BOX, 2, noise=noise)
    size = np.abs(target - clean).sum() / clean.sum()
    assert found.reason == "converged"
    assert 0.8 * size < found.residual < 1.1 * size
    assert distance(found, clean) < 0.6 * size
    followed = invert(target, BOX, 2, max_iterations=8)
    assert misfit(found, potential) < misfit(followed, potential)


def test_noise_in_each_pixel_and_noise_that_does_not_fit():
    clean = solve(parabola(24), BOX, 2).density
    shares = invert(clean, BOX, 2, noise=0.02)
    pixels = invert(clean, BOX, 2, noise=0.02 * shares.target)
    np.testing.assert_allclose(shares.potential, pixels.potential, atol=1e-6)
    with pytest.raises(DataError, match="noise has shape"):
        invert(clean, BOX, 2, noise=np.ones((3, 3)))
    with pytest.raises(UsageError, match="noise"):
        invert(clean, BOX, 2, noise=-1.0)


def test_a_floor_under_the_density():
    """A tenth of a percent of the maximum, also at the walls, where no ground state has any."""
    clean = solve(parabola(), BOX, 2).density
    floor = 1e-3 * clean.max()
    target = clean + floor
    target *= clean.sum() / target.sum()
    found = invert(target, BOX, 2, noise=np.full_like(clean, floor))
    assert found.start_residual < 0.5
    assert distance(found, clean) < 0.1


def test_the_error_bar_holds_the_potential():
    potential = sample_potentials(1, BOX, 32, seed=21)[0]
    found = invert(solve(potential, BOX, 2).density, BOX, 2)
    weights = found.target / found.target.sum()
    error = found.potential - potential
    error -= (weights * error).sum()
    inside = np.abs(error) <= found.potential_error
    assert (weights * inside).sum() > 0.85
    assert inside[found.determined].mean() > 0.85
    assert found.potential_error[found.determined].max() < found.potential_error.max()
    assert 0 < found.duality_gap < 1e-4


def test_how_deep_one_of_two_wells_is_remains_uncertain():
    """One electron stays in each, whatever the step between them: the bar must hold that step."""
    x, y = BOX.mesh(32)
    left, right = (((x - c) ** 2 + (y - 5.0) ** 2) / 2 for c in (2.0, 8.0))
    potential = np.minimum(left, right + 0.3)
    found = invert(solve(potential, BOX, 2).density, BOX, 2, 1e-3)
    assert found.gap < 1e-6
    weights = found.target / found.target.sum()
    error = found.potential - potential
    error -= (weights * error).sum()
    assert (weights * (np.abs(error) <= found.potential_error)).sum() > 0.9
    assert (weights * found.potential_error).sum() > 0.15
    assert (weights * found.determined).sum() < 0.1


def test_a_proof_without_progress_does_not_end_the_search():
    # The first proofs of this dot, whose singlet and triplet coincide, do not come nearer.
    potential = sample_potentials(1, BOX, 64, seed=20261121, first=1115)[0]
    target = Solver(BOX, 2, accuracy=2e-4).solve(potential).density
    assert invert(target, BOX, 2).converged


def test_the_dual_functional_rises_by_no_more_than_its_bound():
    potentials = sample_potentials(5, BOX, 32, seed=23)
    found = invert(solve(potentials[0], BOX, 2).density, BOX, 2, max_iterations=2)

    def dual(potential, energy):
        return energy - (found.target * potential).sum() * BOX.pixel_area(32)

    reached = dual(found.potential, found.energy)
    rises = []
    for other in potentials:
        change = other - found.potential
        half_range = np.ptp(change) / 2
        for size in (0.1, 1.0, half_range):
            near = found.potential + size / half_range * change
            rise = dual(near, solve(near, BOX, 2).energy) - reached
            rises.append(rise / size)
    assert 0.05 * found.duality_bound < max(rises) < found.duality_bound


def test_the_residual_holds_on_a_finer_grid():
    """What is reported is what the product's solver finds at a higher accuracy."""
    target = solve(sample_potentials(1, BOX, 32, seed=22)[0], BOX, 2).density
    found = invert(target, BOX, 2, 2e-4)
    again = Solver(BOX, 2, accuracy=1e-4).solve(found.potential).density
    assert distance(found, target) == pytest.approx(found.residual, rel=1e-6)
    assert np.abs(again - target).sum() / target.sum() < 4e-4


def test_the_callback_gets_every_solution():
    seen = []
    target = solve(parabola(24), BOX, 2).density
    found = invert(target, BOX, 2, tolerance=1e-2, callback=seen.append)
    np.testing.assert_array_equal([each.residual for each in seen], found.residuals)
    assert [each.number for each in seen] == list(range(len(found.residuals)))
    np.testing.assert_array_equal(seen[-1].potential, found.potential)
    np.testing.assert_array_equal(seen[-1].density, found.density)


def test_a_start_is_used():
    potential = sample_potentials(1, BOX, 48, seed=8)[0]
    target = solve(potential, BOX, 2).density
    found = invert(target, BOX, 2, 1e-2, start=potential)
    assert found.converged
    assert found.start_residual < 3e-3


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


def test_a_kink_is_approached_and_the_distance_reported():
    """A cone: the density of a ground state in a bounded potential has no kink."""
    x, y = BOX.mesh(16)
    target = np.maximum(1 - np.hypot(x - 5, y - 5) / 3, 0.0) ** 2
    target /= target.sum() * BOX.pixel_area(16)
    found = invert(target, BOX, 1, half_waves=8)
    assert found.reason == "stagnated"
    assert found.nearest == found.residual == pytest.approx(distance(found, target), rel=1e-6)
    assert found.residual < 0.1
    assert found.explanation.startswith("nearest density reached")
    assert invert(found.density, BOX, 1, 1e-3, half_waves=8).nearest is None


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
    found = invert(solve(potential, BOX, 2).density, BOX, 2, 1e-3)
    assert found.converged


def test_the_limit_of_time_is_processor_time(monkeypatch):
    """Whether a search converges does not depend on what else the machine does."""
    monkeypatch.setattr("time.monotonic", lambda: 1e9)  # as if a year passed between two calls
    target = solve(parabola(24), BOX, 1).density
    assert invert(target, BOX, 1, tolerance=1e-2, max_seconds=100.0).reason == "converged"
    stopped = invert(target, BOX, 1, tolerance=1e-9, max_iterations=3)
    assert (stopped.reason, stopped.iterations) == ("iterations", 3)
