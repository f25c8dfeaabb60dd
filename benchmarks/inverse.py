"""From densities back to potentials: how many targets are reached, how near, and in what time.

The tables of ``docs/concepts/inversion.md`` are those of

    python benchmarks/inverse.py --keep inverse.jsonl

which keeps each result in a file, and resumes with it. ``--only goals --electrons 2`` measures a
part, and ``--only starts --run runs/NAME`` whether a trained model's start saves iterations. All
targets are unseen: their potentials are from a seed and indices that no setting was tuned on, and
their densities from a window fitted to them, on other grids than those of the search.
"""

from timing import processor  # isort: skip  (sets the threads before NumPy is imported)

import json
import time
from functools import cache, partial
from pathlib import Path

import click
import numpy as np

from keras_qd.inverse import invert
from keras_qd.physics import Box, Solver, sample_potentials

N_PIXELS = 64

#: Root seed of the targets, with which no data set is made, and index of the first one.
SEED, FIRST = 20261121, 1000

#: Tolerance and number of targets for each number of electrons.
GOALS = {2: (1e-4, 200), 3: (1e-3, 5), 4: (1e-3, 5)}

#: Families, boxes and numbers of targets beside the default ones.
OTHERS = (
    ("gaussian-wells", 10.0, 3),
    ("double-dot", 10.0, 3),
    ("gate-array", 10.0, 3),
    ("random-fourier", 20.0, 2),
)

#: Numbers of targets of the parts `starts` and `noise`.
STARTS, NOISY = 10, 6

#: Errors of a start, relative to the exact potential.
ERRORS = (0.01, 0.1, 0.3)

#: Relative noise of targets, and exact solutions where it is not handled: they follow it.
NOISE, MOST_FOLLOWED = (0.01, 0.02, 0.05), 15


class Kept:
    """Results by name, in a file of one JSON object a line if it has a path."""

    def __init__(self, path):
        self._path = None if path is None else Path(path)
        self._rows = {}
        if self._path is not None and self._path.exists():
            rows = map(json.loads, self._path.read_text(encoding="utf-8").splitlines())
            self._rows = {row["name"]: row for row in rows}

    def row(self, name, measure):
        """Return the result of a name; measure it if it is not kept."""
        if name not in self._rows:
            self._rows[name] = {"name": name} | measure()
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(self._rows[name]) + "\n")
        return self._rows[name]


@cache
def make_target(index, n_electrons=2, family="random-fourier", length=10.0):
    """One target, by default of the default data set's kind, and its potential."""
    box = Box(length)
    potential = sample_potentials(1, box, N_PIXELS, family=family, seed=SEED, first=index)[0]
    accuracy = 2e-4 if n_electrons == 2 else None
    if length > 10:
        accuracy = 1e-3
    return Solver(box, n_electrons, accuracy=accuracy).solve(potential).density, potential


def inverted(index, n_electrons=2, tolerance=1e-4, start=None, **kind):
    """Invert one target; return what is kept of the result."""
    target, potential = make_target(index, n_electrons, **kind)
    start = start(target, potential) if start is not None else None
    began = time.process_time()
    found = invert(target, Box(kind.get("length", 10.0)), n_electrons, tolerance, start=start)
    seconds = time.process_time() - began
    held = np.abs(aligned(found.potential - potential, target)) <= found.potential_error
    return {
        "reached": bool(found.converged),
        "reason": found.reason,
        "residual": found.residual,
        "start_residual": found.start_residual,
        "iterations": found.iterations,
        "seconds": seconds,
        "gap": found.gap,
        "held": float(held.mean()),
        "held_where_determined": float(held[found.determined].mean())
        if found.determined.any()
        else None,
        "determined": float(found.determined.mean()),
    }


def aligned(error, density):
    """Error of a potential less its mean weighted with the density."""
    return error - np.average(error, weights=density)


def header(title):
    """Print what a table is of, and what its columns are."""
    click.echo(
        f"\n{title}\n{'':>16} {'targets':>8} {'reached':>8} {'median dn':>9} {'worst':>8} "
        f"{'its':>7} {'95 %':>6} {'median s':>9} {'95 %':>7} {'worst':>7} {'held':>6} "
        f"{'determ.':>7} {'of which':>8}"
    )


def summary(label, rows):
    """Print one row of a table; the last columns are of the 90 % intervals of the potential."""
    columns = {
        name: np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=float)
        for name in rows[0]
        if name not in ("name", "reason")
    }
    residuals, iterations, seconds = (columns[n] for n in ("residual", "iterations", "seconds"))
    click.echo(
        f"{label:>16} {len(rows):8d} {int(columns['reached'].sum()):8d} "
        f"{np.median(residuals):9.1e} {residuals.max():8.1e} "
        f"{np.median(iterations):7.1f} {np.percentile(iterations, 95):6.0f} "
        f"{np.median(seconds):9.2f} {np.percentile(seconds, 95):7.2f} {seconds.max():7.2f} "
        f"{columns['held'].mean():6.1%} {columns['determined'].mean():7.0%} "
        f"{np.nanmean(columns['held_where_determined']):8.1%}",
    )
    for row in rows:
        if not row["reached"]:
            click.echo(
                f"{'':>16} {row['name']}: {row['reason']}, {row['residual']:.1e}, gap "
                f"{row['gap']:.4f} Ha*, {row['iterations']} iterations"
            )


def goals(kept, first, n_targets, electrons):
    """Unseen targets from the closed-form start, to the tolerance of each number of electrons."""
    header("default dots: 64 x 64 pixels, L = 10, Coulomb")
    for n_electrons in electrons:
        tolerance, count = GOALS[n_electrons]
        rows = [
            kept.row(
                f"N = {n_electrons}, {index}", partial(inverted, index, n_electrons, tolerance)
            )
            for index in range(first, first + min(count, n_targets or count))
        ]
        summary(f"N = {n_electrons} to {tolerance:g}", rows)


def families(kept, first, n_targets):
    """Two electrons in other families, and in a larger box."""
    header("other families and boxes, N = 2 to 0.0001")
    for family, length, count in OTHERS:
        rows = [
            kept.row(
                f"{family}, L = {length:g}, {index}",
                partial(inverted, index, family=family, length=length),
            )
            for index in range(first, first + (n_targets or count))
        ]
        summary(f"{family}" if length == 10 else f"L = {length:g}", rows)


def perturbed(potential, error, index):
    """The potential and a smooth random error of so much of its standard deviation."""
    field = sample_potentials(1, Box(10.0), N_PIXELS, seed=SEED + 1, first=index)[0]
    return potential + error * potential.std() * field / field.std()


def starts(kept, first, n_targets, run):
    """Iterations from the closed form, from exact potentials with errors, and from a model."""
    kinds = {"closed form": lambda index: None}
    for error in ERRORS:
        kinds[f"exact + {error:.0%}"] = lambda index, e=error: (
            lambda _, potential: perturbed(potential, e, index)
        )
    if run is not None:
        kinds[f"model {Path(run).name}"] = lambda index: lambda target, _: propose(run, target)
    header("where the refinement starts, N = 2 to 0.0001")
    for kind, start in kinds.items():
        rows = [
            kept.row(f"start {kind}, {index}", partial(inverted, index, start=start(index)))
            for index in range(first, first + (n_targets or STARTS))
        ]
        summary(kind, rows)
        click.echo(f"{'start, dn':>16} {np.median([row['start_residual'] for row in rows]):.1e}")


def propose(run, target):
    """What a trained model proposes."""
    from keras_qd.inverse import _invert
    from keras_qd.inverse.problem import InverseProblem

    return _invert.propose(run, target[None], InverseProblem(box=Box(10.0), n_electrons=2))[0]


def noise(kept, first, n_targets):
    """Error of the potential by the discrepancy principle, with a threshold, and with neither."""
    click.echo("\nnoisy targets, N = 2: median error of V in Ha*, constant aside, density-weighted")
    click.echo(f"{'noise':>6} {'handled':>9} {'threshold':>10} {'neither':>9} {'determined':>10}")
    for size in NOISE:
        rows = [
            kept.row(f"noise {size:g}, {index}", partial(noisy, index, size))
            for index in range(first, first + (n_targets or NOISY))
        ]
        columns = ("handled", "threshold", "neither", "determined")
        found = np.array([[row[name] for name in columns] for row in rows])
        click.echo("{:6.0%} {:9.3f} {:10.3f} {:9.3f} {:10.0%}".format(size, *np.median(found, 0)))
        ratios = np.median(found[:, 1:3] / found[:, :1], axis=0)
        click.echo("{:>16} {:10.1f} {:9.1f}".format("times handled", *ratios))


def noisy(index, size):
    """Errors of the potential from one noisy density, handled in each way."""
    clean, potential = make_target(index, 2)
    generator = np.random.default_rng([SEED, index])
    density = clean * (1 + size * generator.standard_normal(clean.shape))
    density = normalised(np.maximum(density, 0.0), clean)
    # A threshold: no density below the share of its maximum that the noise has.
    floored = normalised(np.maximum(density, size * density.max()), clean)
    box, errors = Box(10.0), {}
    for name, target, settings in (
        ("handled", density, {"noise": size}),
        ("threshold", floored, {"max_iterations": MOST_FOLLOWED}),
        ("neither", density, {"max_iterations": MOST_FOLLOWED}),
    ):
        found = invert(target, box, 2, **settings)
        error = aligned(found.potential - potential, clean)
        errors[name] = float(np.sqrt(np.average(error**2, weights=clean)))
        if name == "handled":
            errors["determined"] = float(found.determined.mean())
    return errors


def normalised(density, like):
    """The density with as many electrons as another."""
    return density * (like.sum() / density.sum())


@click.command()
@click.option(
    "--only", type=click.Choice(["goals", "families", "starts", "noise"]), help="One part alone."
)
@click.option("--keep", type=click.Path(dir_okay=False), help="Keep each result in this file.")
@click.option("--run", type=click.Path(exists=True), help="Compare with this run's proposals.")
@click.option("--first", default=FIRST, help="Index of the first target.")
@click.option("--targets", type=int, help="Fewer targets of each kind.")
@click.option("--electrons", multiple=True, type=click.Choice(["2", "3", "4"]), help="These alone.")
def main(only, keep, run, first, targets, electrons):
    """Measure the inversion; ratios are taken within one run."""
    click.echo(f"processor seconds of one core: {processor()}")
    kept = Kept(keep)
    if only in (None, "goals"):
        goals(kept, first, targets, [int(n) for n in electrons] or list(GOALS))
    if only in (None, "families"):
        families(kept, first, targets)
    if only in (None, "starts"):
        starts(kept, first, targets, run)
    if only in (None, "noise"):
        noise(kept, first, targets)


if __name__ == "__main__":
    main()
