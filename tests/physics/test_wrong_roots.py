"""The ground state is found where low states of several spins lie close together."""

import pytest

from keras_qd import physics


@pytest.mark.parametrize(
    ("n_electrons", "n_orbitals", "energy", "sector"),
    [
        # S = 3/2 lies at 5.7625; a solver that leaves a sector early reports it.
        (5, 10, 5.63552, (3, 2)),
        # S = 2 lies at 7.8083.
        pytest.param(6, 15, 7.71045, (3, 3), marks=pytest.mark.slow),
    ],
)
def test_ground_state_of_a_weak_parabola(n_electrons, n_orbitals, energy, sector):
    """Golden values: each spin sector of this solver, converged by itself."""
    box = physics.Box(18.0)
    x, y = box.mesh(64)
    potential = 0.5 * 0.28**2 * ((x - 9) ** 2 + (y - 9) ** 2)
    solver = physics.Solver(box, n_electrons, n_orbitals=n_orbitals)
    solution = solver.solve(potential)
    assert solution.energy == pytest.approx(energy, abs=2e-4)
    assert solution.sector == sector
