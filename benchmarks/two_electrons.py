"""Two electrons: time and errors of grids and of configuration interaction, on default dots.

The reference is the grid of n = 22. Times are processor time of one dot at a time; the last lines
compare array libraries in batches, and the estimated errors with the true ones.
"""

from timing import seconds_each  # isort: skip  (sets the threads before NumPy is imported)

import importlib.util
import time

import click
import numpy as np

from keras_qd import physics

BOX, FIRST, N_DOTS, N_PIXELS = physics.Box(10.0), 1000, 14, 64

#: Systems of a batch, and repetitions of its timing.
BATCH, REPEATS = 4, 12


def main():
    """Print the table: samples 1000 to 1013 of the default data."""
    dots = physics.sample_potentials(N_DOTS, BOX, N_PIXELS, first=FIRST)
    best = physics.solve_batch(dots, BOX, n_grid=22, steps=9)
    click.echo(f"\n{N_DOTS} default dots, two electrons, singlet and triplet")
    click.echo(f"{'':26}{'ms':>6}{'density, median and worst':>27}{'energy':>17}{'gap':>9}")
    for n in (10, 12, 14, 16, 18):
        row(f"grid n = {n}", dots, best, lambda each, n=n: on_grid(each, n))
    for m in (20, 66):
        row(f"CI in {m} orbitals", dots, best, lambda each, m=m: single(each, n_orbitals=m))
    row("solve(accuracy=1e-3)", dots, best, lambda each: single(each, accuracy=1e-3))
    honesty(dots, best)
    libraries(dots[:BATCH])


def on_grid(potential, n_grid):
    found = physics.solve_batch(potential[None], BOX, n_grid=n_grid)
    return found.density[0], found.energy[0], found.gap[0]


def single(potential, **settings):
    found = physics.solve(potential, BOX, 2, **settings)
    return found.density, found.energy, found.gap


def row(name, dots, best, solve):
    """Print time and errors of one method; energies and gaps as the median, in Ha*."""
    seconds = seconds_each(solve, dots)
    densities, energies, gaps = zip(*map(solve, dots), strict=True)
    density = distance(np.stack(densities), best.density)
    energy, gap = np.abs(energies - best.energy), np.abs(gaps - best.gap)
    click.echo(
        f"{name:26}{1e3 * seconds:6.1f}{np.median(density):16.1e}{density.max():11.1e}"
        f"{np.median(energy):17.1e}{np.median(gap):9.1e}"
    )


def honesty(dots, best):
    """Print how many estimates of `solve` are between half and three times the true error."""
    found = [physics.solve(each, BOX, 2) for each in dots]
    true = {
        "density": distance(np.stack([each.density for each in found]), best.density),
        "energy": np.abs([each.energy for each in found] - best.energy),
        "gap": np.abs([each.gap for each in found] - best.gap),
    }
    for name, errors in true.items():
        ratios = np.array([getattr(each, f"{name}_error") for each in found]) / errors
        share = np.mean((ratios > 0.5) & (ratios < 3))
        click.echo(f"{name}: estimate / true {np.median(ratios):.2f}, {share:.0%} in 0.5 to 3")


def libraries(dots):
    """Print the processor time of a batch of n = 12 with NumPy and, compiled, with JAX."""
    batch = dots.astype(np.float32)
    runs = {"NumPy": lambda: physics.solve_batch(batch, BOX)}
    if importlib.util.find_spec("jax"):
        import jax

        compiled = jax.jit(lambda each: physics.solve_batch(each, BOX, xp=jax.numpy))
        numbers = jax.numpy.asarray(batch)
        runs["JAX, on a CPU"] = lambda: jax.block_until_ready(compiled(numbers))
    times = {name: [] for name in runs}
    # In turn, after one call that makes tables and compiles.
    for repeat in range(REPEATS + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if repeat:
                times[name].append(time.process_time() - start)
    for name, seconds in times.items():
        each = 1e3 * min(seconds) / BATCH
        click.echo(f"{name}: {each:.1f} ms a dot, n = 12, batches of {BATCH}")


def distance(density, reference):
    difference = np.abs(density - reference).sum(axis=(1, 2))
    return difference * BOX.pixel_area(N_PIXELS) / 2
