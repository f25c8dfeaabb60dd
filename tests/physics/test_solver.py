"""Exact results that every part of the two-dimensional solver has a share in."""

from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

from keras_qd.errors import DataError, PhysicsError, UnknownNameError, UsageError
from keras_qd.physics import Box, Solver, sample_potentials, solve, taut_density

BOX = Box(10.0)


def parabola(omega=1.0, box=BOX, n_pixels=64, centre=(5.0, 5.0)):
    x, y = box.mesh(n_pixels)
    return 0.5 * omega**2 * ((x - centre[0]) ** 2 + (y - centre[1]) ** 2)


@pytest.fixture(scope="module")
def potentials():
    return sample_potentials(4, BOX, 64, seed=11)


def test_oscillator_levels():
    levels = solve(parabola(), BOX, n_electrons=1).orbital_energies
    np.testing.assert_allclose(levels[:6], [1, 2, 2, 3, 3, 3], atol=2e-7)


def test_signs_of_orbitals_are_fixed():
    """The largest coefficient of each is positive, whatever the diagonalisation gives."""
    coefficients = Solver(BOX, 2).solve_orbitals(sample_potentials(1, BOX, 32)[0]).coefficients
    largest = np.abs(coefficients).argmax(axis=0)
    assert (coefficients[largest, np.arange(largest.size)] > 0).all()


def test_empty_box_levels():
    levels = solve(np.zeros((64, 64)), BOX, n_electrons=1).orbital_energies
    exact = sorted((a**2 + b**2) * np.pi**2 / 200 for a in range(1, 9) for b in range(1, 9))
    np.testing.assert_allclose(levels, exact[:20], rtol=1e-12)


def test_separable_potential():
    """V(x) + V(y): the density is a product and energies are sums."""
    x, y = BOX.mesh(64)
    dot = Solver(BOX, 1, basis_tolerance=1e-9).solve(np.cos(0.6 * x) + 0.1 * y)
    along_x, along_y = dot.density.sum(axis=0), dot.density.sum(axis=1)
    np.testing.assert_allclose(
        dot.density, np.outer(along_y, along_x) / dot.density.sum(), atol=1e-6
    )


def test_taut_two_electron_dot():
    """E = 3 exactly at omega = 1: M. Taut, J. Phys. A 27, 1045 (1994)."""
    shells = np.array([3, 4, 5, 6, 7])
    solvers = [
        Solver(BOX, n_orbitals=n * (n + 1) // 2, basis_tolerance=1e-7) for n in shells.tolist()
    ]
    energies = [solver.solve(parabola()).energy for solver in solvers]
    assert (np.diff(energies) < 0).all()
    assert energies[-1] == pytest.approx(3.0, abs=0.012)
    extrapolated = np.polynomial.Polynomial.fit(1 / shells, energies, 2)(0.0)
    assert extrapolated == pytest.approx(3.0, abs=2e-3)


def test_taut_triplet_and_gap():
    """The lowest triplet at omega = 1."""
    dot = solve(parabola(), BOX, n_orbitals=28)
    assert dot.sector == (1, 1)
    assert dot.energy + dot.gap == pytest.approx(3.597, abs=2e-3)


def test_shifted_potential():
    """A dot that is moved as a whole keeps its energy and moves its density."""
    middle = solve(parabola(1.2), BOX, n_orbitals=21)
    moved = solve(parabola(1.2, centre=(5.0 + 10 / 64 * 4, 5.0)), BOX, n_orbitals=21)
    assert moved.energy == pytest.approx(middle.energy, abs=1e-4)
    np.testing.assert_allclose(moved.density[:, 4:], middle.density[:, :-4], atol=2e-4)


def test_virial_theorem():
    """2 T - 2 V + W = 0 in a parabola; short of it only by the truncation to M orbitals."""
    dot = solve(parabola(), BOX, n_orbitals=45)
    external = float((dot.density * parabola()).sum() * BOX.pixel_area(64))
    kinetic = dot.one_body_energy - external
    assert 2 * kinetic - 2 * external + dot.interaction_energy == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("n_electrons", [1, 2, 3, 4])
def test_density_holds_the_electrons(potentials, n_electrons):
    dot, without = Solver(BOX, n_electrons, n_orbitals=10).solve_both(potentials[0])
    for solution in (dot, without):
        assert solution.density.sum() * BOX.pixel_area(64) == pytest.approx(n_electrons, rel=1e-12)
        assert solution.density.min() > -1e-14
        up, down = solution.spin_densities
        assert up.sum() * BOX.pixel_area(64) == pytest.approx(solution.sector[0], rel=1e-12)
        assert solution.density == pytest.approx(up + down)


def test_energy_falls_with_the_number_of_orbitals(potentials):
    energies = [solve(potentials[1], BOX, 2, n_orbitals=m).energy for m in (6, 10, 15, 21)]
    assert (np.diff(energies) < 0).all()


@pytest.mark.parametrize("n_electrons", [2, 3])
@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose, np.rot90])
def test_symmetries_of_the_square(potentials, turn, n_electrons):
    solver = Solver(BOX, n_electrons, n_orbitals=12)
    dot, turned = solver.solve(potentials[2]), solver.solve(turn(potentials[2]))
    assert turned.energy == pytest.approx(dot.energy, abs=1e-10)
    np.testing.assert_allclose(turned.density, turn(dot.density), atol=2e-6)


def test_scaling_with_the_length(potentials):
    """Box and lengths twice as large, energies four times smaller, interaction half as strong."""
    small = solve(potentials[0], BOX)
    large = solve(potentials[0] / 4, Box(20.0), strength=0.5)
    assert large.energy == pytest.approx(small.energy / 4, rel=1e-10)
    np.testing.assert_allclose(large.density, small.density / 4, atol=1e-10)


def test_no_interaction(potentials):
    by_name = solve(potentials[0], BOX, 2, "none")
    by_strength = solve(potentials[0], BOX, 2, strength=0.0)
    weak = solve(potentials[0], BOX, 2, strength=1e-7)
    assert by_name.energy == by_strength.energy == 2 * by_name.orbital_energies[0]
    assert weak.energy == pytest.approx(by_name.energy, abs=1e-6)
    np.testing.assert_allclose(weak.density, by_name.density, atol=1e-6)


def test_same_result_in_any_order(potentials):
    solver = Solver(BOX, 3, n_orbitals=10)
    first = [solver.solve(v) for v in potentials]
    second = [Solver(BOX, 3, n_orbitals=10).solve(v) for v in potentials[::-1]][::-1]
    for one, other in zip(first, second, strict=True):
        assert one.energy == other.energy
        assert np.array_equal(one.density, other.density)


def test_grid_does_not_matter():
    fine, coarse = (solve(parabola(0.7, n_pixels=n), BOX).energy for n in (128, 40))
    assert fine == pytest.approx(coarse, abs=1e-6)


def test_sharp_potential_is_refused():
    x, y = BOX.mesh(64)
    with pytest.raises(PhysicsError, match="too sharp"):
        solve(np.where((x - 5) ** 2 + (y - 5) ** 2 < 0.1, -500.0, 0.0), BOX, n_orbitals=20)


def test_basis_grows_for_a_narrow_well():
    x, y = BOX.mesh(64)
    well = -8 * np.exp(-((x - 4) ** 2 + (y - 5) ** 2) / (2 * 0.5**2))
    assert Solver(BOX).solve_orbitals(well).basis.n_max > 16


@pytest.mark.parametrize(
    ("potential", "match"),
    [
        (np.zeros((3, 64, 64)), "shape"),
        (np.zeros((64, 32)), "shape"),
        (np.full((64, 64), np.nan), "not finite"),
        (np.full((64, 64), "deep"), "real numbers"),
    ],
)
def test_unusable_potentials(potential, match):
    with pytest.raises(DataError, match=match):
        solve(potential, BOX)


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_electrons": 0},
        {"n_electrons": 7},
        {"n_orbitals": 2},
        {"n_electrons": 2.0},
        {"n_orbitals": 10.5},
        {"n_orbitals": 1000},
        {"strength": -1},
        {"strength": np.nan},
    ],
)
def test_senseless_arguments(arguments):
    with pytest.raises(UsageError):
        solve(np.zeros((64, 64)), BOX, **arguments)


def test_counts_of_numpy_are_numbers_of_electrons():
    x, y = Box(8.0).mesh(32)
    potential = (x - 4) ** 2 / 2 + (y - 4) ** 2
    solutions = [solve(potential, Box(8.0), n) for n in (3, np.int64(3))]
    assert solutions[0].energy == solutions[1].energy


def test_unknown_interaction():
    with pytest.raises(UnknownNameError, match="did you mean 'coulomb'"):
        solve(np.zeros((64, 64)), BOX, interaction="coulom")


def test_finite_differences_agree():
    """The plain script of the benchmark, extrapolated to zero grid spacing from two grids."""
    path = Path(__file__).parents[2] / "benchmarks" / "finite_difference.py"
    script = run_path(str(path))["ground_state"]
    x, y = BOX.mesh(64)
    potential = parabola(0.6) + 0.3 * np.cos(0.5 * x + 1) * np.cos(0.4 * y)
    for n_electrons, n_orbitals in [(2, 6), (3, 5)]:
        coarse, _ = script(potential, 10.0, n_electrons, n_orbitals, 19)
        fine, on_nodes = script(potential, 10.0, n_electrons, n_orbitals, 39)
        solution = solve(potential, BOX, n_electrons, n_orbitals=n_orbitals)
        assert (4 * fine - coarse) / 3 == pytest.approx(solution.energy, abs=3e-3)
        # Between the nodes lie the centres of 40 x 40 pixels.
        padded = np.pad(on_nodes, 1)
        density = (padded[1:, 1:] + padded[1:, :-1] + padded[:-1, 1:] + padded[:-1, :-1]) / 4
        centres = 10.0 * (np.arange(40) + 0.5) / 40
        pixels = 10.0 * (np.arange(64) + 0.5) / 64
        exact = RectBivariateSpline(pixels, pixels, solution.density)(centres, centres)
        assert abs(density - exact).sum() * BOX.pixel_area(40) / n_electrons < 0.02


def test_taut_density():
    """Relative error in L1: 2.6 % with 10 orbitals, 0.84 % with 36."""
    x, y = BOX.mesh(64)
    exact = taut_density(np.hypot(x - 5, y - 5))
    for n_orbitals, most in [(10, 0.03), (36, 0.01)]:
        density = solve(parabola(), BOX, n_orbitals=n_orbitals).density
        assert abs(density - exact).sum() * BOX.pixel_area(64) / 2 < most


@pytest.mark.parametrize("n_electrons", [3, 5])
def test_degenerate_ground_state_keeps_the_symmetry(n_electrons):
    """An open shell of a round dot: both states of the doublet enter with equal weight."""
    solver = Solver(BOX, n_electrons, n_orbitals=10)
    for dot in solver.solve_both(parabola()):
        assert dot.is_degenerate
        assert dot.n_states == 2
        assert dot.gap == pytest.approx(0, abs=1e-8)
        np.testing.assert_allclose(dot.density, np.rot90(dot.density), atol=1e-6)


def test_ground_state_of_four_electrons_is_a_triplet():
    """Hund's rule in the half-filled p shell of a round dot."""
    dot = solve(parabola(), BOX, n_electrons=4, n_orbitals=10)
    assert (dot.sector, dot.multiplicity) == ((3, 1), 3)
    assert dot.spin_squared == pytest.approx(2.0, abs=1e-8)
    up, down = dot.spin_densities
    assert (up - down).sum() * BOX.pixel_area(64) == pytest.approx(2.0)


def test_near_degeneracy_is_flagged():
    """Two dots far apart: singlet and triplet differ by next to nothing."""
    x, y = BOX.mesh(64)
    wells = -4 * sum(np.exp(-((x - a) ** 2 + (y - 5) ** 2)) for a in (2.0, 8.0))
    dot = solve(wells, BOX)
    assert dot.is_degenerate
    assert not solve(parabola(), BOX).is_degenerate
