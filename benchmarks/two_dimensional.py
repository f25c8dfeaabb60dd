"""Two dimensions: systems a second, the ratio to a plain script, and how the cost grows."""

from functools import partial

from timing import seconds_each  # isort: skip  (sets the threads before NumPy is imported)

import click
import finite_difference
import numpy as np
from matplotlib.figure import Figure

from keras_qd.physics import Box, Solver, sample_potentials

BOX = Box(10.0)

#: Systems a second on one core that the solver shall reach, for (n_electrons, n_orbitals).
TARGETS = {(2, 20): 70, (3, 20): 30, (4, 16): 8}

#: Orbitals for the comparison: explicit loops over determinants bear some thousand of them.
PEER_ORBITALS = {2: 20, 3: 14, 4: 9}

#: Where the growth of the cost is measured: orbitals, the most of them for each number of
#: electrons, and pixels a side.
ORBITALS = (10, 14, 20, 28)
AFFORDABLE = {1: 28, 2: 28, 3: 28, 4: 20, 5: 14, 6: 10}
SIDES = (32, 64, 128, 256)


def cost(n_electrons, n_orbitals, n_pixels=64, n_systems=20):
    """Processor seconds from a potential to both densities, with and without interaction."""
    solver = Solver(BOX, n_electrons, n_orbitals=n_orbitals)

    def densities(potential):
        return [solution.density for solution in solver.solve_both(potential)]

    return seconds_each(densities, sample_potentials(n_systems, BOX, n_pixels, seed=1))


def speed():
    """Systems a second at the sizes that data sets are made with."""
    click.echo("\n64 x 64 pixels, Coulomb interaction, with and without it, both densities")
    click.echo(" N   M   ms/system  systems/s/core  target")
    for (n_electrons, n_orbitals), target in TARGETS.items():
        time = cost(n_electrons, n_orbitals)
        click.echo(
            f"{n_electrons:2d} {n_orbitals:3d} {1e3 * time:11.1f} {1 / time:15.1f} {target:7d}"
        )


def peer(n_systems=3):
    """Ratio to the finite-difference script (n = 63): energy and density, in as many orbitals."""
    click.echo("\nagainst finite differences (n = 63) and explicit determinants, the same M")
    click.echo(" N   M   ms/system  script, ms   ratio  |energy - script's| (Ha*)")
    potentials = sample_potentials(n_systems, BOX, 64, seed=1)
    for n_electrons, n_orbitals in PEER_ORBITALS.items():
        script = partial(
            finite_difference.ground_state,
            length=BOX.length,
            n_electrons=n_electrons,
            n_orbitals=n_orbitals,
        )
        solver = Solver(BOX, n_electrons, n_orbitals=n_orbitals)
        script_time = seconds_each(script, potentials)
        time = seconds_each(solver.solve, np.repeat(potentials, 5, axis=0))
        difference = np.mean([abs(solver.solve(v).energy - script(v)[0]) for v in potentials[:2]])
        click.echo(
            f"{n_electrons:2d} {n_orbitals:3d} {1e3 * time:11.1f} {1e3 * script_time:11.0f} "
            f"{script_time / time:7.0f} {difference:14.4f}"
        )


def growth(figure=None):
    """Milliseconds a system as electrons, orbitals and pixels grow; drawn into `figure`, if any."""
    by_orbitals = {
        n: {m: 1e3 * cost(n, m, n_systems=4) for m in ORBITALS if m <= largest}
        for n, largest in AFFORDABLE.items()
    }
    click.echo("\ncost in ms/system; 64 x 64 pixels, number of orbitals along the top")
    click.echo(" N " + "".join(f"{m:9d}" for m in ORBITALS))
    for n, times in by_orbitals.items():
        row = [f"{times[m]:9.1f}" if m in times else f"{'-':>9}" for m in ORBITALS]
        click.echo(f"{n:2d} " + "".join(row))
    by_pixels = {n: 1e3 * cost(2, 20, n, n_systems=4) for n in SIDES}
    click.echo("\ncost in ms/system; N = 2, M = 20, pixels a side along the top")
    click.echo("   " + "".join(f"{n:9d}" for n in SIDES))
    click.echo("   " + "".join(f"{by_pixels[n]:9.1f}" for n in SIDES))
    if figure is not None:
        draw_growth(by_orbitals, by_pixels, figure)


def draw_growth(by_orbitals, by_pixels, path):
    """Draw the cost over orbitals, a line for each number of electrons, and over pixels."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for n, times in by_orbitals.items():
        left.loglog(list(times), list(times.values()), "o-", label=f"N = {n}")
    left.set(xlabel="orbitals M", ylabel="ms a system", title="64 x 64 pixels")
    left.set_xticks(ORBITALS, map(str, ORBITALS))
    left.minorticks_off()
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center")
    right.loglog(list(by_pixels), list(by_pixels.values()), "o-")
    right.set(xlabel="pixels a side", title="N = 2, M = 20")
    right.set_xticks(SIDES, map(str, SIDES))
    right.minorticks_off()
    figure.savefig(path, dpi=120)


def main(figure=None):
    """Run all of them."""
    speed()
    peer()
    growth(figure)
