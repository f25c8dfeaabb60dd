"""Systems on a line: one electron in batches, two electrons exactly, beside peers.

scipy's eigh_tridiagonal is what a script would call, system by system, for three-point finite
differences. iDEA (pip install iDEA-latest) solves the same problems where it is installed.
"""

import contextlib
import io
import time

from timing import seconds_each  # isort: skip  (sets the threads before NumPy is imported)

import numpy as np
from scipy.linalg import eigh_tridiagonal

from keras_qd import physics

LENGTH, N_POINTS = 10.0, 64
N_SYSTEMS, N_SCIPY, N_IDEA, N_PAIRS = 100_000, 4_000, 20, 40
ROUNDS = 3


def main():
    """Print speeds, ratios and errors."""
    try:
        import iDEA
    except ImportError:
        iDEA = None  # noqa: N806 - the name of the peer
        print("iDEA is not installed: no comparison with it (pip install iDEA-latest)")
    potentials = physics.sample_potentials_1d(N_SYSTEMS, LENGTH, N_POINTS)
    one_electron(potentials, iDEA)
    errors(potentials[:500])
    two_electrons(potentials[:N_PAIRS], iDEA)


def one_electron(potentials, idea):
    """Systems a second; each peer in turn, the best of some rounds."""
    ours, scipys, ideas = [], [], []
    for _ in range(ROUNDS):
        start = time.process_time()
        physics.solve_1d(potentials, LENGTH)
        ours.append((time.process_time() - start) / N_SYSTEMS)
        scipys.append(seconds_each(solve_with_scipy, potentials[:N_SCIPY]))
        if idea:
            ideas.append(seconds_each(lambda v: solve_with_idea(idea, v), potentials[:N_IDEA]))
    best = min(ours)
    print(f"\n1D, 1 electron, {N_POINTS} points: {N_SYSTEMS} systems in {best * N_SYSTEMS:.2f} s")
    print(f"  keras-qd                  {1 / best:10.0f} systems/s")
    for name, times in (("scipy eigh_tridiagonal", scipys), ("iDEA", ideas)):
        if times:
            print(
                f"  {name:25s} {1 / min(times):10.0f} systems/s {min(times) / best:8.1f} x slower"
            )


def solve_with_scipy(potential):
    """Lowest state of three-point finite differences."""
    spacing = LENGTH / (N_POINTS + 1)
    off_diagonal = np.full(N_POINTS - 1, -0.5 / spacing**2)
    energy, state = eigh_tridiagonal(
        potential + 1 / spacing**2, off_diagonal, select="i", select_range=(0, 0)
    )
    return energy[0], state[:, 0] ** 2 / spacing


def errors(potentials):
    """Errors of density and energy against the sine DVR on the same nodes."""
    energies, orbitals = physics.states_1d(potentials, LENGTH)
    exact = orbitals[:, 0] ** 2
    solution = physics.solve_1d(potentials, LENGTH)
    differences = [solve_with_scipy(potential) for potential in potentials]
    rows = {
        "keras-qd": (solution.energies, solution.densities),
        "scipy, three points": tuple(map(np.array, zip(*differences, strict=True))),
    }
    print("\nerrors against the sine DVR: density (integral of |difference|) and energy, Ha*")
    for name, (energy, density) in rows.items():
        distance = np.abs(density - exact).sum(axis=1) * solution.spacing
        off = np.abs(energy - energies[:, 0])
        print(
            f"  {name:22s} density median {np.median(distance):.1e} worst {distance.max():.1e}"
            f"   energy median {np.median(off):.1e} worst {off.max():.1e}"
        )


def two_electrons(potentials, idea):
    """Milliseconds of a singlet; iDEA's softened interaction is 1 / (d + 1)."""
    ours, ideas = [], []
    for _ in range(ROUNDS):
        ours.append(seconds_each(solve_pair, potentials))
        if idea:
            ideas.append(seconds_each(lambda v: solve_with_idea(idea, v, "ud"), potentials[:2]))
    print(f"\n1D, 2 electrons, {N_POINTS} points")
    print(f"  keras-qd                  {1e3 * min(ours):10.1f} ms a system")
    if ideas:
        print(
            f"  iDEA                      {1e3 * min(ideas):10.1f} ms a system"
            f" {min(ideas) / min(ours):8.1f} x slower"
        )


def solve_pair(potential):
    """Two electrons in a singlet, exactly on the grid."""
    return physics.solve_1d(potential[None], LENGTH, 2, interaction="cusp-coulomb")


def solve_with_idea(idea, potential, electrons="u"):
    """The same system in iDEA, whose grid holds the interior nodes."""
    x = np.arange(1, N_POINTS + 1) * LENGTH / (N_POINTS + 1) - 0.5 * LENGTH
    interaction = idea.interactions.softened_interaction(x)
    system = idea.system.System(x, potential, interaction, electrons)
    with contextlib.redirect_stdout(io.StringIO()):  # it says at every call that it is solving
        return idea.methods.interacting.solve(system, k=0)


if __name__ == "__main__":
    main()
