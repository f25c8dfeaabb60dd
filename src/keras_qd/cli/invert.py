"""``keras-qd invert``: potentials for wanted densities, each verified by the exact solver."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from keras_qd.cli.options import (
    COUNT,
    FAMILY_PARTS,
    LENGTH,
    FiniteRange,
    GroupedCommand,
    InputPath,
    OutputPath,
    as_json,
    backend,
    max_gigabytes,
    nested_settings,
    settings_option,
)
from keras_qd.cli.output import counting, echo, format_number, print_json, print_table
from keras_qd.errors import PhysicsError, UsageError

if TYPE_CHECKING:
    from keras_qd.inverse._invert import Proposals
    from keras_qd.inverse.outcome import Callback
    from keras_qd.inverse.results import Found

_FIGURES = (".png", ".pdf", ".svg")

_EXAMPLES = """\b
Examples:
  keras-qd invert two-lobes --set share=0.4 --electrons 2 --out lobes.npz
  keras-qd invert letters --set text=QD --electrons 2 --tolerance 0.02 --out qd.npz
  keras-qd invert picture.png --electrons 2 --length 12 --tolerance 0.05 --out picture.npz
  keras-qd invert dots.zarr --split test --run runs/density-to-potential --out inverted.zarr
  keras-qd invert ring --electrons 1 --family gate-array --set family.n_gates=6 --out ring.npz
"""


class Samples(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A selection of densities: a number, or START:STOP."""

    name = "samples"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> slice:
        """Return the slice."""
        if isinstance(value, slice):
            return value
        first, colon, last = str(value).partition(":")
        try:
            start = int(first or 0)
            stop = (int(last) if last else None) if colon else start + 1
        except ValueError:
            self.fail(f"{value!r} is neither a number nor START:STOP", param, ctx)
        return slice(start, stop)


class Noise(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A share of the density, or a .npy file with a standard deviation for each pixel."""

    name = "noise"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number or the array."""
        if str(value).endswith(".npy"):
            try:
                return np.load(value, allow_pickle=False)
            except (OSError, ValueError) as error:
                self.fail(f"{value} cannot be read: {error}", param, ctx)
        return FiniteRange(0, 1).convert(value, param, ctx)


@click.command(
    "invert",
    cls=GroupedCommand,
    epilog=_EXAMPLES,
    groups={
        "The target": ("settings", "field", "split", "samples", "points", "noise"),
        "The electrons and their box": (
            *("electrons", "length", "interaction", "thickness", "screening_length"),
            *("gate_distance", "strength"),
        ),
        "The potential": ("run", "half_waves", "gauge", "family"),
        "The search": ("tolerance", "max_iterations", "max_seconds", "workers"),
        "What is written": ("out", "figure", "no_figure", "force"),
    },
)
@click.argument("target", metavar="TARGET")
@click.option(
    "--out",
    required=True,
    type=OutputPath(),
    help="The .npz file or .zarr store to write.",
)
@click.option(
    "--electrons", type=click.IntRange(1, 6), help="Number of electrons.  [of the data or run]"
)
@click.option("--length", type=LENGTH, help="Side of the box in a0*.  [of the data or run, or 10]")
@click.option(
    "--points", type=click.IntRange(8, 1024), help="Pixels per side.  [of the target, or 64]"
)
@click.option("--interaction", help="coulomb, finite-thickness, screened, ... or none.  [coulomb]")
@click.option("--thickness", type=LENGTH, help="For finite-thickness, in a0*.  [0.3]")
@click.option("--screening-length", type=LENGTH, help="For screened, in a0*.  [1]")
@click.option("--gate-distance", type=LENGTH, help="For image-charge, in a0*.  [1]")
@click.option("--strength", type=FiniteRange(0, 1e4), help="Factor on the interaction.  [1]")
@click.option(
    "--run",
    type=InputPath(),
    help="Run of a density-to-potential task, or the pretrained density-to-potential: its model "
    "proposes the initial potential.",
)
@click.option(
    "--tolerance",
    type=FiniteRange(min=0, min_open=True),
    default=1e-4,
    show_default=True,
    help="Largest accepted integral |dn| / N.",
)
@click.option(
    "--gauge",
    default="zero-mean",
    show_default=True,
    help="How the constant of the potential is fixed: zero-mean or zero-at-lowest-density.",
)
@click.option(
    "--half-waves",
    type=click.IntRange(1, 512),
    help="Resolution of the potential: half waves along the side.  [20, or 28 for drawn targets]",
)
@click.option(
    "--noise",
    type=Noise(),
    help="Standard deviation of the noise: relative, such as 0.01, or a .npy file with a value in "
    "1/a0*^2 for each pixel.  [none]",
)
@click.option("--family", help="Search only this potential family, such as a tunable device.")
@settings_option("the target or the family", "width=0.1 or family.gate_energy=[-5,5]")
@click.option("--field", help="Array of a .npz file, or field of a store.  [density]")
@click.option("--split", default="test", show_default=True, help="Split of a store, or all.")
@click.option("--samples", type=Samples(), default=":", help="Samples, such as 3 or 0:20.  [all]")
@click.option("--workers", type=COUNT, help="Number of processes.  [usable cores]")
@click.option(
    "--max-iterations",
    type=click.IntRange(1, 10**6),
    help="Limit of exact solutions per target.  [200]",
)
@click.option(
    "--max-seconds",
    type=FiniteRange(min=0, min_open=True),
    help="Limit of processor time per target, in seconds.  [60]",
)
@click.option("--figure", type=OutputPath(file=True), help="Figure to write.  [OUT.png]")
@click.option("--no-figure", is_flag=True, help="Do not draw a figure.")
@click.option("--force", is_flag=True, help="Replace a .npz file if it exists.")
@backend
@max_gigabytes
@as_json
def command(
    target: str,
    out: Path,
    settings: tuple[str, ...],
    figure: Path | None,
    no_figure: bool,
    workers: int | None,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Find potentials whose exact ground states have the given densities.

    TARGET is a shape (two-lobes, ring, cross, letters), a .npy or .npz file with one density or
    several along the first axis, an image (brighter means denser), or a stored data set. A model
    may propose the initial potential; the exact solver verifies the result. Every potential is
    written to OUT with its exact density, energy and distance to the target. If the tolerance is
    not met, the nearest potential is written, and the exit code is 1.
    """
    from keras_qd.inverse.results import check_output, write_inversions
    from keras_qd.inverse.session import open_session

    check_output(out, force)
    picture = figure or out.with_suffix(".png")
    _check_figure(picture)
    given = nested_settings(settings, FAMILY_PARTS)
    of_family = given.pop("family_settings", {})
    session = open_session(target, settings=given, family_settings=of_family, **options)
    started = time.monotonic()
    with counting("inverting", "targets") as count:
        found = session.invert(workers, count, _iterations(len(session.targets)))
    seconds = time.monotonic() - started
    write_inversions(out, found.results())
    written = [out] if no_figure else [out, picture]
    if not no_figure:
        _draw(found, picture)
    summary = {**found.summary(), "seconds": seconds, "written": [str(path) for path in written]}
    if as_json:
        print_json(summary)
    else:
        _print(summary, session.proposals)
    if found.shortfall:
        raise PhysicsError(f"{found.shortfall}; the nearest is in {out}")


def _iterations(n_targets: int) -> Callback | None:
    """Return what shows each solution of a single target, on a terminal."""
    if n_targets != 1 or not sys.stderr.isatty():
        return None
    return lambda solution: click.echo(
        f"  solution {solution.number}: integral |dn| / N = {solution.residual:.2g}", err=True
    )


def _check_figure(path: Path) -> None:
    """Raise `UsageError` unless a figure can be written to `path`."""
    if path.suffix.lower() not in _FIGURES:
        raise UsageError(f"a figure must end in one of {', '.join(_FIGURES)}, got {path}")


def _draw(found: Found, path: Path) -> None:
    """Write a figure of the only inversion, or of the best, the median and the worst."""
    from keras_qd._files import write_bytes
    from keras_qd.report.figures.inversions import inversion_figure, inversions_figure
    from keras_qd.report.figures.style import encode, figure_style

    with figure_style():
        if len(found.inversions) == 1:
            (only,) = found.inversions.values()
            figure = inversion_figure(only, found.title)
        else:
            ranked = found.ranked()
            titles = [f"{label}: target {number}" for label, (number, _) in ranked.items()]
            inversions = [each for _, each in ranked.values()]
            figure = inversions_figure(inversions, titles)
        write_bytes(path, encode(figure, path.suffix.lower().removeprefix(".")))


def _print(summary: dict[str, Any], proposals: Proposals | None) -> None:
    """Print all numbers for a single target, and their distribution for several."""
    start = "default start" if proposals is None else f"proposed by {proposals.name}"
    found = summary["inversions"]
    rows = _one(found[0], start) if summary["n_targets"] == 1 else _several(summary, start)
    rows.insert(0, ("target", _describe(summary)))
    rows.append(("time", f"{summary['seconds']:.1f} s"))
    print_table(rows)
    for name, value in found[0].get("parameters", {}).items() if len(found) == 1 else ():
        echo(f"  {name} = {format_number(value)}")
    echo(f"\nwritten: {', '.join(summary['written'])}")


def _describe(summary: dict[str, Any]) -> str:
    problem = summary["problem"]
    count = "" if summary["n_targets"] == 1 else f"{summary['n_targets']} of "
    electrons = (
        "1 electron" if problem["n_electrons"] == 1 else f"{problem['n_electrons']} electrons"
    )
    side = format_number(problem["box_length"])
    family = "" if problem["family"] is None else f", potentials of {problem['family']}"
    return (
        f"{count}{summary['targets']}: {electrons} in a box of {side} a0*, interaction "
        f"{problem['interaction']}{family}"
    )


def _one(found: dict[str, Any], start: str) -> list[tuple[str, str]]:
    """Return the rows for one target."""
    gap = "" if found["gap"] is None else f", gap {format_number(found['gap'])} Ha*"
    share = f"{100 * found['determined']:.0f} % of the box"
    error = found["potential_error"]
    return [
        ("start", f"{_distance(found['start_residual'])}, {start}"),
        ("reached", f"{_distance(found['residual'])}, {found['iterations']} iterations"),
        *([] if found["nearest"] is None else [("nearest", _NEAREST)]),
        ("energy", f"{format_number(found['energy'])} Ha*{gap}"),
        *_duality(found["duality_gap"], found["duality_bound"]),
        *([] if error is None else [("potential", f"+- {error:.2g} Ha* (90 %)")]),
        ("determined", share),
    ]


def _duality(gap: float | None, bound: float | None) -> list[tuple[str, str]]:
    """Return the row of the estimated distance from the maximum, and of its bound."""
    estimate = [] if gap is None else [f"about {gap:.1g} Ha*"]
    limit = [] if bound is None else [f"at most {bound:.1g} Ha* within 1 Ha* of the potential"]
    return [("dual gap", "; ".join(estimate + limit))] if estimate or limit else []


#: What follows where the search found nothing nearer.
_NEAREST = "this is the nearest density found: the target is not that of a ground state"


def _several(summary: dict[str, Any], start: str) -> list[tuple[str, str]]:
    """Return the rows for several targets."""
    found = summary["inversions"]
    starts = [each["start_residual"] for each in found if each["start_residual"] is not None]
    residuals = [each["residual"] for each in found]
    iterations = [each["iterations"] for each in found]
    return [
        ("start", f"median {_distance(float(np.median(starts)) if starts else None)}, {start}"),
        ("reached", f"median {_distance(float(np.median(residuals)))}, worst {max(residuals):.2g}"),
        ("iterations", f"median {np.median(iterations):g}, most {max(iterations)}"),
        ("converged", f"{summary['n_converged']} of {summary['n_targets']}"),
    ]


def _distance(value: float | None) -> str:
    return "refused by the solver" if value is None else f"integral |dn| / N = {value:.2g}"
