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
    "interaction",
    [Interaction("finite-thickness"), Interaction("screened"), Interaction("image-charge")],
    ids=str,
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
    """Energy and density of M orbitals tend to those of the grid, the energy from above."""
    found = [solve(potentials[0], BOX, n_orbitals=m) for m in (12, 28, 45)]
    energies = np.array([each.energy for each in found]) - dot.energy
    densities = [distance(each.density, dot.density) for each in found]
    assert energies[0] > energies[1] > energies[2] > 0
    assert densities[0] > densities[1] > densities[2]
    # As 1 / M, or somewhat slower in a single well: what is extrapolated is less than half as far.
    extrapolated = energies[2] + (energies[2] - energies[1]) * 28 / 17
    assert abs(extrapolated) < 0.5 * energies[2]


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
    x, y = BOX.mesh(48)
    middle = solve_batch(potentials[1:2], BOX).density[0].argmax()
    bump = np.exp(-((x - x.flat[middle]) ** 2) - (y - y.flat[middle]) ** 2)
    batch = potentials[1] + np.array([-0.02, 0.0, 0.02])[:, None, None] * bump
    found = solve_batch(batch, BOX, steps=12)
    slope = (found.energy[2] - found.energy[0]) / 0.04
    expected = (found.density[1] * bump).sum() * BOX.pixel_area(48)
    assert slope == pytest.approx(expected, rel=5e-4)


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
    assert other[row, column] < 0.7 * other.max()
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


@pytest.fixture(scope="module")
def references(potentials):
    return solve_batch(potentials, BOX, n_grid=18, steps=9)


def test_label_error(potentials, dot, references):
    """The next finer grid says how far a solution is from a much finer one."""
    solver = Solver(BOX)
    error = estimate_label_error(solver, potentials[0])
    assert 0.5 < error.density / distance(dot.density, references.density[0]) < 2
    assert error.energy == pytest.approx(dot.energy - references.energy[0], abs=3e-5)
    assert error.gap == pytest.approx(dot.gap - references.gap[0], abs=3e-5)
    with pytest.raises(UsageError, match="leave n_orbitals out"):
        estimate_label_error(solver, potentials[0], n_orbitals=30)


def test_batch(potentials, references):
    batch = solve_batch(potentials, BOX)
    for row, potential in enumerate(potentials):
        error = distance(batch.density[row], references.density[row])
        assert error < 2e-3
        assert 0.1 < batch.density_error[row] / error < 10
        free = solve(potential, BOX, 2, "none")
        assert batch.energy_noninteracting[row] == pytest.approx(free.energy, abs=2e-4)
        assert distance(batch.density_noninteracting[row], free.density) < 2e-3
    np.testing.assert_allclose(batch.energy, references.energy, atol=1e-3)
    np.testing.assert_allclose(batch.gap, references.gap, rtol=1e-2)


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


def test_what_no_grid_resolves_is_refused(potentials, monkeypatch):
    monkeypatch.setattr("keras_qd.physics.pair_solver._LADDER", (8, 10))
    with pytest.raises(PhysicsError, match="allow a larger error"):
        solve(potentials[0], BOX)
