"""From densities back to potentials: how many targets are reached, how near, and in what time.

python benchmarks/inverse.py [--only goals | families | starts | errors | noise] [--targets N]
"""

from timing import processor  # isort: skip  (sets the threads before NumPy is imported)

import time
from functools import cache

import click
import numpy as np

from keras_qd.inverse import invert
from keras_qd.physics import Box, Solver, sample_potentials

BOX = Box(10.0)
N_PIXELS = 64

#: Root seed of the targets: no data set here is made with it.
SEED = 20261121

#: Tolerance and number of targets for each number of electrons.
GOALS = {2: (1e-4, 200), 3: (1e-3, 60), 4: (1e-3, 20)}

#: Errors of a start, relative to the exact potential.
ERRORS = (0.01, 0.05, 0.1, 0.3)

#: Families and boxes beside the default ones.
OTHERS = (
    ("gaussian-wells", 10.0),
    ("double-dot", 10.0),
    ("gate-array", 10.0),
    ("random-fourier", 20.0),
)

#: Exact solutions for noisy targets whose noise is not handled; they follow it.
MOST_FOLLOWED = 30


@cache
def make_target(index, n_electrons=2, family="random-fourier", length=10.0):
    """One target, by default of the default data set's kind, and its potential."""
    # Two electrons are solved in a window fitted to them, on other grids than those of the search.
    box = Box(length)
    potential = sample_potentials(1, box, N_PIXELS, family=family, seed=SEED, first=index)[0]
    accuracy = 2e-4 if n_electrons == 2 else None
    if length > 10:
        accuracy = 1e-3
    return Solver(box, n_electrons, accuracy=accuracy).solve(potential).density, potential


def timed(target, n_electrons, tolerance, start=None, box=BOX):
    """Invert; return the inversion and its processor seconds."""
    began = time.process_time()
    found = invert(target, box, n_electrons, tolerance, start=start)
    return found, time.process_time() - began


def summary(label, inversions, seconds):
    """Print one row."""
    residuals = [found.residual for found in inversions]
    iterations = [found.iterations for found in inversions]
    reached = np.mean([found.converged for found in inversions])
    click.echo(
        f"{label:>16} {len(inversions):8d} {reached:8.1%} {np.median(residuals):9.1e} "
        f"{max(residuals):8.1e} {np.median(iterations):7.1f} {np.percentile(iterations, 95):6.0f} "
        f"{np.median(seconds):9.2f} {np.percentile(seconds, 95):7.2f} {max(seconds):7.2f}",
    )


def header():
    """Print what the columns are."""
    click.echo(
        f"{'':>16} {'targets':>8} {'reached':>8} {'median dn':>9} {'worst':>8} "
        f"{'its':>7} {'95 %':>6} {'median s':>9} {'95 %':>7} {'worst':>7}"
    )


def goals(first, n_targets, electrons):
    """Unseen targets from the closed-form start, to the tolerance of each number of electrons."""
    click.echo(f"\ndefault start; 64 x 64 pixels, L = 10, Coulomb, targets from {first} on")
    header()
    for n_electrons in electrons:
        tolerance, count = GOALS[n_electrons]
        rows = []
        for index in range(first, first + min(count, n_targets or count)):
            found, seconds = timed(make_target(index, n_electrons)[0], n_electrons, tolerance)
            rows.append((found, seconds))
            if not found.converged:
                click.echo(
                    f"  target {index}: {found.reason}, {found.residual:.1e}, gap {found.gap:.4f}, "
                    f"{found.iterations} iterations",
                    err=True,
                )
        summary(f"N = {n_electrons} to {tolerance:g}", *zip(*rows, strict=True))


def families(first, n_targets):
    """Two electrons in other families, and in a larger box."""
    click.echo("\nother families and boxes, N = 2 to 0.0001")
    header()
    for family, length in OTHERS:
        made = [
            make_target(index, 2, family, length)[0]
            for index in range(first, first + (n_targets or 10))
        ]
        rows = [timed(target, 2, 1e-4, box=Box(length)) for target in made]
        summary(f"{family}" if length == 10 else f"L = {length:g}", *zip(*rows, strict=True))


def perturbed(potential, error, index):
    """The potential and a smooth random error of so much of its standard deviation."""
    field = sample_potentials(1, BOX, N_PIXELS, seed=SEED + 1, first=index)[0]
    return potential + error * potential.std() * field / field.std()


def starts(first, n_targets, run):
    """Iterations from the closed form, from exact potentials with errors, and from a model."""
    count = n_targets or 40
    made = [make_target(index, 2) for index in range(first, first + count)]
    kinds = {"closed form": [None] * count}
    for error in ERRORS:
        kinds[f"exact + {error:.0%}"] = [
            perturbed(potential, error, index) for index, (_, potential) in enumerate(made, first)
        ]
    if run is not None:
        kinds["model"] = proposals(run, np.stack([target for target, _ in made]))
    click.echo("\nwhere the refinement starts, N = 2 to 0.0001")
    header()
    for kind, potentials in kinds.items():
        rows = [
            timed(target, 2, 1e-4, start)
            for (target, _), start in zip(made, potentials, strict=True)
        ]
        summary(kind, *zip(*rows, strict=True))
        click.echo(
            f"{'start, dn':>16} {np.median([found.start_residual for found, _ in rows]):.1e}"
        )


def aligned(found, potential):
    """Error of the potential less its mean weighted with the density."""
    error = found.potential - potential
    return error - np.average(error, weights=found.target)


def errors(first, n_targets):
    """Share of pixels whose potential lies in its 90 % interval."""
    click.echo("\n90 % intervals of the potential, N = 2")
    rows = []
    for index in range(first, first + (n_targets or 20)):
        target, potential = make_target(index, 2)
        found = invert(target, BOX, 2)
        held = np.abs(aligned(found, potential)) <= found.potential_error
        inside = held[found.determined].mean() if found.determined.any() else np.nan
        rows.append((held.mean(), inside, found.determined.mean()))
    means = np.nanmean(rows, axis=0)
    click.echo(f"of all pixels {means[0]:.1%}, determined {means[1]:.1%}, which are {means[2]:.1%}")


def noise(first, n_targets):
    """Error of the potential by the discrepancy principle, with a threshold, and with neither."""
    click.echo(f"\n{'noise':>6} {'dV, Ha*':>9} {'threshold':>10} {'neither':>9} {'determined':>10}")
    generator = np.random.default_rng(SEED)
    for size in (0.01, 0.02, 0.05):
        rows = []
        for index in range(first, first + (n_targets or 5)):
            clean, potential = make_target(index, 2)
            noisy = clean * (1 + size * generator.standard_normal(clean.shape))
            noisy = normalised(np.maximum(noisy, 0.0), clean)
            cut = normalised(np.where(noisy > size * noisy.max(), noisy, 0.0), clean)
            handled = invert(noisy, BOX, 2, noise=size)
            others = (invert(each, BOX, 2, max_iterations=MOST_FOLLOWED) for each in (cut, noisy))
            found = [handled, *others]
            off = [np.average(aligned(each, potential) ** 2, weights=clean) for each in found]
            rows.append([*np.sqrt(off), handled.determined.mean()])
        click.echo("{:6.0%} {:9.3f} {:10.3f} {:9.3f} {:10.0%}".format(size, *np.median(rows, 0)))


def normalised(density, like):
    """The density with as many electrons as another."""
    return density * (like.sum() / density.sum())


def proposals(run, targets):
    """What a trained model proposes."""
    from keras_qd.inverse._invert import propose
    from keras_qd.inverse.problem import InverseProblem

    return propose(run, targets, InverseProblem(box=BOX, n_electrons=2))


@click.command()
@click.option(
    "--only",
    type=click.Choice(["goals", "families", "starts", "errors", "noise"]),
    help="One part alone.",
)
@click.option("--run", type=click.Path(exists=True), help="Compare with this run's proposals.")
@click.option("--first", default=0, help="Number of the first target.")
@click.option("--targets", type=int, help="Fewer targets than the goals are stated for.")
@click.option("--electrons", multiple=True, type=click.Choice(["2", "3", "4"]), help="These alone.")
def main(only, run, first, targets, electrons):
    """Measure the inversion; ratios are taken within one run."""
    click.echo(f"processor seconds of one core: {processor()}")
    if only in (None, "goals"):
        goals(first, targets, [int(n) for n in electrons] or list(GOALS))
    if only in (None, "families"):
        families(first, targets)
    if only in (None, "starts"):
        starts(first, targets, run)
    if only in (None, "errors"):
        errors(first, targets)
    if only in (None, "noise"):
        noise(first, targets)


if __name__ == "__main__":
    main()
