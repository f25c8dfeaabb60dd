"""Three to six electrons with an effective interaction: references, symmetries, errors."""

import numpy as np
import pytest
from tests.physics.three_electrons import ThreeElectrons

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics import (
    Box,
    Solver,
    estimate_label_error,
    many_electrons,
    sample_potentials,
    solve,
)
from keras_qd.physics.determinants import spin_sector
from keras_qd.physics.full_ci import SectorHamiltonian, lowest_levels

BOX = Box(10.0)


def polar(box=BOX, n_pixels=48):
    x, y = box.mesh(n_pixels)
    x, y = x - box.length / 2, y - box.length / 2
    return np.hypot(x, y), np.arctan2(y, x)


def symmetric_dot(order):
    """Return a parabola that is warped `order` times around; 0 leaves it round."""
    r, angle = polar()
    warp = 0.3 * np.cos(order * angle) * r**order * np.exp(-(r**2) / 4) if order else 0.0
    return 0.5 * r**2 + warp


def moments(density, order):
    """Return the waves around the centre that a symmetry forbids, up to six, per electron."""
    r, angle = polar(n_pixels=len(density))
    forbidden = [k for k in range(1, 7) if order == 0 or k % order]
    weights = [density * r**k * np.exp(-(r**2) / 4) for k in forbidden]
    waves = [np.exp(1j * k * angle) for k in forbidden]
    return [
        abs((weight * wave).sum()) / weight.sum()
        for weight, wave in zip(weights, waves, strict=True)
    ]


def distance(one, other):
    """Integral of the absolute difference of two densities, per electron."""
    return np.abs(one - other).sum() / other.sum()


@pytest.fixture(scope="module")
def potential():
    return sample_potentials(1, BOX, 32, seed=3, first=4)[0]


@pytest.fixture(scope="module")
def dot(potential):
    return solve(potential, BOX, 3)


def test_three_electrons_against_all_products_of_a_grid(potential, monkeypatch):
    # On one grid: what remains is the error of few orbitals.
    monkeypatch.setattr(many_electrons, "_LADDER", (8,))
    monkeypatch.setattr(many_electrons, "_ERROR_OF_SHARE", 0.0)
    for name in ("_ENERGY_FACTORS", "_DENSITY_FACTORS"):
        monkeypatch.setattr(many_electrons, name, (getattr(many_electrons, name)[0], 0.0))
    energies, density = ThreeElectrons(potential, BOX, 8).solve()
    dot = solve(potential, BOX, 3)
    assert dot.energy == pytest.approx(energies[0], abs=5e-3)
    assert dot.gap == pytest.approx(energies[1] - energies[0], abs=2e-3)
    assert distance(dot.density, density) < 4e-3
    assert abs(dot.energy - energies[0]) < 2 * dot.energy_error
    assert 0.5 < dot.density_error / distance(dot.density, density) < 3


@pytest.mark.parametrize("n_electrons", [1, 2, 3, 4])
@pytest.mark.parametrize("order", [0, 4, 3])
def test_densities_have_the_symmetry_of_the_potential(order, n_electrons):
    """Three times around is the hardest: the pixels do not have it."""
    for solution in Solver(BOX, n_electrons).solve_both(symmetric_dot(order)):
        assert max(moments(solution.density, order)) < 1e-3
        electrons = solution.density.sum() * BOX.pixel_area(len(solution.density))
        assert electrons == pytest.approx(n_electrons)


@pytest.mark.slow
@pytest.mark.parametrize("order", [0, 4, 3])
@pytest.mark.parametrize("n_electrons", [5, 6])
def test_densities_of_many_have_the_symmetry_of_the_potential(order, n_electrons):
    solution = solve(symmetric_dot(order), BOX, n_electrons)
    assert max(moments(solution.density, order)) < 1e-3


@pytest.mark.slow
def test_errors_are_honest(potential, dot):
    energies, density = ThreeElectrons(potential, BOX, 12).solve()
    assert abs(dot.energy - energies[0]) < 2 * dot.energy_error
    assert 0.5 < dot.density_error / distance(dot.density, density) < 3


@pytest.mark.slow
def test_four_electrons_in_twelve_orbitals_are_closer_than_plain_interaction_in_28():
    for potential in sample_potentials(3, BOX, 64, seed=0, first=1000):
        problem = Solver(BOX, 4).many_electron_problem(potential)
        electrons = problem._electrons
        space = electrons.pair_space(20, problem._pair_energy)
        best, few = (
            problem._solution(electrons, electrons.ground_state(space.fold(m))) for m in (20, 12)
        )
        plain = Solver(BOX, 4, n_orbitals=28, basis_tolerance=1e-2).solve(potential)
        assert abs(few.energy - best.energy) < 0.5 * abs(plain.energy - best.energy)
        assert distance(few.density, best.density) < 0.5 * distance(plain.density, best.density)


@pytest.mark.slow
@pytest.mark.parametrize("length", [10.0, 20.0, 40.0])
def test_no_level_of_three_electrons_is_missed(length):
    """The effective Hamiltonian as a dense matrix has the same lowest levels."""
    for potential in sample_potentials(7, Box(length), 48, seed=11, first=500):
        problem = Solver(Box(length), 3).many_electron_problem(potential)
        pairs = problem._pairs.fold(problem._n_orbitals)
        energies = problem._electrons.energies[: pairs.n_orbitals]
        found = lowest_levels(energies, pairs.interaction, 3)
        sector = spin_sector(pairs.n_orbitals, 2, 1)
        dense = SectorHamiltonian(sector, energies, pairs.interaction).dense()
        exact = np.linalg.eigvalsh(dense)[:2]
        np.testing.assert_allclose([level.energy for level in found[:2]], exact, atol=1e-5)


def test_label_errors_are_those_of_the_solution(potential, dot):
    error = estimate_label_error(Solver(BOX, 3), potential)
    assert (error.energy, error.density) == pytest.approx((dot.energy_error, dot.density_error))
    assert abs(error.gap) == pytest.approx(dot.gap_error)
    assert error.exchange == pytest.approx(dot.exchange_error)


@pytest.mark.parametrize("n_electrons", [3, 4])
def test_exchange_is_the_difference_of_two_spins(potential, n_electrons):
    dot = solve(potential, BOX, n_electrons)
    smallest = (n_electrons % 2) / 2
    low, high = (solve(potential, BOX, n_electrons, spin=smallest + k) for k in (0, 1))
    error = np.hypot(low.energy_error, high.energy_error)
    assert abs(dot.exchange - (high.energy - low.energy)) < min(error, 3 * dot.exchange_error)
    assert np.isnan(low.exchange)
    free = [solve(potential, BOX, n_electrons, "none", spin=s) for s in (smallest, smallest + 1)]
    expected = free[1].energy - free[0].energy
    assert solve(potential, BOX, n_electrons, "none").exchange == pytest.approx(expected)


@pytest.mark.parametrize("n_electrons", [3, 4])
def test_densities_hold_the_electrons(potential, n_electrons):
    for solution in Solver(BOX, n_electrons).solve_both(potential):
        area = BOX.pixel_area(len(potential))
        assert solution.density.sum() * area == pytest.approx(n_electrons, rel=1e-12)
        assert solution.spin_densities[0].sum() * area == pytest.approx(
            solution.sector[0], rel=0.02
        )
        assert solution.density.min() > -1e-12


def test_no_interaction(potential):
    by_name = solve(potential, BOX, 3, "none")
    plain = solve(potential, BOX, 3, "none", n_orbitals=6, basis_tolerance=1e-6)
    weak = solve(potential, BOX, 3, strength=1e-5)
    assert by_name.energy == pytest.approx(plain.energy, abs=1e-3)
    assert by_name.gap == pytest.approx(plain.gap, abs=1e-3)
    assert weak.energy == pytest.approx(by_name.energy, abs=1e-4)
    assert distance(weak.density, by_name.density) < 1e-3


def test_spins_asked_for(potential, dot):
    doublet, quartet = (solve(potential, BOX, 3, spin=spin) for spin in (0.5, 1.5))
    assert quartet.spin_squared == pytest.approx(3.75, abs=1e-6)
    assert doublet.energy == pytest.approx(dot.energy, abs=1e-5)
    assert quartet.energy >= dot.energy + dot.gap - 1e-5


def test_scaling_of_the_window(potential):
    """A dot in the middle of a large empty box is the same dot."""
    energies = []
    for length in (12.0, 24.0):
        r, _ = polar(Box(length), 64)
        energies.append(solve(0.5 * r**2, Box(length), 3).energy)
    assert energies[0] == pytest.approx(energies[1], abs=2e-3)


def test_scaling_law(potential, dot):
    """Twice the length, a quarter of the potential, half the repulsion: a quarter of the energy."""
    larger = solve(potential / 4, Box(2 * BOX.length), 3, strength=0.5)
    assert 4 * larger.energy == pytest.approx(dot.energy, abs=1e-6)
    assert 4 * larger.gap == pytest.approx(dot.gap, abs=1e-5)
    assert 4 * larger.energy_error == pytest.approx(dot.energy_error, rel=1e-2, abs=1e-6)
    assert distance(4 * larger.density, dot.density) < 1e-5


def test_scaling_law_where_the_repulsion_is_strong():
    """Pairs that lie as low as those they are folded into are kept at a distance that scales."""
    r, _ = polar(Box(40.0))
    parabola = 0.5 * (0.05 * r) ** 2
    weak, larger = solve(parabola, Box(40.0), 3), solve(parabola / 4, Box(80.0), 3, strength=0.5)
    assert 4 * larger.energy == pytest.approx(weak.energy, rel=1e-6)


def test_what_no_grid_resolves_is_refused():
    noise = 300.0 * np.random.default_rng(0).standard_normal((64, 64))
    with pytest.raises(PhysicsError, match="smooth"):
        solve(noise, BOX, 3)


def test_orbitals_cannot_be_added(potential):
    with pytest.raises(UsageError, match="leave n_orbitals out"):
        estimate_label_error(Solver(BOX, 3), potential, n_orbitals=30)
