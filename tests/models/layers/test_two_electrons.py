"""Two electrons nearly solved, beside the solver that makes the data."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_qd.errors import UsageError
from keras_qd.models.layers.two_electrons import TwoElectrons
from keras_qd.physics import Box
from keras_qd.physics.solver import Solver

POINTS, LENGTH = 24, 10.0
#: Lowest and all orbitals, half waves: one size, as JAX compiles for each.
SIZE = (4, 8, 10)


def random_potentials(n):
    """Potentials without any symmetry, in Ha*, smooth enough for a basis of ten half waves."""
    along = np.cos(np.pi * np.outer((np.arange(POINTS) + 0.5) / POINTS, np.arange(4)))
    potentials = along @ np.random.default_rng(0).normal(0.0, 0.2, size=(n, 4, 4)) @ along.T
    return potentials[..., None].astype("float32")


def solved(layer, potentials):
    return tuple(ops.convert_to_numpy(each) for each in layer(potentials))


@pytest.mark.parametrize(("interaction", "strength"), [("coulomb", 1.0), ("screened", 0.5)])
def test_its_parts_are_exact_and_the_whole_is_nearly_so(interaction, strength):
    potentials = random_potentials(2)
    layer = TwoElectrons(*SIZE, LENGTH, interaction, strength)
    exact, poorer = (
        Solver(Box(LENGTH), 2, interaction, n_orbitals=n, strength=strength) for n in (8, 4)
    )
    for potential, density, above in zip(potentials, *solved(layer, potentials), strict=True):
        best, alone = exact.solve_both(potential[..., 0])
        poor = poorer.solve(potential[..., 0])
        np.testing.assert_allclose(density[..., 3], poor.density, atol=2e-3)
        np.testing.assert_allclose(density[..., 4], alone.density, atol=2e-3)
        assert above[3] - above[2] == pytest.approx(alone.energy - poor.energy, abs=1e-3)
        # By perturbation theory: most of the way from the poorer solution to the better.
        assert above[2] == pytest.approx(poor.energy - best.energy, rel=0.3, abs=1e-3)
        missing, left = (
            np.abs(best.density - each).sum() for each in (poor.density, density[..., 0])
        )
        assert left < 0.35 * missing + 1e-2


def test_the_next_state_is_the_next_singlet():
    potential = random_potentials(1)
    _, energies = solved(TwoElectrons(7, 8, 10, LENGTH), potential)
    singlets = Solver(Box(LENGTH), 2, n_orbitals=8, spin=0).solve(potential[0, ..., 0])
    assert energies[0, 0] == pytest.approx(singlets.gap, abs=3e-3)
    assert energies[0, 1] >= energies[0, 0]


def test_without_interaction_perturbation_theory_has_nothing_to_add():
    layer = TwoElectrons(*SIZE, LENGTH, strength=0.0)
    densities, energies = solved(layer, random_potentials(2))
    for other in (3, 4):
        np.testing.assert_allclose(densities[..., other], densities[..., 0], atol=1e-5)
    np.testing.assert_allclose(energies[:, 2:], 0.0, atol=1e-5)


def test_every_density_holds_two_electrons_and_follows_the_symmetries():
    layer = TwoElectrons(*SIZE, LENGTH)
    potential = random_potentials(2)
    densities, energies = solved(layer, potential)
    charges = densities.sum(axis=(1, 2)) * (LENGTH / POINTS) ** 2
    np.testing.assert_allclose(charges, 2.0, rtol=1e-4)
    assert densities.min() >= 0
    for turns in range(4):
        for mirror in (1, -1):
            changed = np.rot90(potential, turns, axes=(1, 2))[:, ::mirror]
            found, levels = solved(layer, np.ascontiguousarray(changed))
            expected = np.rot90(densities, turns, axes=(1, 2))[:, ::mirror]
            np.testing.assert_allclose(found, expected, atol=1e-3)
            np.testing.assert_allclose(levels, energies, atol=1e-4)


def test_a_constant_changes_nothing():
    layer = TwoElectrons(*SIZE, LENGTH)
    potential = random_potentials(2)
    for one, other in zip(solved(layer, potential), solved(layer, potential + 3.0), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_it_is_made_again_from_its_configuration():
    layer = TwoElectrons(*SIZE, 8.0, "screened", 0.5)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    potential = random_potentials(2)
    for one, other in zip(solved(layer, potential), solved(again, potential), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not layer.weights


@pytest.mark.parametrize("shape", [(1, 24, 16, 1), (1, 12, 12, 1), (1, 24, 24, 2)])
def test_potentials_that_do_not_fit(shape):
    with pytest.raises(UsageError, match="square"):
        TwoElectrons(3, 6, n_max=6)(np.zeros(shape, "float32"))


@pytest.mark.parametrize(("lowest", "orbitals"), [(1, 6), (6, 6), (3, 1000)])
def test_orbitals_that_there_are_not(lowest, orbitals):
    with pytest.raises(UsageError, match="orbitals"):
        TwoElectrons(lowest, orbitals, n_max=4)(np.zeros((1, 24, 24, 1), "float32"))
