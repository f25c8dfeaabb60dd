"""Two electrons on a line against iDEA, where that is installed."""

import numpy as np
import pytest

from keras_qd import physics

idea = pytest.importorskip("iDEA", reason="iDEA is not installed; run: tox -e idea")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("electrons", ["ud", "uu"])
def test_energy_and_density_of_two_electrons(electrons):
    # iDEA's grid has its outermost points on it; the wave function vanishes one step further.
    n, length = 61, 16.0
    x = np.arange(1, n + 1) * length / (n + 1) - 0.5 * length
    potential = 0.5 * 0.4**2 * x**2 + 0.1 * x
    system = idea.system.System(
        x, potential, idea.interactions.softened_interaction(x), electrons, stencil=13
    )
    peer = idea.methods.interacting.solve(system, k=0)
    ours = physics.solve_1d(
        potential[None],
        length,
        2,
        interaction="cusp-coulomb",
        spin="singlet" if electrons == "ud" else "triplet",
    )
    assert ours.energies[0] == pytest.approx(float(peer.energy), abs=1e-5)
    density = idea.observables.density(system, state=peer)
    np.testing.assert_allclose(ours.densities[0], density, atol=1e-4)
