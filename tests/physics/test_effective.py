"""Folding pairs of a grid: the same pairs by another route, and two electrons exactly."""

import numpy as np
import pytest

from keras_qd.physics.effective import PairSpace
from keras_qd.physics.full_ci import lowest_levels

#: States of the grid, and orbitals that keep the configuration interaction.
G, M, FEWER = 16, 6, 3

ENERGIES = np.sort(np.random.default_rng(1).uniform(0.0, 8.0, G))


def space(n_orbitals, strength=1.0, reference=0.0):
    rng = np.random.default_rng(0)
    states = np.linalg.qr(rng.standard_normal((G, G)))[0]
    between = rng.uniform(0.5, 1.5, (G, G))
    return PairSpace(ENERGIES, states, strength * (between + between.T), n_orbitals, reference, 0.5)


@pytest.mark.parametrize("symmetry", ["singlet", "triplet"])
def test_tables_of_more_orbitals_serve_fewer(symmetry):
    large, small = space(M).fold(FEWER), space(FEWER).fold(FEWER)
    np.testing.assert_allclose(
        getattr(large.interaction, symmetry), getattr(small.interaction, symmetry), atol=1e-5
    )
    unit = np.eye(len(getattr(small.interaction, symmetry)))
    amplitudes = [getattr(pairs, symmetry).combined(unit) for pairs in (large, small)]
    np.testing.assert_allclose(*amplitudes, atol=1e-5)
    assert np.abs(amplitudes[0]).max() > 1e-2
    assert not amplitudes[0][:, :FEWER, :FEWER].any()


def test_two_electrons_come_close_to_the_whole_grid():
    exact = lowest_levels(ENERGIES, space(G).fold(G).interaction, 2)[0].energy
    bare = lowest_levels(ENERGIES[:M], _bare(M), 2)[0].energy
    folded = lowest_levels(ENERGIES[:M], space(M, reference=exact).fold(M).interaction, 2)[0]
    assert abs(folded.energy - exact) < 0.05 * abs(bare - exact)


def _bare(n_orbitals):
    """All orbitals kept, of which the lowest are used: nothing is folded."""
    interaction = space(G).fold(G).interaction
    n = n_orbitals
    return type(interaction)(
        interaction.singlet[: n * (n + 1) // 2, : n * (n + 1) // 2],
        interaction.triplet[: n * (n - 1) // 2, : n * (n - 1) // 2],
    )
