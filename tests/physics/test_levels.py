"""One level of each spin multiplet, whatever sectors its states were found in."""

import numpy as np
import pytest

from keras_qd.physics.determinants import SpinSector
from keras_qd.physics.levels import Level, distinct

SINGLETS, TRIPLETS = SpinSector(4, 1, 1), SpinSector(4, 2, 0)


def level(energy, spin, sector):
    return Level(energy, spin * (spin + 1), sector, np.zeros(1))


@pytest.mark.parametrize("spin", [0, 0.5, 1, 1.5, 2, 3])
def test_multiplicity(spin):
    assert level(0.0, spin, SINGLETS).multiplicity == 2 * spin + 1


@pytest.mark.parametrize("difference", [0.0, 1e-6, -1e-6])
def test_a_triplet_in_both_sectors_is_one_level(difference):
    own, stray = level(-2.0, 1, TRIPLETS), level(-2.0 + difference, 1, SINGLETS)
    assert distinct([stray, own]) == [own]


def test_states_of_other_energies_and_other_spins_are_levels_of_their_own():
    lowest = level(3.0, 0, SINGLETS)
    same_energy, near = level(3.0, 1, TRIPLETS), level(3.0001, 1, SINGLETS)
    assert distinct([near, same_energy, lowest]) == [same_energy, lowest, near]
    assert distinct([level(-3.0, 1, SINGLETS)])[0].energy == -3.0
