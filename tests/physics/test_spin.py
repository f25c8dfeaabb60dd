"""States of a given spin."""

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.errors import UsageError
from keras_qd.physics.references import two_electron_energy

BOX = physics.Box(10.0)


def potential(seed=4):
    return physics.sample_potentials(1, BOX, 48, seed=seed)[0]


@pytest.mark.parametrize("n_electrons", [2, 3, 4])
def test_the_ground_state_is_the_lowest_of_all_spins(n_electrons):
    spins = np.arange(n_electrons % 2 / 2, n_electrons / 2 + 0.1)
    found = [
        physics.Solver(BOX, n_electrons, n_orbitals=9, spin=spin).solve(potential())
        for spin in spins
    ]
    for spin, solution in zip(spins, found, strict=True):
        assert solution.spin_squared == pytest.approx(spin * (spin + 1), abs=1e-5)
        assert solution.density.sum() * BOX.pixel_area(48) == pytest.approx(n_electrons, rel=1e-9)
    ground = physics.Solver(BOX, n_electrons, n_orbitals=9).solve(potential())
    assert ground.energy == pytest.approx(min(each.energy for each in found), abs=1e-9)
    lowest = found[int(np.argmin([each.energy for each in found]))]
    np.testing.assert_allclose(ground.density, lowest.density, atol=1e-5)


def test_the_triplet_of_two_electrons_in_a_parabola():
    """28 orbitals are seven full shells; the triplet's wave function has no cusp to speak of."""
    box = physics.Box(11.0)
    x, y = box.mesh(64)
    parabola = 0.5 * ((x - 5.5) ** 2 + (y - 5.5) ** 2)
    triplet = physics.solve(parabola, box, 2, n_orbitals=28, spin=1)
    assert triplet.energy == pytest.approx(two_electron_energy(1.0, angular_momentum=1), abs=2e-3)


def test_degenerate_spins_are_kept_apart():
    """Two distant wells: singlet and triplet agree to 1e-8, yet each is found pure."""
    box = physics.Box(20.0)
    x, y = box.mesh(48)
    wells = 0.2 * np.minimum((x - 4) ** 2, (x - 16) ** 2) + 0.2 * (y - 10) ** 2
    singlet, triplet = (physics.solve(wells, box, 2, n_orbitals=8, spin=spin) for spin in (0, 1))
    assert triplet.energy - singlet.energy == pytest.approx(0.0, abs=1e-7)
    assert singlet.spin_squared == pytest.approx(0.0, abs=1e-6)
    assert triplet.spin_squared == pytest.approx(2.0, abs=1e-6)


def test_spin_without_interaction():
    energies = physics.Solver(BOX, 1).solve_orbitals(potential()).energies
    triplet = physics.solve(potential(), BOX, 2, "none", n_orbitals=20, spin=1)
    assert triplet.energy == pytest.approx(energies[0] + energies[1], abs=1e-9)
    assert triplet.spin_squared == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("n_electrons", "spin", "possible"),
    [(2, 0.5, "0 or 1"), (3, 1, "0.5 or 1.5"), (4, 3, "0 or 1 or 2"), (3, -0.5, "0.5 or 1.5")],
)
def test_impossible_spins_are_refused(n_electrons, spin, possible):
    with pytest.raises(UsageError, match=f"{n_electrons} electrons have total spin {possible}"):
        physics.Solver(BOX, n_electrons, spin=spin)
