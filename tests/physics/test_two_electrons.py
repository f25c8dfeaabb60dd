"""Two electrons on a product grid: exact values, symmetries, and what belongs together."""

import numpy as np
import pytest

from keras_qd.errors import DataError, PhysicsError, UsageError
from keras_qd.physics import (
    Box,
    Solver,
    estimate_label_error,
    pair_states,
    sample_potentials,
    solve,
    solve_batch,
    taut_density,
    two_electron_energy,
)
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.pair_solver import PairProblem
from keras_qd.physics.references import separated_energy

BOX = Box(10.0)


def parabola(omega=1.0, box=BOX, n_pixels=48):
    x, y = box.mesh(n_pixels)
    centre = box.length / 2
    return 0.5 * omega**2 * ((x - centre) ** 2 + (y - centre) ** 2)


def distance(one, other, box=BOX):
    """Integral of the absolute difference of two densities, per electron."""
    return np.abs(one - other).sum() * box.pixel_area(len(one)) / 2


@pytest.fixture(scope="module")
def potentials():
    return sample_potentials(3, BOX, 48, seed=5)


@pytest.fixture(scope="module")
def dot(potentials):
    return solve(potentials[0], BOX)


@pytest.fixture(scope="module")
def taut():
    return solve(parabola(), BOX)


def test_taut(taut):
    x, y = BOX.mesh(48)
    assert taut.energy == pytest.approx(3.0, abs=4e-4)
    assert taut.exchange == pytest.approx(two_electron_energy(1.0, 1) - 3.0, abs=4e-4)
    assert distance(taut.density, taut_density(np.hypot(x - 5, y - 5))) < 1e-3


def test_taut_errors_are_honest(taut):
    x, y = BOX.mesh(48)
    density = distance(taut.density, taut_density(np.hypot(x - 5, y - 5)))
    assert 0.5 < taut.density_error / density < 3
    assert 0.5 < taut.energy_error / abs(taut.energy - 3.0) < 3


def test_taut_mean_distance(taut):
    """psi = (1 + r) exp(-r^2 / 4) of the distance: its moments are elementary."""
    r = (np.arange(20000) + 0.5) * 1e-3
    weight = r * (1 + r) ** 2 * np.exp(-(r**2) / 2)
    assert taut.pair.mean_distance == pytest.approx((r * weight).sum() / weight.sum(), rel=2e-3)


def test_large_box_with_a_window():
    box = Box(30.0)
    found = solve(parabola(box=box, n_pixels=96), box)
    assert found.pair.window.side < 11.0
    assert found.energy == pytest.approx(3.0, abs=4e-4)
    assert found.density.sum() * box.pixel_area(96) == pytest.approx(2.0, abs=1e-10)


@pytest.mark.parametrize("length", [1.0, 40.0])
def test_empty_boxes_of_any_size(length):
    """The scaling law: strength L in a box of side 1."""
    box = Box(length)
    found = solve(np.zeros((32, 32)), box)
    scaled = solve(np.zeros((32, 32)), Box(1.0), strength=length)
    assert found.energy * length**2 == pytest.approx(scaled.energy, rel=1e-6)


@pytest.mark.parametrize(
    "interaction", [Interaction("finite-thickness"), Interaction("screened")], ids=str
)
def test_other_interactions(interaction):
    exact = separated_energy(1.0, lambda r: float(interaction(np.array(r))))
    found = solve(parabola(), BOX, interaction=interaction)
    assert found.energy == pytest.approx(exact, abs=4e-4)


def test_without_interaction(potentials):
    one = solve(potentials[0], BOX, 1)
    both = solve(potentials[0], BOX, 2, "none")
    assert both.energy == pytest.approx(2 * one.energy, abs=2e-5)
    assert both.gap == pytest.approx(one.gap, abs=1e-4)
    assert distance(both.density, 2 * one.density) < 1e-3


def test_against_configuration_interaction(potentials, dot):
    """The error of M orbitals falls as 1 / M: two of them extrapolate to the limit."""
    small, large = (solve(potentials[0], BOX, n_orbitals=m) for m in (28, 45))
    density = large.density + (large.density - small.density) * 28 / 17
    energy = large.energy + (large.energy - small.energy) * 28 / 17
    assert energy == pytest.approx(dot.energy, abs=1e-3)
    assert dot.energy < large.energy
    assert distance(dot.density, density) < 0.3 * distance(dot.density, large.density)


def test_gauge(potentials, dot):
    lifted = solve(potentials[0] + 3.0, BOX)
    assert lifted.energy == pytest.approx(dot.energy + 6.0, abs=2e-6)
    np.testing.assert_allclose(lifted.density, dot.density, atol=1e-5)


@pytest.mark.parametrize("turn", [np.rot90, np.transpose, np.flipud])
def test_symmetries_of_the_square(potentials, dot, turn):
    turned = solve(turn(potentials[0]), BOX)
    assert turned.energy == pytest.approx(dot.energy, abs=1e-6)
    np.testing.assert_allclose(turned.density, turn(dot.density), atol=1e-5)


def test_round_triplet_keeps_its_symmetry():
    """Two degenerate triplets of a round dot: their ensemble is as round as the dot."""
    triplet = solve(parabola(), BOX, spin=1)
    assert triplet.n_states == 2
    assert (triplet.sector, triplet.multiplicity) == ((2, 0), 3)
    np.testing.assert_allclose(triplet.density, triplet.density.T, atol=1e-6)
    np.testing.assert_allclose(triplet.density, triplet.density[::-1], atol=1e-6)


def test_hellmann_feynman(potentials):
    """The derivative of the energy with the potential is the density."""
    bump = np.exp(-((BOX.mesh(48)[0] - 4) ** 2) - (BOX.mesh(48)[1] - 6) ** 2)
    batch = potentials[1] + np.array([-0.02, 0.0, 0.02])[:, None, None] * bump
    found = solve_batch(batch, BOX, steps=12)
    slope = (found.energy[2] - found.energy[0]) / 0.04
    expected = (found.density[1] * bump).sum() * BOX.pixel_area(48)
    assert slope == pytest.approx(expected, rel=3e-4)


def test_energy_is_concave(potentials):
    mean = 0.5 * (potentials[0] + potentials[1])
    energies = solve_batch(np.stack([potentials[0], potentials[1], mean]), BOX).energy
    assert energies[2] > 0.5 * (energies[0] + energies[1])


def test_solution_is_consistent(dot):
    assert dot.density.sum() * BOX.pixel_area(48) == pytest.approx(2.0, abs=1e-10)
    assert dot.occupations.sum() == pytest.approx(2.0, abs=1e-10)
    assert dot.spin_squared == 0.0
    assert dot.gap == dot.exchange > 0
    assert 0 < dot.interaction_energy < dot.energy - dot.one_body_energy + 1e-12
    np.testing.assert_allclose(dot.density, dot.pair.density(48), atol=1e-6)
    np.testing.assert_allclose(sum(dot.spin_densities), dot.density, atol=1e-12)


def test_pair_density_integrates_to_the_density(dot):
    row, column = np.unravel_index(dot.density.argmax(), dot.density.shape)
    centres = BOX.centres(48)
    other = dot.pair.pair_density(centres[column], centres[row], 48)
    assert other.sum() * BOX.pixel_area(48) == pytest.approx(dot.density.max(), rel=1e-3)
    # The other electron keeps away from this one.
    assert other[row, column] < 0.5 * other.max()
    with pytest.raises(UsageError, match="no electrons"):
        dot.pair.pair_density(-1.0, 5.0, 48)


def test_excited_states():
    """Levels of the relative motion and of the centre of mass in a round parabola."""
    states = pair_states(parabola(), BOX, 6)
    assert [state.spin for state in states] == [0, 1, 1, 0, 0, 0]
    relative = two_electron_energy(1.0, 1)
    expected = [3.0, relative, relative, 4.0, 4.0]
    assert [state.energy for state in states[:5]] == pytest.approx(expected, abs=1.5e-3)
    for state in states:
        assert state.density(48).sum() * BOX.pixel_area(48) == pytest.approx(2.0)
    assert states[0].contact_density > 100 * states[1].contact_density
    pairs = states[1].occupations.reshape(-1, 2)
    np.testing.assert_allclose(pairs[:4, 0], pairs[:4, 1], atol=1e-6)


def test_label_error(potentials, dot):
    """The next finer grid, and a much finer one, agree on the error of the labels."""
    solver = Solver(BOX)
    error = estimate_label_error(solver, potentials[0])
    problem = PairProblem(potentials[0], BOX, Interaction("coulomb"))
    best = problem.solve(accuracy=5e-5)[0]
    assert 0.5 < error.density / distance(dot.density, best.density) < 2
    assert error.energy == pytest.approx(dot.energy - best.energy, abs=2e-5)
    with pytest.raises(UsageError, match="leave n_orbitals out"):
        estimate_label_error(solver, potentials[0], n_orbitals=30)


def test_batch_agrees_with_the_solver(potentials):
    batch = solve_batch(potentials, BOX)
    for row, potential in enumerate(potentials):
        single, free = Solver(BOX, accuracy=2e-4).solve_both(potential)
        assert batch.energy[row] == pytest.approx(single.energy, abs=1e-3)
        assert batch.gap[row] == pytest.approx(single.gap, rel=1e-2)
        error = distance(batch.density[row], single.density)
        assert error < 2e-3
        assert 0.2 < batch.density_error[row] / error < 5
        assert batch.energy_noninteracting[row] == pytest.approx(free.energy, abs=2e-4)
        assert distance(batch.density_noninteracting[row], free.density) < 2e-3


def test_batch_on_another_array_library(potentials):
    jax = pytest.importorskip("jax")
    numbers = jax.numpy.asarray(potentials, dtype="float32")
    compiled = jax.jit(lambda each: solve_batch(each, BOX, n_grid=8, steps=5, xp=jax.numpy))
    expected = solve_batch(potentials, BOX, n_grid=8, steps=5)
    for one, other in zip(compiled(numbers), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_batch_wants_a_batch(potentials):
    with pytest.raises(DataError, match="potential\\[None\\]"):
        solve_batch(potentials[0], BOX)


@pytest.mark.parametrize("arguments", [{"accuracy": 0.0}, {"accuracy": np.nan}])
def test_accuracy_must_make_sense(arguments):
    with pytest.raises(UsageError, match="positive"):
        Solver(BOX, **arguments)


@pytest.mark.parametrize("arguments", [{"n_electrons": 3}, {"n_orbitals": 20}])
def test_accuracy_is_for_the_grid(arguments):
    with pytest.raises(UsageError, match="leave it out"):
        Solver(BOX, accuracy=1e-3, **arguments)


def test_what_no_grid_resolves_is_refused():
    x, y = BOX.mesh(128)
    wells = sum(
        -400.0 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.02) for a, b in [(1, 1), (9, 9)]
    )
    with pytest.raises(PhysicsError, match="allow a larger error"):
        solve(wells, BOX, accuracy=1e-6)
